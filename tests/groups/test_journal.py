"""The journal of memberships: what joined and left a group, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from accounts.registry import account_erasers
from commands.registry import targets
from devices.models import Device
from devices.services import editing, erasing, sessions, unpairing
from devices.types import DeviceChanges
from groups import definitions, selectors
from groups.choices import MembershipChange, Why
from groups.errors import QueryTooSlow
from groups.events import DeviceJoinedGroup, DeviceLeftGroup
from groups.models import DeviceGroup, GroupMember, MembershipEvent
from groups.services import following, grouping, journal, members
from groups.types import GroupChanges, Line, MembersEdit
from kernel import events
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from tests.accounts.people import at_once
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]

WHOLE = timedelta(seconds=61)


def dynamic(owner: Actor, query: str, *, now: datetime | None = None) -> DeviceGroup:
    return grouping.create_dynamic(
        name=query,
        definition=definitions.defined(query=query),
        actor=owner,
        now=now or timezone.now(),
    )


def tag(owner: Actor, board: Board, *tags: str) -> None:
    changes = DeviceChanges(tags=list(tags))
    editing.update_device(device_uid=board.uid, changes=changes, actor=owner, now=timezone.now())


def lines(group: DeviceGroup) -> list[MembershipEvent]:
    """The group's journal, oldest first."""
    rows = MembershipEvent.objects.unscoped("tests look at everything")
    return list(rows.filter(group=group).order_by("pk"))


