"""What is desired: versions, preconditions, conflicts, history, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from devices.errors import DeviceArchived
from devices.services import unpairing
from edge.protocol.messages import TwinDesired
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, PreconditionRequired, ValidationFailed
from kernel.models import LiveEvent
from tests.factories.sites import join
from tests.factories.users import actor_of, make_actor, tenant_of
from twins import selectors
from twins.errors import RevisionGone, TwinVersionConflict
from twins.models import TwinPolicy, TwinRevision
from twins.services import desiring
from twins.types import TwinView

if TYPE_CHECKING:
    from tests.factories.devices import Board

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"
MACHINE = Actor.system("automation.test")


def desire(board: Board, patch: dict[str, Any], actor: Actor = MACHINE, **more: Any) -> TwinView:
    more.setdefault("now", timezone.now())
    return desiring.patch_desired(device_uid=board.uid, patch=patch, actor=actor, **more)


def put(board: Board, document: dict[str, Any], actor: Actor = MACHINE, **more: Any) -> TwinView:
    more.setdefault("now", timezone.now())
    return desiring.replace_desired(device_uid=board.uid, document=document, actor=actor, **more)


def revisions(board: Board) -> list[TwinRevision]:
    rows = TwinRevision.objects.unscoped(WHY).filter(device_id=board.device_id)
    return list(rows.order_by("section", "version"))


def test_a_change_makes_a_version_and_the_same_again_makes_none(owner: Actor, board: Board) -> None:
    first = desire(board, {"a": {"b": 1}, "c": None}, owner, if_match="*")
    again = desire(board, {"a": {"b": 1.0}, "never": None}, owner, if_match=first.etag)
    assert first.desired == {"a": {"b": 1}}
    assert (again.desired_version, again.etag) == (1, first.etag)
    second = desire(board, {"a": None}, owner, if_match=first.etag)
    assert (second.desired, second.desired_version) == ({}, 2)
    assert [row.version for row in revisions(board)] == [1, 2]
    assert revisions(board)[1].changes == [{"path": "/a", "old": {"b": 1}}]
    assert {row.by for row in revisions(board)} == {owner.label}


def test_a_document_that_was_put_may_hold_null(owner: Actor, board: Board) -> None:
    view = put(board, {"a": None, "n": 1e300, "m": 1.2345678901234568e18}, owner, if_match="*")
    read = selectors.twin_of(actor=owner, device_uid=board.uid)
    assert read.desired == view.desired == {"a": None, "n": 1e300, "m": 1234567890123456768}
    assert put(board, view.desired, owner, if_match=view.etag).desired_version == 1


def test_people_name_the_version_and_machines_if_the_tenant_says_so(
    owner: Actor, board: Board
) -> None:
    with pytest.raises(PreconditionRequired):
        desire(board, {"a": 1}, owner)
    assert desire(board, {"a": 1}).desired_version == 1
    TwinPolicy.objects.create(
        tenant_id=tenant_of(owner), machines_need_if_match=True, changed_at=timezone.now()
    )
    with pytest.raises(PreconditionRequired):
        desire(board, {"a": 2})
    assert desire(board, {"a": 2}, if_match="*").desired_version == 2


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        ("*", True),
        (" * ", True),
        ('"2.2"', True),
        ('"2"', True),
        # What the device reported meanwhile makes nobody's change a stale one.
        ('"2.1"', True),
        ('"1.1", "2.2"', True),
        ('"1.1" , W/"2.2"', False),
        ('W/"2.2"', False),
        ('"1.1"', False),
        ('"3.3"', False),
        ('"02x"', False),
        ('"99999999999999999999"', False),
        ('""', False),
    ],
)
def test_if_match_is_read_as_the_rfc_has_it(
    owner: Actor, board: Board, header: str, holds: bool
) -> None:
    desire(board, {"a": 1})
    assert desire(board, {"a": 2}).etag == '"2.2"'
    if holds:
        assert desire(board, {"a": 3}, owner, if_match=header).desired_version == 3
        return
    with pytest.raises(TwinVersionConflict) as refused:
        desire(board, {"a": 3}, owner, if_match=header)
    assert refused.value.etag == '"2.2"'


@pytest.mark.parametrize("header", ["", "2", '"2', "*, *", '"a" "b"', 'w/"2.2"'])
def test_if_match_that_is_no_list_of_tags_is_a_mistake(
    owner: Actor, board: Board, header: str
) -> None:
    with pytest.raises(ValidationFailed):
        desire(board, {"a": 3}, owner, if_match=header)


def test_a_stale_write_is_told_what_both_sides_made_of_what(owner: Actor, board: Board) -> None:
    base = desire(board, {"a": 1, "b": 1}, owner, if_match="*")
    desire(board, {"a": 2}, owner, if_match="*")
    with pytest.raises(TwinVersionConflict) as refused:
        desire(board, {"b": 5}, owner, if_match=base.etag)
    told = refused.value.details
    assert told["base"] == {"version": 1, "document": {"a": 1, "b": 1}}
    assert told["theirs"]["document"] == {"a": 2, "b": 1}
    assert (told["theirs"]["version"], told["theirs"]["by"]) == (2, owner.label)
    assert told["theirs"]["paths"] == ["/a"]
    assert told["yours"] == {"document": {"a": 1, "b": 5}, "paths": ["/b"]}
    assert (told["mergeable"], told["overlapping"]) == (True, [])
    assert told["merged"] == {"a": 2, "b": 5}
    assert told["etag"] == refused.value.etag
    # Both together are to be had with the same patch and the fresh tag.
    assert desire(board, {"b": 5}, owner, if_match=told["etag"]).desired == told["merged"]


def test_changes_of_the_same_place_are_not_merged(owner: Actor, board: Board) -> None:
    base = desire(board, {"a": {"x": 1}}, owner, if_match="*")
    put(board, {"b": 1}, owner, if_match="*")
    with pytest.raises(TwinVersionConflict) as refused:
        desire(board, {"a": {"x": 2}}, owner, if_match=base.etag)
    told = refused.value.details
    assert (told["mergeable"], told["merged"]) == (False, None)
    assert told["overlapping"] == ["/a/x"]
    assert selectors.twin_of(actor=owner, device_uid=board.uid).desired == {"b": 1}


def test_a_tag_that_nobody_gave_out_is_a_conflict_without_a_base(
    owner: Actor, board: Board
) -> None:
    desire(board, {"a": 1})
    with pytest.raises(TwinVersionConflict) as refused:
        desire(board, {"a": 2}, owner, if_match='"77.1"')
    assert refused.value.details["base"] is None
    assert refused.value.details["yours"]["document"] == {"a": 2}


def test_a_document_out_of_bounds_is_refused_with_its_place(owner: Actor, board: Board) -> None:
    desire(board, {"half": "x" * 40_000})
    with pytest.raises(ValidationFailed) as refused:
        desire(board, {"other": {"half": "x" * 40_000}})
    assert list(refused.value.details) == ["/"]
    with pytest.raises(ValidationFailed) as refused:
        desire(board, {"a": {"b" * 200: 1}})
    assert list(refused.value.details) == ["/a"]
    assert selectors.twin_of(actor=owner, device_uid=board.uid).desired_version == 1


def test_every_version_is_rebuilt_exactly(owner: Actor, board: Board) -> None:
    start = timezone.now() - timedelta(hours=3)
    made: list[dict[str, Any]] = [{}]
    for number in range(1, 71):
        patch = {"n": number, "even": {str(number): 1} if number % 2 == 0 else None}
        now = start + timedelta(minutes=number)
        made.append(desire(board, patch, now=now).desired)
    kept = [row.version for row in revisions(board) if row.document is not None]
    assert kept == [32, 64]
    for version in (0, 1, 2, 31, 32, 33, 63, 64, 69, 70):
        view = selectors.twin_at(actor=owner, device_uid=board.uid, at=version)
        assert (view.desired_version, view.desired) == (version, made[version])
    moment = start + timedelta(minutes=40, seconds=1)
    assert selectors.twin_at(actor=owner, device_uid=board.uid, at=moment).desired == made[40]
    assert selectors.twin_at(actor=owner, device_uid=board.uid, at=start).desired == {}
    with pytest.raises(RevisionGone):
        selectors.twin_at(actor=owner, device_uid=board.uid, at=71)


def test_two_versions_are_compared(owner: Actor, board: Board) -> None:
    put(board, {"a": 1, "b": {"c": 1}})
    put(board, {"b": {"c": 2}, "d": 1})
    found = selectors.diff_of(
        actor=owner, device_uid=board.uid, section="desired", before=1, after=None
    )
    assert [change.as_json() for change in found.changes] == [
        {"path": "/a", "old": 1},
        {"path": "/b/c", "old": 1, "new": 2},
        {"path": "/d", "new": 1},
    ]
    assert found.patch == {"a": None, "b": {"c": 2}, "d": 1}
    put(board, {"b": None})
    found = selectors.diff_of(
        actor=owner, device_uid=board.uid, section="desired", before=2, after=3
    )
    assert found.patch is None


def test_a_version_is_restored_as_a_new_one(owner: Actor, board: Board) -> None:
    put(board, {"a": None, "b": 1})
    second = desire(board, {"b": 2})
    view = desiring.restore_revision(
        device_uid=board.uid, version=1, if_match=second.etag, actor=owner, now=timezone.now()
    )
    assert (view.desired, view.desired_version) == ({"a": None, "b": 1}, 3)
    assert (revisions(board)[-1].origin, revisions(board)[-1].restored) == ("restore", 1)
    with pytest.raises(RevisionGone):
        desiring.restore_revision(
            device_uid=board.uid, version=9, if_match="*", actor=owner, now=timezone.now()
        )


def test_only_operators_of_the_tenant_may_desire(owner: Actor, board: Board) -> None:
    viewer = actor_of(join(owner, "viewer"))
    with pytest.raises(PermissionDenied):
        desire(board, {"a": 1}, viewer, if_match="*")
    assert selectors.twin_of(actor=viewer, device_uid=board.uid).desired_version == 0
    stranger = make_actor()
    with pytest.raises(NotFound):
        desire(board, {"a": 1}, stranger, if_match="*")
    with pytest.raises(NotFound):
        selectors.twin_of(actor=stranger, device_uid=board.uid)
    assert desire(board, {"a": 1}, actor_of(join(owner, "operator")), if_match="*")


def test_an_archived_twin_is_read_and_not_changed(owner: Actor, board: Board) -> None:
    desire(board, {"a": 1})
    assert selectors.drift_count(owner) == 1
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    with pytest.raises(DeviceArchived):
        desire(board, {"a": 2}, owner, if_match="*")
    view = selectors.twin_of(actor=owner, device_uid=board.uid)
    assert (view.desired, view.sync, view.drift_since) == ({"a": 1}, "unknown", None)
    assert selectors.drift_count(owner) == 0
    assert board.row().final_state["twin"]["desired"] == {"a": 1}
    assert board.row().final_state["twin"]["sync"] == "drift"


def test_a_change_is_audited_told_and_to_be_delivered(owner: Actor, board: Board) -> None:
    cause = [{"kind": "rule", "id": "r1", "label": "Night", "via": "rule"}]
    desire(board, {"a": {"b": "secret"}}, owner, if_match="*", cause=cause)
    entry = AuditEntry.objects.unscoped(WHY).get(action="twins.desired.changed")
    assert (entry.before, entry.after) == (
        {"version": 0}, {"version": 1, "changed": 1, "paths": ["/a"]},
    )  # fmt: skip
    assert [link["kind"] for link in entry.cause] == ["rule", "user"]
    assert [link["kind"] for link in revisions(board)[0].cause] == ["rule", "user"]
    told = LiveEvent.objects.filter(kind="twin_changed").get().payload
    assert (told["device_uid"], told["desired_version"]) == (board.uid, 1)
    assert told["sync"] == "drift"
    ids = [board.device_id]
    assert selectors.desired_versions(ids) == {board.device_id: (1, 0)}
    message = TwinDesired(version=1, desired={"a": {"b": "secret"}})
    assert selectors.unapplied_desired(ids) == {board.device_id: message}


def test_a_clock_that_is_set_back_makes_no_version_older_than_the_one_before(
    owner: Actor, board: Board
) -> None:
    now = timezone.now()
    first = desire(board, {"a": 1}, now=now)
    second = desire(board, {"a": 2}, now=now - timedelta(minutes=5))
    assert first.desired_at == second.desired_at == now


def test_the_actor_of_another_tenant_counts_only_its_own_drifts(owner: Actor, board: Board) -> None:
    desire(board, {"a": 1})
    assert selectors.drift_count(owner) == 1
    assert selectors.drift_count(replace(owner, roles={})) == 0
    assert selectors.drift_count(make_actor()) == 0
