"""What simulated devices do about commands that take time, configurations and desired states."""

from typing import Any

from edge.protocol import messages
from edge.protocol.messages import Ack, AckStatus, ConfigApplied, TwinReported
from edge.simulator.chaos import AckFate, BatchFate
from edge.simulator.flash import Flash
from edge.simulator.profiles import INFRARED
from edge.simulator.truth import Truth
from tests.simulator.cores import Bench, at, bench, said

ALWAYS = {"probability": 1.0, "fault_every_s": 1e9}


def asking(device: Bench, command_id: str, kind: str, **payload: Any) -> messages.Command:
    expires_at = device.set_relay("x").expires_at
    return messages.Command(command_id, kind, payload, expires_at)


def statuses(device: Bench, command_id: str) -> list[AckStatus]:
    return [ack.status for ack in said(device.effects, Ack) if ack.command_id == command_id]


def test_what_takes_time_is_accepted_and_answered_when_it_is_done() -> None:
    device = bench()
    device.say(asking(device, "c1", "run_diagnostics"))
    assert statuses(device, "c1") == [AckStatus.ACCEPTED]
    device.say(asking(device, "c1", "run_diagnostics"))
    device.wait(2)
    accepted, done = AckStatus.ACCEPTED, AckStatus.SUCCEEDED
    assert statuses(device, "c1") == [accepted, accepted, done]
    assert len(device.records("executed")) == 1


def test_a_reboot_is_answered_after_it() -> None:
    device = bench()
    device.say(asking(device, "c1", "reboot", delay_s=5))
    device.wait(4)
    assert len(device.records("booted")) == 1
    device.wait(2)
    assert len(device.records("booted")) == 2
    assert statuses(device, "c1") == [AckStatus.ACCEPTED, AckStatus.SUCCEEDED]
    device.connect()
    assert len(statuses(device, "c1")) == 2, "what was told is not told again unasked"


def test_what_a_reboot_cuts_short_has_failed_and_is_told_so() -> None:
    device = bench()
    device.say(asking(device, "c1", "run_diagnostics"))
    device.take(device.core.start(at(device.now)))
    device.connect()
    (_, told) = [ack for ack in said(device.effects, Ack) if ack.command_id == "c1"]
    assert (told.status, told.error) == (AckStatus.FAILED, "interrupted")
    assert device.records("finished") == [{"command_id": "c1", "status": "failed"}]
    device.say(asking(device, "c1", "run_diagnostics"))
    assert len(device.records("executed")) == 1


def test_the_memory_of_a_killed_simulator_tells_what_was_cut_short() -> None:
    device = bench()
    device.say(asking(device, "c1", "run_diagnostics"))
    flash = Flash.from_plain(device.core.flash.to_plain(), relay_count=4)
    again = bench(flash=flash)
    assert [ack.error for ack in said(again.effects, Ack)] == ["interrupted"]


def test_an_outcome_whose_connection_broke_is_told_over_the_next() -> None:
    device = bench(**ALWAYS, ack_fates=[AckFate.DROP_AFTER])
    device.core._chaos.work_fails = lambda: False  # type: ignore[method-assign]
    device.say(asking(device, "c1", "run_diagnostics"))
    device.core._chaos.calm()
    device.wait(3)
    device.connect()
    assert statuses(device, "c1") == [AckStatus.SUCCEEDED]


def test_a_cancelled_command_stops_and_one_that_comes_late_is_not_run() -> None:
    device = bench()
    device.say(asking(device, "c1", "run_diagnostics"))
    device.say(messages.Cancel("c1"))
    device.say(messages.Cancel("c2"))
    device.say(device.set_relay("c2"))
    device.wait(3)
    assert statuses(device, "c1")[-1] is AckStatus.CANCELLED
    assert statuses(device, "c2") == [AckStatus.CANCELLED] * 2
    assert [run["command_id"] for run in device.records("executed")] == ["c1"]
    assert device.records("stopped") == [{"command_id": "c1", "status": "cancelled"}]


def test_only_a_blaster_knows_infrared_and_nobody_an_installation() -> None:
    device = bench()
    for kind in ("ir_learn", "ota_install", "fly"):
        device.say(asking(device, kind, kind))
        assert statuses(device, kind) == [AckStatus.REJECTED]
    device.say(asking(device, "own", "custom.blink", times=3))
    (own,) = [ack for ack in said(device.effects, Ack) if ack.command_id == "own"]
    assert own.result == {"echo": {"times": 3}}
    blaster = bench(kind=INFRARED)
    blaster.say(asking(blaster, "c1", "ir_learn", timeout_s=30))
    blaster.wait(4)
    (learned,) = said(blaster.effects, messages.IrLearned)
    assert learned.command_id == "c1"
    assert statuses(blaster, "c1") == [AckStatus.ACCEPTED, AckStatus.SUCCEEDED]


