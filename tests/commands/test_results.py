"""What a device's answers do to commands and to what is known of its relays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commands import registry
from commands.services import sweeping
from devices.errors import SessionFenced
from edge.protocol.messages import AckStatus, Progress
from kernel.actors import Actor
from tests.commands import ledger
from tests.commands.ledger import START, answer, ask, at, pull, report, row_of, switch_entries
from tests.factories.devices import Board, connected_device, reconnected, switch
from tests.factories.users import make_actor, tenant_of

pytestmark = pytest.mark.core


def sent(owner: Actor, board: Board, index: int = 0, is_on: bool = True) -> str:
    asked = switch(owner, board, index, is_on, now=START)
    pull(board, START)
    return asked.id


def timed_out(owner: Actor, board: Board) -> str:
    command_id = sent(owner, board)
    assert sweeping.sweep(at(11)) == 1
    assert row_of(command_id).state == "timed_out"
    assert row_of(command_id).finished_at is None
    return command_id


def test_a_relay_counts_as_switched_when_the_device_says_so(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    assert board.positions() == [None] * 4
    assert answer(board, command_id, at(1), (0, True), state_seq=0)
    row = row_of(command_id)
    assert (row.state, row.acked_at, row.finished_at) == ("succeeded", at(1), at(1))
    assert row.result == {"relays": [{"relay_index": 0, "is_on": True}]}
    assert board.positions() == [True, None, None, None]


def test_accepted_is_not_yet_an_outcome(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    answer(board, command_id, at(1), status=AckStatus.ACCEPTED)
    assert (row_of(command_id).state, row_of(command_id).finished_at) == ("acked", None)
    answer(board, command_id, at(2), (0, True))
    assert row_of(command_id).state == "succeeded"


@pytest.mark.parametrize("status", [AckStatus.FAILED, AckStatus.REJECTED])
def test_a_refusal_switches_nothing(owner: Actor, board: Board, status: AckStatus) -> None:
    command_id = sent(owner, board)
    answer(board, command_id, at(1), status=status, error="stuck")
    assert (row_of(command_id).state, row_of(command_id).error) == (status.value, "stuck")
    assert board.positions() == [None] * 4
    assert switch_entries(board) == []


def test_a_refusal_that_tells_positions_is_believed(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    answer(board, command_id, at(1), (0, False), status=AckStatus.FAILED, state_seq=0)
    assert board.positions()[0] is False
    assert switch_entries(board)[0].after == {"relays": {"0": False}}


def test_the_same_answer_twice_changes_nothing(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    assert answer(board, command_id, at(1), (0, True), state_seq=0)
    before = (ledger.moves_of(command_id), ledger.live_kinds(tenant_of(owner)))
    for seconds in range(5):
        assert not answer(board, command_id, at(2 + seconds), (0, True), state_seq=0)
    assert (ledger.moves_of(command_id), ledger.live_kinds(tenant_of(owner))) == before
    assert row_of(command_id).finished_at == at(1)
    assert len(switch_entries(board)) == 1


def test_another_outcome_after_the_end_is_noted_and_changes_no_command(
    owner: Actor, board: Board
) -> None:
    command_id = sent(owner, board)
    answer(board, command_id, at(1), (0, True), state_seq=0)
    assert not answer(board, command_id, at(2), status=AckStatus.FAILED, state_seq=1)
    assert row_of(command_id).state == "succeeded"
    assert ledger.moves_of(command_id)[-1] == ("succeeded", "late_ack_ignored:failed")


def test_no_device_answers_for_another(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    neighbours = connected_device(make_actor(), now=START)
    assert not answer(neighbours, command_id, at(1), (0, True), state_seq=0)
    assert row_of(command_id).state == "sent"
    assert neighbours.positions() == board.positions() == [None] * 4


@pytest.mark.parametrize("command_id", ["", "nonsense", "00000000-0000-7000-8000-000000000000"])
def test_an_answer_to_no_command_is_nothing(board: Board, command_id: str) -> None:
    assert not answer(board, command_id, START, (0, True), state_seq=0)
    assert board.positions() == [None] * 4


def test_silence_means_unknown_and_a_late_answer_resolves_it(owner: Actor, board: Board) -> None:
    command_id = timed_out(owner, board)
    assert answer(board, command_id, at(15), (0, True), state_seq=0)
    assert (row_of(command_id).state, row_of(command_id).reason) == ("succeeded", "late_answer")
    assert board.positions()[0] is True


def test_silence_means_unknown_and_a_report_resolves_it(owner: Actor, board: Board) -> None:
    command_id = timed_out(owner, board)
    report(board, [True, False, False, False], at(15), state_seq=0)
    assert row_of(command_id).state == "succeeded"
    assert row_of(command_id).reason == "confirmed_by_state_report"


def test_a_report_of_the_opposite_leaves_it_unknown(owner: Actor, board: Board) -> None:
    command_id = timed_out(owner, board)
    report(board, [False] * 4, at(15), state_seq=0)
    assert row_of(command_id).state == "timed_out"


def test_after_its_expiry_the_outcome_stays_unknown_but_the_position_is_learnt(
    owner: Actor, board: Board
) -> None:
    command_id = timed_out(owner, board)
    assert sweeping.sweep(at(31)) == 1
    assert row_of(command_id).finished_at == at(31)
    assert not answer(board, command_id, at(40), (0, True), state_seq=0)
    assert (row_of(command_id).state, row_of(command_id).reason) == ("timed_out", "outcome_unknown")
    assert board.positions()[0] is True
    assert sweeping.sweep(at(50)) == 0


def test_what_was_never_sent_expires(owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True, now=START)
    assert sweeping.sweep(at(29)) == 0
    assert sweeping.sweep(at(30)) == 1
    assert (row_of(asked.id).state, row_of(asked.id).reason) == ("expired", "never_sent")


def test_a_replaced_session_writes_nothing(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    current = reconnected(board, now=at(1))
    with pytest.raises(SessionFenced):
        answer(board, command_id, at(2), (0, True), state_seq=0)
    with pytest.raises(SessionFenced):
        report(board, [True] * 4, at(2), state_seq=0)
    assert board.positions() == [None] * 4
    assert row_of(command_id).state == "sent"
    assert answer(current, command_id, at(3), (0, True), state_seq=0)


def test_a_late_old_answer_never_covers_a_newer_report(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    report(board, [False] * 4, at(2), state_seq=7)
    answer(board, command_id, at(3), (0, True), state_seq=6)
    assert row_of(command_id).state == "succeeded"
    assert board.positions() == [False] * 4


def test_a_late_old_answer_never_covers_a_report_of_no_change(owner: Actor, board: Board) -> None:
    """The device did it and was switched back by hand before its answer got through."""
    report(board, [False] * 4, at(-1), state_seq=0)
    command_id = sent(owner, board)
    report(board, [False] * 4, at(2), state_seq=7)
    answer(board, command_id, at(3), (0, True), state_seq=6)
    assert board.positions() == [False] * 4


def test_an_old_report_is_not_believed(board: Board) -> None:
    report(board, [True] * 4, at(1), state_seq=3)
    assert report(board, [False] * 4, at(2), state_seq=2) == 0
    assert report(board, [False] * 4, at(2), state_seq=3) == 0
    assert board.positions() == [True] * 4


def test_each_session_numbers_its_words_afresh(board: Board) -> None:
    report(board, [True] * 4, at(1), state_seq=99)
    again = reconnected(board, now=at(2))
    report(again, [False] * 4, at(3), state_seq=0)
    assert board.positions() == [False] * 4


def test_one_entry_for_a_change_and_none_for_what_was_known(owner: Actor, board: Board) -> None:
    report(board, [True, False, False, False], at(1), state_seq=0)
    report(board, [True, False, False, False], at(2), state_seq=1)
    report(board, [True, True, False, True], at(3), state_seq=2)
    entries = switch_entries(board)
    assert [entry.before for entry in entries] == [
        {"relays": dict.fromkeys("0123")},
        {"relays": {"1": False, "3": False}},
    ]
    assert entries[1].after == {"relays": {"1": True, "3": True}}
    assert {entry.actor_kind for entry in entries} == {"device"}
    assert {entry.tenant_id for entry in entries} == {tenant_of(owner)}


def test_the_entry_of_a_switch_names_who_asked(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    answer(board, command_id, at(1), (0, True), state_seq=0)
    (entry,) = switch_entries(board)
    assert (entry.actor_kind, entry.actor_label) == ("user", owner.label)
    assert entry.cause == row_of(command_id).cause


def test_browsers_are_told_of_the_wish_the_state_and_the_outcome(
    owner: Actor, board: Board
) -> None:
    already = len(ledger.live_kinds(tenant_of(owner)))
    command_id = sent(owner, board)
    answer(board, command_id, at(1), (0, True), state_seq=0)
    told = ledger.live_kinds(tenant_of(owner))[already:]
    assert told == ["command_updated", "device_state", "command_updated"]


def test_who_says_how_far_it_is_gets_more_time(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "custom.scan", START)
    pull(board, START)
    already = len(ledger.live_kinds(tenant_of(owner)))
    steps = [Progress(percent=5), Progress(percent=5), Progress(percent=60, message="half")]
    for number, step in enumerate(steps):
        now = at(5 + 50 * number)
        assert answer(board, asked, now, status=AckStatus.ACCEPTED, progress=step)
        assert sweeping.sweep(at(50 + 50 * number)) == 0
    row = row_of(asked)
    assert (row.state, row.acked_at) == ("acked", at(5))
    assert row.progress == {"percent": 60, "message": "half"}
    assert [state for state, _ in ledger.moves_of(asked)] == ["queued", "sent", "acked"]
    # Browsers learn of what is new only.
    assert len(ledger.live_kinds(tenant_of(owner))) == already + 2
    deadline = at(105) + timedelta(seconds=registry.kind_named("custom").run_s)
    assert row.timeout_at == deadline
    assert sweeping.sweep(deadline) == 1
    assert row_of(asked).state == "timed_out"
    assert answer(board, asked, deadline, status=AckStatus.ACCEPTED)
    assert (row_of(asked).state, row_of(asked).acked_at) == ("acked", at(5))


def test_what_the_device_gives_back_is_kept_beside_what_it_changed(
    owner: Actor, board: Board
) -> None:
    command_id = sent(owner, board)
    given = {"took_ms": 12, "relays": "as the device likes"}
    assert answer(board, command_id, at(1), (0, True), state_seq=0, result=given)
    assert row_of(command_id).result == {
        "took_ms": 12,
        "relays": [{"relay_index": 0, "is_on": True}],
    }


def test_a_result_that_is_too_large_costs_no_outcome(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "run_diagnostics", START)
    pull(board, START)
    assert answer(board, asked, at(1), result={"log": "x" * 16_384})
    assert (row_of(asked).state, row_of(asked).result) == (
        "succeeded",
        {"too_large": True, "bytes": 16_394},
    )


def test_another_outcome_said_for_ever_is_noted_once(owner: Actor, board: Board) -> None:
    command_id = sent(owner, board)
    answer(board, command_id, at(1), (0, True), state_seq=0)
    for seconds in range(5):
        answer(board, command_id, at(2 + seconds), status=AckStatus.FAILED)
    assert len(ledger.moves_of(command_id)) == 4


def test_more_than_one_chunk_is_due_at_once(
    owner: Actor, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "CHUNK", 3)
    on_their_way = [ask(owner, board, "custom.step", START, lane="") for _ in range(7)]
    pull(board, START)
    waiting = [ask(owner, board, "reboot", START, lifetime_s=5) for _ in range(4)]
    unanswered = at(registry.kind_named("custom").answer_s or 10)
    assert sweeping.sweep(unanswered) == 11
    assert {row_of(each).state for each in on_their_way} == {"timed_out"}
    assert {row_of(each).state for each in waiting} == {"expired"}
    assert sweeping.sweep(unanswered) == 0
    assert sweeping.sweep(at(3600)) == 7
    assert {row_of(each).reason for each in on_their_way} == {"outcome_unknown"}
    assert ledger.moves_of(waiting[0]) == [("queued", ""), ("expired", "never_sent")]
