"""One request for many devices: written first, asked at a pace, braked, held up, called off."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from commands import batch_selectors, errors
from commands.batch_types import BatchOrder, BatchView
from commands.models import BatchMember, Command
from commands.services import batch_control, batch_runs, batching, sweeping
from devices.services import unpairing
from edge.protocol.messages import AckStatus
from kernel import errors as kernel_errors
from kernel.actors import Actor
from tests.commands.ledger import answer, at, commands_of, pull
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.users import make_actor

pytestmark = [pytest.mark.django_db, pytest.mark.core]


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