def recorded(group: DeviceGroup) -> set[int]:
    """Devices that the journal knows in the group."""
    rows = GroupMember.objects.unscoped("tests look at everything")
    return set(rows.filter(group=group).values_list("device_id", flat=True))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Events of memberships that were delivered."""
    found: list[Any] = []
    for kind in (DeviceJoinedGroup, DeviceLeftGroup):
        monkeypatch.setitem(events._subscribers, kind, [found.append])
    yield found


def test_a_sweep_tells_the_first_members_and_then_only_changes(
    owner: Actor, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    boards = [make_device(owner) for _ in range(3)]
    for board in boards[:2]:
        tag(owner, board, "lobby")
    group = dynamic(owner, "tag:lobby")
    now = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        assert following.sweep(now) == 1
    assert recorded(group) == {board.device_id for board in boards[:2]}
    assert {line.cause["why"] for line in lines(group)} == {Why.GROUP_CREATED}
    assert [event.device_id for event in heard] == [board.device_id for board in boards[:2]]
    frame = LiveEvent.objects.filter(kind="group_members_changed").get()
    assert frame.payload == {"group_uid": group.uid, "joined": 2, "left": 0}
    # It is not due again before its time, and then nothing has changed.
    assert following.sweep(now) == 0
    assert following.sweep(now + WHOLE) == 1
    assert len(lines(group)) == 2


def test_a_change_of_facts_is_told_with_what_is_otherwise(
    owner: Actor, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    board = connected_device(owner)
    tag(owner, board, "lobby")
    group = dynamic(owner, "tag:lobby and status:online and not name:x")
    now = timezone.now()
    following.sweep(now)
    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason="connection_closed", now=now
    )
    with django_capture_on_commit_callbacks(execute=True):
        following.sweep(now + WHOLE)
    left = lines(group)[-1]
    assert (left.change, left.cause["why"]) == (MembershipChange.LEFT, Why.FACTS_CHANGED)
    assert left.cause["changed"] == [
        {"pointer": "/all/1", "condition": "status:online", "is_met": False, "actual": "offline"}
    ]
    assert [type(event) for event in heard] == [DeviceLeftGroup]
    # It comes back: what is otherwise since it left, and nothing else.
    sessions.open_session(device_id=board.device_id, address=None, now=now)
    following.sweep(now + 2 * WHOLE)
    joined = lines(group)[-1]
    assert (joined.change, recorded(group)) == (MembershipChange.JOINED, {board.device_id})
    assert [part["pointer"] for part in joined.cause["changed"]] == ["/all/1"]


def test_a_new_device_and_a_new_query_are_told_as_such(owner: Actor) -> None:
    now = timezone.now()
    group = dynamic(owner, "class:relay_controller", now=now - WHOLE)
    following.sweep(now - WHOLE)
    board = make_device(owner)
    following.sweep(timezone.now())
    assert [line.cause["why"] for line in lines(group)] == [Why.DEVICE_NEW]
    grouping.update_group(
        group_uid=group.uid, changes=GroupChanges(query="tag:none"), actor=owner, now=now
    )
    following.sweep(timezone.now())
    last = lines(group)[-1]
    assert (last.change, last.cause) == (
        MembershipChange.LEFT, {"why": Why.QUERY_CHANGED, "query": "tag:none"},
    )  # fmt: skip
    assert (recorded(group), board.device_id) == (set(), last.device_id)


def test_static_members_are_told_at_once_with_who_did_it(
    owner: Actor, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    first, second = make_device(owner), make_device(owner)
    with django_capture_on_commit_callbacks(execute=True):
        group, _ = members.create_with_members(
            name="By name", device_uids=[first.uid], actor=owner, now=timezone.now()
        )
        edit = MembersEdit(add=[second.uid], remove=[first.uid])
        members.change_members(group_uid=group.uid, edit=edit, actor=owner, now=timezone.now())
        # The same again is no change.
        members.change_members(group_uid=group.uid, edit=edit, actor=owner, now=timezone.now())
    told = [(line.device_id, line.change) for line in lines(group)]
    assert told == [
        (first.device_id, "joined"), (first.device_id, "left"), (second.device_id, "joined"),
    ]  # fmt: skip
    assert all(line.cause["chain"][0]["id"] == owner.id for line in lines(group))
    assert len(heard) == 3
    assert following.sweep(timezone.now() + WHOLE) == 0


def test_many_changes_are_written_in_pieces_and_the_rest_comes_first_next_time(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_TOGETHER", 2)
    for _ in range(5):
        make_device(owner)
    group = dynamic(owner, "class:relay_controller")
    now = timezone.now()
    following.sweep(now, budget_s=0)
    assert len(recorded(group)) == 2
    following.sweep(now, budget_s=60)
    assert len(recorded(group)) == len(lines(group)) == 5
    assert lines(group)[-1].cause["why"] == Why.GROUP_CREATED


def test_a_query_that_takes_too_long_waits_and_is_shown(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = dynamic(owner, "class:relay_controller")

    def too_slow(*_: Any) -> Any:
        raise QueryTooSlow

    now = timezone.now()
    with monkeypatch.context() as patched:
        patched.setattr(following, "_differences", too_slow)
        following.sweep(now)
    group.refresh_from_db(from_queryset=DeviceGroup.objects.unscoped("test"))
    assert (group.sweep_error, group.sweep_due_at) == ("query_too_slow", now + timedelta(minutes=5))
    assert following.sweep(now + WHOLE) == 0
    make_device(owner)
    following.sweep(now + timedelta(minutes=6))
    group.refresh_from_db(from_queryset=DeviceGroup.objects.unscoped("test"))
    assert (group.sweep_error, len(recorded(group))) == ("", 1)


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_write_each_change_once(owner: Actor) -> None:
    boards = [make_device(owner) for _ in range(8)]
    groups = [dynamic(owner, f"class:relay_controller and not name:{n}") for n in range(3)]
    now = timezone.now()

    def sweep(_: int) -> None:
        try:
            following.sweep(now, budget_s=60)
        finally:
            connections.close_all()

    at_once(4, sweep)
    for group in groups:
        assert len(lines(group)) == len(recorded(group)) == len(boards)


def test_a_removed_group_is_followed_no_more_and_its_journal_ends_in_time(owner: Actor) -> None:
    make_device(owner)
    group = dynamic(owner, "class:relay_controller")
    now = timezone.now()
    following.sweep(now)
    grouping.delete_group(group_uid=group.uid, actor=owner, now=now)
    assert (following.sweep(now + WHOLE), recorded(group)) == (0, set())
    kept = timedelta(days=settings.GROUP_JOURNAL_DAYS)
    assert journal.forget_old(now + kept - timedelta(hours=1)) == 0
    assert journal.forget_old(now + kept + timedelta(hours=1)) == 1
    assert lines(group) == []


def test_old_lines_go_in_pieces_and_hold_up_no_other_job(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = [make_device(owner).uid for _ in range(3)]
    now = timezone.now()
    members.create_with_members(name="By name", device_uids=boards, actor=owner, now=now)
    later = now + timedelta(days=settings.GROUP_JOURNAL_DAYS + 1)
    monkeypatch.setattr(journal, "_CHUNK", 2)
    assert [journal.forget_old(later, budget_s=0) for _ in range(3)] == [2, 1, 0]


def test_a_group_that_goes_while_it_is_looked_at_is_not_due_again(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = dynamic(owner, "class:relay_controller")
    now = timezone.now()

    def removed(*_: Any) -> bool:
        grouping.delete_group(group_uid=group.uid, actor=owner, now=now)
        return False

    monkeypatch.setattr(following, "_follow", removed)
    assert following.sweep(now, budget_s=0) == 1
    group.refresh_from_db(from_queryset=DeviceGroup.objects.unscoped("test"))
    assert group.sweep_due_at is None


def test_a_leaving_is_told_once_by_whoever_takes_the_device_out(owner: Actor) -> None:
    board = make_device(owner)
    now = timezone.now()
    group, _ = members.create_with_members(
        name="By name", device_uids=[board.uid], actor=owner, now=now
    )
    left = [Line(device_id=board.device_id, change=MembershipChange.LEFT)]
    for _ in range(2):
        with unit_of_work():
            journal.write(group=group, lines=left, now=now)
    assert [line.change for line in lines(group)] == ["joined", "left"]
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=now)
    assert len(lines(group)) == 2


def test_groups_and_queries_name_the_devices_of_batches_as_they_are_now(owner: Actor) -> None:
    board, other = make_device(owner), make_device(owner)
    tag(owner, board, "lobby")
    group = dynamic(owner, "tag:lobby")
    by_group = targets()["group"](owner, group.uid)
    assert (list(by_group.device_ids), by_group.tenant_id) == ([board.device_id], tenant_of(owner))
    for value in ("tag:lobby", {"tag": "lobby"}):
        assert list(targets()["query"](owner, value).device_ids) == [board.device_id]
    pinned = selectors.pin(group=group, actor=owner, now=timezone.now())
    tag(owner, other, "lobby")
    live = selectors.members_now(group=group, actor=owner, now=timezone.now())
    assert (pinned, set(live)) == ([board.device_id], {board.device_id, other.device_id})
    for name, value, place in (
        ("query", "and", ["/query"]),
        ("query", {"secret": 1}, ["/query/secret"]),
    ):
        with pytest.raises(definitions.InvalidQuery) as refused:
            targets()[name](owner, value)
        assert list(refused.value.details) == place
    with pytest.raises(NotFound):
        targets()["group"](make_actor(), group.uid)


def test_an_erased_device_leaves_no_reasons_and_an_erased_account_no_groups(owner: Actor) -> None:
    board = make_device(owner)
    tag(owner, board, "secret=canary")
    group = dynamic(owner, "tag:secret=canary")
    now = timezone.now()
    following.sweep(now)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=now)
    assert [line.cause["why"] for line in lines(group)] == [Why.GROUP_CREATED, Why.DEVICE_GONE]
    erasing.request_erasure(device_uid=board.uid, actor=owner, now=now)
    erasing.run_erasures(now + timedelta(seconds=5))
    assert [line.cause for line in lines(group)] == [{}, {}]
    archived = Device.all_objects.unscoped("test").get(pk=board.device_id)
    assert "groups" not in (archived.final_state or {})
    other = dynamic(make_actor(), "tag:secret")
    part = account_erasers()["groups"](0, [tenant_of(owner)], now)
    assert part.is_done
    left = DeviceGroup.objects.unscoped("test").values_list("pk", flat=True)
    assert (list(left), lines(group)) == ([other.pk], [])
