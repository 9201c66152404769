"""What a simulated device does, decided without clock, file or socket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.protocol import codec, messages
from edge.protocol.messages import Ack, AckStatus, InputEvent, RelayReading, StateReport, Telemetry
from edge.simulator.chaos import MALFORMED_FRAMES, AckFate, Fault
from edge.simulator.effects import Drop, Ping, Postpone, Send
from edge.simulator.flash import Flash
from tests.simulator.cores import Bench, at, bench, said

ALWAYS = {"probability": 1.0, "fault_every_s": 1e9}


def test_after_every_welcome_the_whole_board_is_reported_from_state_seq_zero() -> None:
    device = bench(relays=3)
    device.say(device.set_relay("c1", index=1))
    device.connect()
    reports = said(device.effects, StateReport)
    assert [report.state_seq for report in reports] == [0, 0]
    assert reports[1].relays == (
        RelayReading(0, False),
        RelayReading(1, True),
        RelayReading(2, False),
    )


def test_state_seq_rises_with_every_ack_of_a_session() -> None:
    device = bench()
    acks = [said(device.say(device.set_relay(f"c{number}")), Ack)[0] for number in range(3)]
    assert [ack.state_seq for ack in acks] == [1, 2, 3]


def test_a_repeated_command_is_answered_again_and_not_run_again() -> None:
    device = bench()
    command = device.set_relay("c1")
    device.say(command)
    device.say(device.set_relay("c2", is_on=False))
    (again,) = said(device.say(command), Ack)
    assert again.status is AckStatus.SUCCEEDED
    assert again.relays == (RelayReading(0, False),), "the position of now, not of then"
    assert len(device.records("executed")) == 2


def test_the_ring_survives_a_reboot_and_the_server_time_does_not() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.REBOOT_AFTER])
    command = device.set_relay("c1")
    assert said(device.say(command), Ack) == [], "it went down before it could answer"
    assert device.core.flash.relays[0] is True
    assert not device.is_connected
    assert len({report["boot_id"] for report in device.records("booted")}) == 2
    device.take(device.core.calm(at(device.now)))
    (ack,) = said(device.say(command), Ack)
    assert ack.status is AckStatus.SUCCEEDED
    assert len(device.records("executed")) == 1


def test_a_reboot_before_the_run_leaves_the_relay_where_it_was() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.REBOOT_BEFORE])
    device.say(device.set_relay("c1"))
    assert device.core.flash.relays[0] is False
    assert device.records("executed") == []


def test_an_expired_command_is_refused_by_the_servers_clock_however_wrong_the_own_one_is() -> None:
    device = bench(probability=1.0, fault_every_s=1.0, faults=[Fault.CLOCK_SKEW], ack_fates=[])
    device.wait(2)
    assert device.records("clock_set")
    device.take(device.core.calm(at(device.now)))
    (late,) = said(device.say(device.set_relay("c1", life=0)), Ack)
    (timely,) = said(device.say(device.set_relay("c2", life=1)), Ack)
    assert (late.status, late.error) == (AckStatus.REJECTED, "expired")
    assert timely.status is AckStatus.SUCCEEDED


def test_a_late_ack_comes_after_newer_ones_with_its_old_number() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.LATE], late_ack_s=(3, 3))
    assert said(device.say(device.set_relay("c1")), Ack) == []
    device.core._chaos.calm()
    (newer,) = said(device.say(device.set_relay("c2", is_on=False)), Ack)
    device.wait(5)
    late = said(device.effects, Ack)[-1]
    assert (late.command_id, late.relays) == ("c1", (RelayReading(0, True),))
    assert late.state_seq is not None
    assert newer.state_seq is not None
    assert late.state_seq < newer.state_seq


def test_a_late_ack_is_gone_with_its_connection() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.LATE], late_ack_s=(3, 3))
    device.say(device.set_relay("c1"))
    device.connect()
    device.wait(5)
    assert said(device.effects, Ack) == []


def test_a_duplicated_ack_is_the_same_frame_two_to_five_times() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.DUPLICATED])
    acks = said(device.say(device.set_relay("c1")), Ack)
    assert 2 <= len(acks) <= 5
    assert len(set(acks)) == 1


def test_a_frozen_device_does_nothing_until_it_thaws() -> None:
    device = bench(
        probability=1.0, fault_every_s=1.0, faults=[Fault.HALF_OPEN], half_open_s=(60, 60)
    )
    while not device.records("frozen"):
        device.wait(0.1)
    before = len(device.effects)
    thaw = device.core.frozen_until
    assert device.core.next_due() >= thaw
    assert device.core.due(at(device.now)) == []
    device.wait(50)
    assert len(device.effects) == before


def test_a_server_that_answers_no_ping_is_left() -> None:
    device = bench()
    device.wait(59)
    assert any(isinstance(effect, Ping) for effect in device.effects)
    assert not any(isinstance(effect, Drop) for effect in device.effects)
    device.wait(2)
    assert any(isinstance(effect, Drop) for effect in device.effects)


def test_readings_are_kept_over_a_reboot_until_they_are_acknowledged() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.REBOOT_AFTER])
    device.wait(35)
    kept = {(item.boot_id, item.seq) for item in device.core.flash.telemetry}
    assert len(kept) >= 3
    device.say(device.set_relay("c1"))
    assert kept <= {(item.boot_id, item.seq) for item in device.core.flash.telemetry}
    device.connect()
    batch = said(device.fresh, Telemetry)[0]
    device.say(messages.TelemetryAck(batch.boot_id, batch.readings[-1].seq))
    left = {(item.boot_id, item.seq) for item in device.core.flash.telemetry}
    assert not left & {(batch.boot_id, reading.seq) for reading in batch.readings}


def test_input_events_have_ids_of_their_own() -> None:
    device = bench()
    device.wait(3_600)
    ids = [event.event_id for event in said(device.effects, InputEvent)]
    assert len(ids) > 10
    assert len(set(ids)) == len(ids)


def test_what_the_server_asks_to_wait_is_passed_on() -> None:
    device = bench()
    assert Postpone(7.0) in device.say(messages.Error("unavailable", "full", 7.0))


@pytest.mark.parametrize("frame", ["", "{", b"\xff", '{"type":"no_such"}', "[" * 99])
def test_nonsense_from_the_server_is_left_alone(frame: str | bytes) -> None:
    device = bench()
    device.take(device.core.received(frame, at(device.now)))
    assert not any(isinstance(effect, Send) for effect in device.fresh)


@pytest.mark.parametrize("frame", MALFORMED_FRAMES)
def test_each_malformed_frame_is_one_that_the_decoder_refuses(frame: str | bytes) -> None:
    with pytest.raises(codec.ProtocolError) as refusal:
        codec.decode_up(frame)
    assert refusal.value.code != "too_large", "only that would end the session"


def test_a_flash_that_was_written_down_is_the_same_device() -> None:
    device = bench()
    device.wait(25)
    device.say(device.set_relay("c1", index=2))
    stored = Flash.from_plain(device.core.flash.to_plain(), relay_count=4)
    assert stored.to_plain() == device.core.flash.to_plain()
    assert Flash.from_plain(stored.to_plain(), relay_count=2).relays == (False, False)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.integers(0, 40), st.integers(0, 4), st.booleans()),
        st.tuples(st.just("all"), st.integers(0, 40), st.just(0), st.booleans()),
        st.tuples(st.just("wait"), st.integers(0, 40), st.just(0), st.just(False)),
        st.tuples(st.just("reconnect"), st.just(0), st.just(0), st.just(False)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32), probability=st.sampled_from([0.0, 0.1, 0.6, 1.0]))
def test_whatever_happens_no_command_runs_twice_or_late_and_the_last_run_is_the_truth(
    steps: list[tuple[str, int, int, bool]], seed: int, probability: float
) -> None:
    device = bench(seed=seed, probability=probability, fault_every_s=4.0)
    _play(device, steps)
    executed = device.records("executed")
    ids = [record["command_id"] for record in executed]
    assert len(ids) == len(set(ids))
    assert all(record["server_time"] < record["expires_at"] for record in executed)
    positions = [False] * 4
    for record in executed:
        index = record.get("relay_index")
        for relay in range(4) if index is None else (index,):
            positions[relay] = record["is_on"]
    assert list(device.core.flash.relays) == positions
    for ack in said(device.effects, Ack):
        assert ack.status is not AckStatus.SUCCEEDED or ack.command_id in ids


@settings(deadline=None, max_examples=30)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_the_same_seed_and_the_same_inputs_give_the_same_log(
    steps: list[tuple[str, int, int, bool]], seed: int
) -> None:
    journals = []
    for _ in range(2):
        device = bench(seed=seed, probability=0.3, fault_every_s=4.0)
        _play(device, steps)
        device.wait(300)
        journals.append(device.journal())
    assert journals[0] == journals[1]


def test_two_devices_of_one_seed_have_different_fates() -> None:
    journals = set()
    for index in range(2):
        device = bench(index=index, probability=0.3)
        device.wait(600)
        journals.add(device.journal())
    assert len(journals) == 2


def _play(device: Bench, steps: list[tuple[str, int, int, bool]]) -> None:
    deadlines: dict[int, messages.DownMessage] = {}
    for kind, number, index, is_on in steps:
        if kind == "wait":
            device.wait(number)
        elif kind == "reconnect":
            device.connect()
        else:
            # A repeat is the same command as before, with the deadline it always had.
            made = device.set_relay(f"c{number}", index=index, is_on=is_on, life=number % 30)
            if kind == "all":
                made = messages.SetAllRelays(made.command_id, is_on, made.expires_at)
            device.say(deadlines.setdefault(number, made))
