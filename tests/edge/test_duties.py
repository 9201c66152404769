"""The duties of a device, decided without clock, file or socket."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.protocol.duties import CommandRing, ServerClock, decide
from edge.protocol.messages import Ack, AckStatus, Command, RelayReading, SetAllRelays, SetRelay

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
