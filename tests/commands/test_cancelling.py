"""Taking commands back: at once while nobody has them, else by the word of the device."""

from __future__ import annotations

import uuid

import pytest

from audit.models import AuditEntry
from commands import errors, selectors
from commands.events import CancelAsked
from commands.services import cancelling, erasing, sweeping
from commands.types import CommandView
from edge.protocol.messages import AckStatus, Cancel, Progress
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied
from kernel.events import publish
from kernel.unit_of_work import unit_of_work
from tests.commands import ledger
from tests.commands.ledger import START, answer, ask, at, hung_up, ids, poll, pull, row_of
from tests.factories.devices import Board, reconnected, switch
from tests.factories.users import make_actor

pytestmark = pytest.mark.core


def cancel(owner: Actor, command_id: str, seconds: float = 5) -> CommandView:
    return cancelling.cancel_command(
        command_uid=uuid.UUID(command_id), actor=owner, now=at(seconds)
    )


def test_what_waits_is_cancelled_at_once(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    view = cancel(owner, asked)
    assert (view.state, view.reason, view.finished_at) == ("cancelled", "cancelled", at(5))
    assert pull(board, at(6)) == []
    assert ledger.moves_of(asked)[-1] == ("cancelled", f"cancelled_by:user:{owner.id}")
    entries = AuditEntry.objects.unscoped("tests look at everything").filter(target_id=asked)
    (entry,) = entries
    assert (entry.action, entry.actor_label) == ("commands.command.cancelled", owner.label)


def test_what_is_on_its_way_is_cancelled_by_the_word_of_the_device(
    owner: Actor, board: Board, told: list[CancelAsked]
) -> None:
    asked = ask(owner, board, "reboot", START)
    pull(board, START)
    view = cancel(owner, asked)
    assert (view.state, view.cancel_asked_at) == ("sent", at(5))
    assert [event.command_uid for event in told] == [asked]
    assert selectors.devices_with_queued([board.device_id]) == {board.device_id}
    assert pull(board, at(6)) == [Cancel(command_id=asked)]
    assert selectors.devices_with_queued([board.device_id]) == set()
    assert pull(board, at(7)) == []
    assert answer(board, asked, at(8), status=AckStatus.CANCELLED)
    assert (row_of(asked).state, row_of(asked).finished_at) == ("cancelled", at(8))


@pytest.mark.parametrize("status", [AckStatus.SUCCEEDED, AckStatus.FAILED, AckStatus.REJECTED])
def test_a_wish_that_comes_too_late_changes_no_outcome(
    owner: Actor, board: Board, status: AckStatus
) -> None:
    asked = switch(owner, board, 0, True, now=START).id
    pull(board, START)
    cancel(owner, asked)
    assert answer(board, asked, at(6), (0, True), status=status, state_seq=0)
    assert (row_of(asked).state, row_of(asked).reason) == (status.value, "cancel_came_too_late")
    assert board.positions()[0] is True
    assert pull(board, at(7)) == []


def test_a_command_to_be_cancelled_never_comes_again_itself(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    pull(board, START)
    cancel(owner, asked)
    pull(board, at(6))
    again = reconnected(board, now=at(7))
    assert pull(again, at(7), reconnect=True) == [Cancel(command_id=asked)]
    without = hung_up(again, at(8))
    assert poll(without, at(9)) == [Cancel(command_id=asked)]
    sweeping.sweep(at(100))
    assert poll(without, at(100)) == []
    sweeping.sweep(at(3600))
    assert (row_of(asked).state, row_of(asked).finished_at) == ("timed_out", at(3600))


def test_who_does_not_answer_a_cancel_is_told_as_often_as_its_kind_says(
    owner: Actor, board: Board
) -> None:
    without = hung_up(board, START)
    asked = ask(owner, without, "custom.spin", START, lane="")
    poll(without, START)
    cancel(owner, asked)
    told = []
    for minute in range(1, 20):
        told += poll(without, at(60 * minute))
        sweeping.sweep(at(60 * minute + 59))
    assert told == [Cancel(command_id=asked)] * 3


def test_asking_twice_is_asking_once(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    pull(board, START)
    cancel(owner, asked)
    assert cancel(owner, asked, 9).cancel_asked_at == at(5)
    waiting = ask(owner, board, "reboot", START)
    cancel(owner, waiting)
    assert cancel(owner, waiting, 9).finished_at == at(5)


def test_what_has_ended_cannot_be_cancelled(owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True, now=START).id
    pull(board, START)
    answer(board, asked, at(1), (0, True))
    with pytest.raises(errors.CommandFinished) as refused:
        cancel(owner, asked)
    assert refused.value.details == {"state": "succeeded"}


def test_who_may_not_ask_may_not_take_back(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    with pytest.raises(NotFound):
        cancel(make_actor(), asked)
    viewer = Actor(
        kind="user", id="viewer", label="Viewer", roles=dict.fromkeys(owner.roles, "viewer")
    )
    with pytest.raises(PermissionDenied):
        cancel(viewer, asked)
    assert row_of(asked).state == "queued"


def test_a_device_may_give_up_by_itself(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    pull(board, START)
    assert answer(board, asked, at(1), status=AckStatus.CANCELLED)
    assert (row_of(asked).state, row_of(asked).reason) == ("cancelled", "cancelled_by_device")


def test_all_of_a_device_is_taken_back_piece_by_piece(owner: Actor, board: Board) -> None:
    asked = [ask(owner, board, "custom.step", at(n), lane="") for n in range(4)]
    poll(hung_up(board, START), at(4), limit=1)
    taken = [
        cancelling.cancel_open(device_ids=[board.device_id], limit=3, actor=owner, now=at(5))
        for _ in range(3)
    ]
    assert taken == [3, 1, 0]
    assert [row_of(each).state for each in asked] == ["sent", *["cancelled"] * 3]
    assert ids(poll(hung_up(board, START), at(6))) == [asked[0]]


def test_an_erased_history_does_not_say_who_took_it_back(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    pull(board, START)
    answer(board, asked, at(1), status=AckStatus.ACCEPTED, progress=Progress(message="Ada's till"))
    cancel(owner, asked)
    with unit_of_work():
        assert erasing.erase(board.device_id, at(9)) == {"commands_emptied": 1}
        assert erasing.erase(board.device_id, at(9)) == {}
    assert row_of(asked).progress is None
    assert ledger.moves_of(asked)[-1] == ("acked", "cancel_asked_by")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[CancelAsked]:
    """The hints that devices would get."""
    heard: list[CancelAsked] = []

    def listen(event: CancelAsked) -> None:
        heard.append(event)
        publish(event)

    monkeypatch.setattr("commands.services.cancelling.publish", listen)
    return heard
