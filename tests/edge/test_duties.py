"""The duties of a device, decided without clock, file or socket."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.protocol.duties import CommandRing, Decision, ServerClock, decide, decide_cancel
from edge.protocol.messages import (
    Ack,
    AckStatus,
    Cancel,
    Command,
    RelayReading,
    SetAllRelays,
    SetRelay,
)

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
COMMANDS = st.lists(
    st.builds(
        SetRelay,
        st.integers(0, 30).map(lambda number: f"c{number}"),
        st.integers(0, 5),
        st.booleans(),
        st.sampled_from([LATER, NOW, NOW - timedelta(seconds=1)]),
    ),
    max_size=60,
)


def test_a_deadline_that_is_just_reached_has_passed() -> None:
    command = SetRelay("c", 0, True, NOW)
    decision = decide(command, relays=(False,), ring=CommandRing(), server_now=NOW)
    assert decision.ack == Ack("c", AckStatus.REJECTED, error="expired")
    assert decision.relays is None


def test_a_board_without_relays_switches_all_of_none() -> None:
    command = SetAllRelays("c", True, LATER)
    decision = decide(command, relays=(), ring=CommandRing(), server_now=NOW)
    assert decision.ack == Ack("c", AckStatus.SUCCEEDED, relays=())


def test_an_unknown_kind_is_rejected_and_moves_nothing() -> None:
    command = Command("c", "fly", {"high": True}, LATER)
    decision = decide(command, relays=(True,), ring=CommandRing(), server_now=NOW)
    assert decision.ack == Ack("c", AckStatus.REJECTED, error="unsupported")
    assert decision.relays is None


def test_the_ring_forgets_the_oldest_and_keeps_sixty_four() -> None:
    ring = CommandRing()
    for number in range(65):
        ring = ring.remembering(Ack(f"c{number}", AckStatus.SUCCEEDED))
    assert len(ring) == 64
    assert ring.recall("c0") is None
    assert ring.recall("c1") is not None


def test_the_ring_survives_being_written_down() -> None:
    ring = CommandRing().remembering(Ack("c", AckStatus.SUCCEEDED, (RelayReading(0, True),)))
    assert CommandRing.from_plain(ring.to_plain()).recall("c") == ring.recall("c")


@given(COMMANDS)
def test_no_command_is_ever_run_twice_and_every_one_is_answered(commands: list[SetRelay]) -> None:
    relays, ring, run = (False,) * 4, CommandRing(), list[str]()
    for command in commands:
        decision = decide(command, relays=relays, ring=ring, server_now=NOW)
        assert decision.ack.command_id == command.command_id
        if decision.relays is not None:
            run.append(command.command_id)
            relays, ring = decision.relays, ring.remembering(decision.ack)
        for reading in decision.ack.relays or ():
            assert reading.is_on is relays[reading.relay_index], "an answer states what is true now"
    assert len(run) == len(set(run))


def test_the_servers_clock_runs_on_without_the_devices_date() -> None:
    clock = ServerClock()
    assert clock.now(monotonic=5.0) is None
    clock.set(server_time=NOW, monotonic=100.0)
    assert clock.now(monotonic=130.0) == LATER


def knows(kind: str) -> bool:
    return kind == "reboot"


def test_what_takes_time_is_begun_once_and_remembered_as_cut_short_until_it_ends() -> None:
    command = Command("c", "reboot", {}, LATER)
    ring = CommandRing()
    begun = decide(command, relays=(), ring=ring, server_now=NOW, knows=knows)
    assert begun.begins
    assert begun.ack == Ack("c", AckStatus.ACCEPTED)
    assert begun.keep == Ack("c", AckStatus.FAILED, error="interrupted")
    ring = ring.remembering(begun.keep, is_told=False)
    repeated = decide(command, relays=(), ring=ring, server_now=NOW, knows=knows, running={"c"})
    assert (repeated.ack.status, repeated.begins) == (AckStatus.ACCEPTED, False)
    after_restart = decide(command, relays=(), ring=ring, server_now=NOW, knows=knows)
    assert (after_restart.ack, after_restart.begins) == (begun.keep, False)


def test_an_outcome_is_untold_until_it_was_sent_over_restarts_too() -> None:
    done = Ack("c", AckStatus.SUCCEEDED, result={"a": 1})
    ring = CommandRing().remembering(Ack("b", AckStatus.SUCCEEDED)).remembering(done, is_told=False)
    stored = CommandRing.from_plain(ring.to_plain())
    assert stored.untold() == [done]
    assert stored.untold(running={"c"}) == []
    assert CommandRing.from_plain(stored.telling("c").to_plain()).untold() == []


def test_a_cancel_answers_with_what_became_of_the_command() -> None:
    finished = Ack("done", AckStatus.SUCCEEDED, relays=(RelayReading(0, True),))
    ring = CommandRing([finished, Ack("runs", AckStatus.FAILED, error="interrupted")])

    def cancelled(command_id: str, **more: Any) -> Decision:
        return decide_cancel(Cancel(command_id), relays=(False,), ring=ring, **more)

    repeat = cancelled("done")
    assert repeat.ack == replace(finished, relays=(RelayReading(0, False),))
    assert repeat.keep is None
    stopped = cancelled("runs", running={"runs"}, stoppable={"runs"})
    assert (stopped.ack.status, stopped.stops) == (AckStatus.CANCELLED, True)
    assert stopped.keep == stopped.ack
    goes_on = cancelled("runs", running={"runs"})
    assert (goes_on.ack.status, goes_on.keep) == (AckStatus.ACCEPTED, None)


def test_a_command_that_comes_after_its_cancel_is_not_run() -> None:
    never_came = decide_cancel(Cancel("c"), relays=(False,), ring=CommandRing())
    assert never_came.keep is not None
    ring = CommandRing().remembering(never_came.keep)
    late = decide(SetRelay("c", 0, True, LATER), relays=(False,), ring=ring, server_now=NOW)
    assert (late.ack.status, late.relays) == (AckStatus.CANCELLED, None)