def test_a_configuration_is_taken_over_once_and_always_confirmed() -> None:
    device = bench()
    for version in (4, 4, 3):
        device.say(messages.Config(version, {"a": version}))
    device.say(asking(device, "c1", "update_config", version=6, config={"a": 6}))
    assert [one.version for one in said(device.effects, ConfigApplied)] == [4, 4, 4, 6]
    assert [taken["version"] for taken in device.records("config_taken")] == [4, 6]
    flash = Flash.from_plain(device.core.flash.to_plain(), relay_count=4)
    assert (flash.config.version, flash.config.document) == (6, {"a": 6})


def test_a_device_never_names_another_version_than_it_works_by() -> None:
    device = bench()
    device.say(messages.Config(9, {"a": 9}))
    device.say(messages.TwinDesired(9, {"volume": 3}))
    device.connect()
    assert [one.version for one in said(device.fresh, ConfigApplied)] == [9]
    assert [one.desired_version for one in said(device.fresh, TwinReported)] == [9]
    device.say(messages.Config(10, {"a": 4}))
    assert device.core.flash.config.document == {"a": 4}


def test_a_device_reports_itself_once_something_is_desired_and_converges() -> None:
    device = bench()
    assert said(device.effects, TwinReported) == []
    device.say(messages.TwinDesired(2, {"volume": 3, "firmware_version": "9"}))
    (first,) = said(device.effects, TwinReported)
    assert first.document is not None
    assert (first.document["volume"], first.desired_version) == (3, 2)
    assert first.document["firmware_version"] != "9", "what it is cannot be wished away"
    device.say(messages.TwinAck(first.report_id or "", 1))
    device.say(messages.TwinDesired(3, {}))
    assert said(device.effects, TwinReported)[-1].patch is not None
    last = said(device.effects, TwinReported)[-1]
    assert last.patch is not None
    assert last.patch["volume"] is None
    device.connect()
    (anew,) = said(device.fresh, TwinReported)
    assert anew.document is not None
    assert "volume" not in anew.document
    assert (anew.seq or 0) > (last.seq or 0)


def test_a_lost_report_is_sent_again() -> None:
    device = bench(**ALWAYS, ack_fates=[], batch_fates=[BatchFate.NORMAL])
    device.core._chaos.report_fate = lambda: BatchFate.LOST  # type: ignore[method-assign]
    device.say(messages.TwinDesired(2, {"a": 1}))
    assert said(device.effects, TwinReported) == []
    del device.core._chaos.report_fate
    device.core._chaos.calm()
    device.wait(61)
    assert said(device.effects, TwinReported)


def test_a_new_life_knows_nothing_of_what_the_last_owner_wanted() -> None:
    device = bench()
    device.say(device.set_relay("c1"))
    device.say(messages.Config(4, {"a": 1}))
    device.say(messages.TwinDesired(2, {"a": 1}))
    device.core.begin_anew()
    flash = device.core.flash
    assert (flash.config.version, flash.desired.version, len(flash.ring)) == (0, 0, 0)
    assert flash.relays[0] is True, "no relay moves because the owner changed"


def test_the_truth_knows_the_outcomes_and_what_the_device_works_by() -> None:
    device, truth = bench(), Truth()
    truth.add_device("u", hardware_id="h", relays=(False,) * 4)
    device.say(asking(device, "c1", "run_diagnostics"))
    device.say(device.set_relay("c2"))
    device.say(asking(device, "c3", "run_diagnostics"))
    device.say(messages.Cancel("c3"))
    device.say(messages.Config(4, {"a": 1}))
    device.say(messages.TwinDesired(2, {"a": 1}))
    device.wait(3)
    for name in ("executed", "finished", "stopped", "config_taken", "reported"):
        for details in device.records(name):
            truth.note("u", name, details, wall="")
    told = truth.devices["u"]
    outcomes = {command_id: run["outcome"] for command_id, run in told.executed.items()}
    assert outcomes == {"c1": "succeeded", "c2": "succeeded", "c3": "cancelled"}
    assert told.executed["c1"]["kind"] == "run_diagnostics"
    assert told.config == {"version": 4, "document": {"a": 1}}
    assert told.twin["desired_version"] == 2
    assert told.twin["document"]["a"] == 1


def test_without_sessions_the_numbers_of_states_go_on_over_connections_and_restarts() -> None:
    device = bench(has_sessions=False)
    device.say(device.set_relay("c1"))
    device.connect()
    device.say(device.set_relay("c2"))
    flash = Flash.from_plain(device.core.flash.to_plain(), relay_count=4)
    again = bench(has_sessions=False, flash=flash)
    again.say(again.set_relay("c3"))
    acks = said([*device.effects, *again.effects], Ack)
    numbers = [ack.state_seq or 0 for ack in acks]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3
