"""One request for many devices: written first, asked at a pace, braked, held up, called off."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from commands import batch_selectors, errors
from commands.batch_types import BatchOrder, BatchView
from commands.models import BatchMember, Command, CommandBatch
from commands.services import (
    batch_control,
    batch_runs,
    batching,
    cancelling,
    requesting,
    sweeping,
)
from devices.models import Device
from devices.services import unpairing
from edge.protocol.messages import AckStatus
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.unit_of_work import require_unit_of_work
from tests.accounts import households
from tests.commands.ledger import answer, at, commands_of, pull
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.django_db, pytest.mark.core]
WHY = "tests look at everything"


def order_for(*boards: Board, **more: Any) -> BatchOrder:
    target = {"devices": [board.uid for board in boards]}
    return replace(BatchOrder(kind="reboot", payload={}, target=target), **more)


def created(owner: Actor, *boards: Board, **more: Any) -> BatchView:
    return batching.create_batch(order=order_for(*boards, **more), actor=owner, now=at(0))


def shown(owner: Actor, batch: BatchView) -> BatchView:
    found = batch_selectors.batch_by_uid(actor=owner, uid=uuid.UUID(batch.id))
    return batch_selectors.view_of(found, owner)


def settled(board: Board, status: AckStatus, seconds: float) -> None:
    (message,) = pull(board, at(seconds))
    answer(board, message.command_id, at(seconds), status=status)


@pytest.fixture
def boards(owner: Actor) -> list[Board]:
    return [connected_device(owner, now=at(-10)) for _ in range(3)]


def test_each_device_gets_one_command_and_the_batch_ends_with_the_last(
    owner: Actor, boards: list[Board]
) -> None:
    batch = created(owner, *boards)
    assert (batch.total, batch.counts.pending, batch.state) == (3, 3, "running")
    assert batch_runs.run(at(1)) == 3
    assert batch_runs.run(at(1)) == 0
    assert [len(commands_of(board)) for board in boards] == [1, 1, 1]
    cause = commands_of(boards[0])[0].cause
    assert [link["kind"] for link in cause] == ["user", "system"]
    assert cause[-1]["id"] == batch.id
    for board in boards:
        settled(board, AckStatus.SUCCEEDED, 2)
    batch_runs.run(at(10))
    done = shown(owner, batch)
    assert (done.state, done.counts.succeeded, done.counts.open) == ("done", 3, 0)
    assert done.finished_at == at(10)


def test_a_paced_batch_asks_no_faster(owner: Actor, boards: list[Board]) -> None:
    created(owner, *boards, per_minute=30)
    assert [batch_runs.run(at(second)) for second in (0, 1, 2, 3, 4)] == [1, 0, 1, 0, 1]


def test_too_many_failures_end_it_and_take_back_what_waits(owner: Actor) -> None:
    online = [connected_device(owner, now=at(-10)) for _ in range(2)]
    silent = [make_device(owner, now=at(-10)) for _ in range(2)]
    batch = created(owner, *online, *silent, per_minute=90, abort_percent=50, abort_sample=2)
    assert batch_runs.run(at(1)) == 3
    for board in online:
        settled(board, AckStatus.FAILED, 2)
    for second in (4, 5):
        assert batch_runs.run(at(second)) == 0
    ended = shown(owner, batch)
    assert (ended.state, ended.reason) == ("aborted", "too_many_failures")
    assert (ended.counts.failed, ended.counts.skipped, ended.counts.cancelled) == (2, 1, 1)
    assert ended.counts.open == ended.counts.pending == 0
    assert not commands_of(silent[1])


def test_one_that_is_held_up_asks_nobody_until_it_goes_on(
    owner: Actor, boards: list[Board]
) -> None:
    batch = created(owner, *boards, per_minute=30)
    batch_runs.run(at(0))
    uid = uuid.UUID(batch.id)
    paused = batch_control.pause_batch(batch_uid=uid, actor=owner, now=at(1))
    assert (paused.state, paused.counts.pending) == ("paused", 2)
    assert batch_runs.run(at(60)) == 0
    assert batch_control.resume_batch(batch_uid=uid, actor=owner, now=at(61)).state == "running"
    assert batch_runs.run(at(61)) == 1


def test_one_that_is_called_off_takes_back_and_never_goes_on(
    owner: Actor, boards: list[Board]
) -> None:
    batch = created(owner, *boards, per_minute=30)
    batch_runs.run(at(0))
    uid = uuid.UUID(batch.id)
    batch_control.cancel_batch(batch_uid=uid, actor=owner, now=at(1))
    for second in (2, 3):
        assert batch_runs.run(at(second)) == 0
    ended = shown(owner, batch)
    assert (ended.state, ended.counts.cancelled, ended.counts.skipped) == ("cancelled", 1, 2)
    with pytest.raises(errors.BatchIsOver):
        batch_control.resume_batch(batch_uid=uid, actor=owner, now=at(4))


def test_who_cannot_be_asked_says_why_and_stops_no_other(owner: Actor) -> None:
    online, offline, gone = (
        connected_device(owner, now=at(-10)),
        make_device(owner, now=at(-10)),
        make_device(owner, now=at(-10)),
    )
    batch = created(owner, online, offline, gone, delivery="now")
    unpairing.unpair_device(device_uid=gone.uid, actor=owner, now=at(0))
    batch_runs.run(at(1))
    members = batch_selectors.members_of(actor=owner, uid=uuid.UUID(batch.id)).order_by("pk")
    told = {member.device.uid: (member.state, member.reason) for member in members}
    assert told == {
        online.uid: ("asked", ""),
        offline.uid: ("skipped", "device_offline"),
        gone.uid: ("skipped", "device_unpaired"),
    }


def test_the_preview_asks_nobody(owner: Actor, boards: list[Board]) -> None:
    offline = make_device(owner)
    preview = batching.preview_batch(
        order=order_for(*boards, offline, delivery="now", per_minute=2), actor=owner
    )
    assert (preview.total, preview.online, preview.refused_offline) == (4, 3, 1)
    assert preview.seconds == 120
    assert len(preview.first) == 4
    assert not BatchMember.objects.unscoped("tests look at everything").exists()
    assert not Command.objects.unscoped("tests look at everything").exists()


@pytest.mark.parametrize(
    ("target", "pointer"),
    [
        ({}, "target"),
        ({"devices": ["x"], "group": "y"}, "target"),
        ({"planet": "mars"}, "target"),
        ({"devices": []}, "/target/devices"),
        ({"devices": "all"}, "/target/devices"),
        ({"devices": ["nobody"]}, "/target/devices/0"),
        ({"devices": [7]}, "/target/devices/0"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused_by_its_place(
    owner: Actor, target: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(kernel_errors.ValidationFailed) as refused:
        created(owner, target=target)
    assert list(refused.value.details) == [pointer]


def test_a_wrong_payload_is_refused_before_anybody_is_asked(
    owner: Actor, boards: list[Board]
) -> None:
    with pytest.raises(errors.InvalidPayload):
        created(owner, *boards, payload={"delay_s": "soon"})


def test_another_tenants_device_and_batch_are_not_there(owner: Actor, boards: list[Board]) -> None:
    stranger = make_actor()
    with pytest.raises(kernel_errors.ValidationFailed):
        created(stranger, *boards)
    batch = created(owner, *boards)
    for change in (batch_control.pause_batch, batch_control.cancel_batch):
        with pytest.raises(kernel_errors.NotFound):
            change(batch_uid=uuid.UUID(batch.id), actor=stranger, now=at(1))


def test_two_jobs_ask_each_device_once(owner: Actor, boards: list[Board]) -> None:
    batch = created(owner, *boards)
    first = batch_selectors.batch_by_uid(actor=owner, uid=uuid.UUID(batch.id))
    steps = [batch_runs.step(batch_id=first.pk, now=at(1)) for _ in range(3)]
    assert steps == [3, 0, 0]
    assert [len(commands_of(board)) for board in boards] == [1, 1, 1]


def test_what_nobody_answers_is_a_failure_of_unknown_outcome(
    owner: Actor, boards: list[Board]
) -> None:
    batch = created(owner, boards[0], expires_in_s=60)
    batch_runs.run(at(1))
    pull(boards[0], at(2))
    for later in (timedelta(minutes=1), timedelta(minutes=2), timedelta(hours=1)):
        sweeping.sweep(at(2) + later)
    batch_runs.run(at(2) + timedelta(hours=1))
    done = shown(owner, batch)
    assert (done.state, done.counts.failed, done.counts.unknown) == ("done", 1, 1)


def test_a_batch_that_cannot_be_served_holds_up_no_other(
    owner: Actor, boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = created(owner, boards[0]), created(owner, boards[1])
    judge = batch_runs._judge

    def fail(batch: CommandBatch, now: Any) -> bool:
        if str(batch.uid) == broken.id:
            raise ZeroDivisionError
        return judge(batch, now)

    monkeypatch.setattr(batch_runs, "_judge", fail)
    assert batch_runs.run(at(1)) == 1
    assert shown(owner, sound).counts.open == 1
    row = CommandBatch.objects.unscoped(WHY).get(uid=broken.id)
    assert (row.state, row.due_at) == ("running", at(31))
    monkeypatch.undo()
    assert batch_runs.run(at(31)) == 1


def test_a_device_that_cannot_be_asked_at_all_is_skipped_alone(
    owner: Actor, boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = requesting.request_for

    def fail(**given: Any) -> Command:
        if given["facts"].device_id == boards[1].device_id:
            raise ZeroDivisionError
        return ask(**given)

    monkeypatch.setattr(requesting, "request_for", fail)
    batch = created(owner, *boards)
    batch_runs.run(at(1))
    assert (shown(owner, batch).counts.open, shown(owner, batch).counts.skipped) == (2, 1)
    assert [len(commands_of(board)) for board in boards] == [1, 0, 1]
    (skipped,) = batch_selectors.members_of(actor=owner, uid=uuid.UUID(batch.id), state="skipped")
    assert skipped.reason == "internal_error"


def test_what_is_called_off_is_taken_back_in_one_go(
    owner: Actor, boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = created(owner, *boards)
    batch_runs.run(at(0))
    monkeypatch.setattr(cancelling, "cancel_open", partial(cancelling.cancel_open, limit=1))
    batch_control.cancel_batch(batch_uid=uuid.UUID(batch.id), actor=owner, now=at(1))
    batch_runs.run(at(2))
    assert shown(owner, batch).counts.cancelled == 3


def test_who_is_limited_to_sites_sees_and_steers_only_what_is_theirs(
    owner: Actor, boards: list[Board]
) -> None:
    tenant_id = tenant_of(owner)
    site = households.make_site(households.Tenant.objects.get(pk=tenant_id), "north")
    Device.objects.unscoped(WHY).filter(pk=boards[0].device_id).update(site=site)
    limited = replace(owner, site_limits={tenant_id: frozenset({site.pk})})
    mixed, elsewhere, mine = (
        created(owner, *boards),
        created(owner, boards[1]),
        created(owner, boards[0]),
    )
    seen = {str(one.uid) for one in batch_selectors.batches_visible_to(limited)}
    assert seen == {mixed.id, mine.id}
    told = shown(limited, mixed)
    assert (told.target, told.total) == ({"devices": [boards[0].uid]}, 1)
    with pytest.raises(kernel_errors.NotFound):
        batch_control.cancel_batch(batch_uid=uuid.UUID(elsewhere.id), actor=limited, now=at(1))
    with pytest.raises(kernel_errors.PermissionDenied):
        batch_control.cancel_batch(batch_uid=uuid.UUID(mixed.id), actor=limited, now=at(1))
    ended = batch_control.cancel_batch(batch_uid=uuid.UUID(mine.id), actor=limited, now=at(1))
    assert ended.state == "cancelled"


def test_the_preview_counts_only_who_says_that_it_cannot(owner: Actor, boards: list[Board]) -> None:
    Device.objects.unscoped(WHY).filter(pk=boards[0].device_id).update(capabilities=[])
    order = order_for(*boards, kind="ir_transmit", payload={"code": "volume_up"})
    assert batching.preview_batch(order=order, actor=owner).without_capability == 2


def test_its_devices_are_looked_for_before_everybody_is_locked_out(
    owner: Actor, boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = batching._resolved

    def look_outside(*given: Any) -> Any:
        with pytest.raises(RuntimeError):
            require_unit_of_work()
        return look(*given)

    monkeypatch.setattr(batching, "_resolved", look_outside)
    assert created(owner, *boards).total == 3
