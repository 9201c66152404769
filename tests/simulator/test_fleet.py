"""A fleet over real sockets, against a small platform in the same loop."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.protocol.messages import AckStatus
from edge.simulator.chaos import AckFate, BatchFate, ChaosProfile, Fault
from edge.simulator.cli import sentence
from edge.simulator.errors import StateDirectoryBusy, StateUnreadable
from edge.simulator.flash import QueuedReading
from edge.simulator.fleet import Announcement, Fleet
from edge.simulator.options import FleetOptions
from edge.simulator.truth import Truth
from tests.simulator.platform_stub import KEY, Platform, http_answer, platform

QUICK = ChaosProfile(boot_s=(0.01, 0.05))


def _options(server: Platform, **changes: Any) -> FleetOptions:
    return FleetOptions(
        url=server.url,
        provision_key=KEY,
        seed=7,
        reconnect_max_s=0.2,
        telemetry_every_s=0.1,
        input_every_s=0.3,
        **changes,
    )


@asynccontextmanager
async def _running(options: FleetOptions, **more: Any) -> AsyncIterator[Fleet]:
    fleet = Fleet(options, **more)
    task = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        fleet.stop()
        async with asyncio.timeout(2):
            await task


def _certain(*, faults: tuple[Fault, ...] = (), **chaos: Any) -> ChaosProfile:
    every = {"fault_every_s": 0.2} if faults else {"fault_every_s": 1e9}
    fates = {"faults": faults or (Fault.DROP,), "batch_fates": (BatchFate.DUPLICATED,)}
    return replace(QUICK, probability=1.0, **(every | fates | chaos))


def _is_connected(server: Platform, uid: str, sessions: int = 1) -> Callable[[], bool]:
    # The report follows the welcome: a device that has reported takes commands.
    return lambda: (
        uid in server.devices
        and server.devices[uid].sessions >= sessions
        and server.devices[uid].observed_seq >= 0
    )


async def test_devices_register_as_simulated_and_report_their_relays() -> None:
    announced: list[Announcement] = []
    async with platform() as server:
        options = _options(server, devices=5, relays=3)
        async with _running(options, announce=announced.append):
            uids = [f"uid-sim-7-{index}" for index in range(5)]
            await server.until(lambda: all(_is_connected(server, uid)() for uid in uids))
            device = server.device("sim-7-0")
            assert device.registration["is_simulated"] is True
            assert device.registration["relay_count"] == 3
            assert device.relays == {0: False, 1: False, 2: False}
            await server.until(lambda: len(device.last_said_at) > 2)
    assert {one.identity.claim_code for one in announced} == {"ABCD2345"}
    assert len({one.hardware_id for one in announced}) == 5


async def test_a_command_moves_the_relay_and_stands_in_the_truth(tmp_path: Path) -> None:
    truth_file, log_file = tmp_path / "truth.json", tmp_path / "log.jsonl"
    async with platform() as server:
        options = _options(server, truth_file=truth_file, log_file=log_file)
        async with _running(options) as fleet:
            await server.until(_is_connected(server, "uid-sim-7-0"))
            device = server.device("sim-7-0")
            await server.send(device, server.set_relay("c1", index=2))
            await server.until(lambda: bool(device.acks))
            assert device.acks[0].status is AckStatus.SUCCEEDED
            assert fleet.truth.devices["uid-sim-7-0"].relays == [False, False, True, False]
    written = json.loads(truth_file.read_text())["devices"]["uid-sim-7-0"]
    assert written["executed"]["c1"]["count"] == 1
    assert written["relays"] == [False, False, True, False]
    events = [json.loads(line)["event"] for line in log_file.read_text().splitlines()]
    assert events[:3] == ["booted", "connected", "welcomed"]
    assert "executed" in events
    assert Truth.load(truth_file).devices["uid-sim-7-0"].count("c1") == 1


async def test_duplicated_commands_and_acks_still_run_once() -> None:
    chaos = _certain(ack_fates=(AckFate.DUPLICATED,))
    async with platform() as server, _running(_options(server, chaos=chaos)) as fleet:
        await server.until(_is_connected(server, "uid-sim-7-0"))
        device, command = server.device("sim-7-0"), server.set_relay("c1")
        for _ in range(3):
            await server.send(device, command)
        await server.until(lambda: len(device.acks) >= 6)
        assert fleet.truth.devices["uid-sim-7-0"].count("c1") == 1


async def test_a_late_ack_does_not_undo_what_a_newer_command_did() -> None:
    chaos = _certain(ack_fates=(AckFate.LATE, AckFate.LATE), late_ack_s=(0.3, 0.3))
    async with platform() as server, _running(_options(server, chaos=chaos)) as fleet:
        await server.until(_is_connected(server, "uid-sim-7-0"))
        device = server.device("sim-7-0")
        await server.send(device, server.set_relay("c1"))
        truth = fleet.truth.devices["uid-sim-7-0"]
        await server.until(lambda: truth.count("c1") == 1)
        fleet._devices["sim-7-0"].core._chaos.calm()
        await server.send(device, server.set_relay("c2", is_on=False))
        await server.until(lambda: len(device.acks) == 2)
        assert [ack.command_id for ack in device.acks] == ["c2", "c1"]
        assert device.relays[0] is truth.relays[0] is False


async def test_after_a_reboot_the_command_is_answered_again_and_not_run_again() -> None:
    chaos = _certain(ack_fates=(AckFate.REBOOT_AFTER,))
    async with platform() as server, _running(_options(server, chaos=chaos)) as fleet:
        await server.until(_is_connected(server, "uid-sim-7-0"))
        device, command = server.device("sim-7-0"), server.set_relay("c1")
        await server.send(device, command)
        await server.until(_is_connected(server, "uid-sim-7-0", sessions=2))
        assert device.acks == []
        assert device.relays[0] is True, "the report after the reboot tells what was done"
        await fleet.calm()
        await server.until(_is_connected(server, "uid-sim-7-0", sessions=3))
        await server.send(device, command)
        await server.until(lambda: bool(device.acks))
        truth = fleet.truth.devices["uid-sim-7-0"]
        assert (truth.count("c1"), truth.boots) == (1, 2)
        assert len(device.readings) >= 1


async def test_deadlines_hold_when_the_server_and_the_device_disagree_about_the_date() -> None:
    chaos = _certain(faults=(Fault.CLOCK_SKEW,), ack_fates=(AckFate.DUPLICATED,))
    async with (
        platform(clock_skew=timedelta(days=-400)) as server,
        _running(_options(server, chaos=chaos)) as fleet,
    ):
        await server.until(_is_connected(server, "uid-sim-7-0"))
        device = server.device("sim-7-0")
        await server.until(lambda: _is_off(device.last_said_at), within=30)
        await server.send(device, server.set_relay("late", life=-1))
        await server.send(device, server.set_relay("timely", index=1))
        await server.until(lambda: "timely" in {ack.command_id for ack in device.acks})
        truth = fleet.truth.devices["uid-sim-7-0"]
        assert (truth.count("late"), truth.count("timely")) == (0, 1)


async def test_a_half_open_device_comes_back_and_carries_on() -> None:
    chaos = _certain(faults=(Fault.HALF_OPEN,), half_open_s=(0.4, 0.4), ack_fates=(AckFate.LOST,))
    async with platform() as server, _running(_options(server, chaos=chaos)) as fleet:
        await server.until(_is_connected(server, "uid-sim-7-0"))
        core = fleet._devices["sim-7-0"].core
        while core.frozen_until == 0.0:
            await asyncio.sleep(0.01)
        device = server.device("sim-7-0")
        await server.send(device, server.set_relay("c1"))
        truth = fleet.truth.devices["uid-sim-7-0"]
        await server.until(lambda: truth.count("c1") == 1)
        assert device.sessions == 1, "nothing was closed"


async def test_malformed_frames_and_every_other_fault_leave_truth_and_platform_agreed() -> None:
    chaos = replace(QUICK, probability=0.4, fault_every_s=0.1, half_open_s=(0.05, 0.2))
    chaos = replace(chaos, late_ack_s=(0.05, 0.2))
    async with (
        platform() as server,
        _running(_options(server, devices=8, chaos=chaos)) as fleet,
    ):
        devices = server.devices
        await server.until(lambda: len(devices) == 8)
        for number in range(40):
            for device in devices.values():
                command = server.set_relay(f"c{number}", index=number % 4, is_on=number % 3 > 0)
                await server.send(device, command)
            await asyncio.sleep(0.03)
        await server.until(lambda: sum(one.malformed for one in devices.values()) > 3)
        sessions = {uid: one.sessions for uid, one in devices.items()}
        await fleet.calm()
        await server.until(
            lambda: all(_is_connected(server, uid, sessions[uid] + 1)() for uid in devices)
        )
        for uid, truth in fleet.truth.devices.items():
            assert truth.relays == [devices[uid].relays[index] for index in range(4)]
            assert all(run["count"] == 1 for run in truth.executed.values())
        assert sum(one.repeated_readings for one in devices.values()) > 0


async def test_a_second_start_is_the_same_device(tmp_path: Path) -> None:
    async with platform() as server:
        options = _options(server, state_dir=tmp_path)
        async with _running(options):
            await server.until(_is_connected(server, "uid-sim-7-0"))
            device, command = server.device("sim-7-0"), server.set_relay("c1", index=3)
            await server.send(device, command)
            await server.until(lambda: bool(device.acks) and len(device.readings) == 1)
        stored = tmp_path / "sim-7-0.json"
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        content = json.loads(stored.read_text())
        assert content["device_uid"] == "uid-sim-7-0"
        assert content["device_token"] == "token-1"
        assert content["claim_code"] == "ABCD2345"
        announced: list[Announcement] = []
        options = replace(options, provision_key="")
        async with _running(options, announce=announced.append) as fleet:
            await server.until(_is_connected(server, "uid-sim-7-0", sessions=2))
            assert device.relays[3] is True
            await server.send(device, command)
            await server.until(lambda: len(device.acks) == 2)
            assert fleet.truth.devices["uid-sim-7-0"].count("c1") == 0, "it ran before"
            await server.until(lambda: len(device.readings) == 2)
        assert [one.is_new for one in announced] == [False]
        assert server.registrations == 1


async def test_one_state_directory_is_for_one_simulator(tmp_path: Path) -> None:
    async with platform() as server:
        options = _options(server, state_dir=tmp_path)
        async with _running(options):
            await server.until(_is_connected(server, "uid-sim-7-0"))
            with pytest.raises(StateDirectoryBusy):
                await Fleet(options).run()


async def test_a_damaged_file_is_named_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "sim-7-0.json").write_text("{")
    async with platform() as server:
        with pytest.raises(StateUnreadable, match=r"sim-7-0\.json"):
            await Fleet(_options(server, state_dir=tmp_path)).run()
    assert (tmp_path / "sim-7-0.json").read_text() == "{"


async def test_a_busy_server_is_asked_again_and_a_wrong_key_is_not() -> None:
    busy = http_answer(429, {"code": "rate_limited", "message": "slow"}, Retry_After="0")
    async with platform(refuse=lambda number: busy if number < 3 else None) as server:
        async with _running(_options(server)):
            await server.until(_is_connected(server, "uid-sim-7-0"))
        assert server.registrations == 3
        fleet = Fleet(replace(_options(server), provision_key="wrong"))
        async with asyncio.timeout(5):
            await fleet.run()
        assert "DEVICE_PROVISION_KEY" in fleet.refused["sim-7-0"]
        assert server.registrations == 4


async def test_a_device_whose_key_is_gone_stops() -> None:
    async with platform() as server:
        fleet = Fleet(_options(server))
        task = asyncio.create_task(fleet.run())
        await server.until(_is_connected(server, "uid-sim-7-0"))
        socket = server.device("sim-7-0").socket
        assert socket is not None
        await socket.close(4403)
        async with asyncio.timeout(5):
            await task
        assert "4403" in fleet.refused["sim-7-0"]


async def test_an_unpaired_device_goes_on_as_its_next_life(tmp_path: Path) -> None:
    truth_file = tmp_path / "truth.json"
    announced: list[Announcement] = []
    async with platform() as server:
        options = _options(server, state_dir=tmp_path, truth_file=truth_file, re_enrol_after_s=0.05)
        async with _running(options, announce=announced.append) as fleet:
            await server.until(_is_connected(server, "uid-sim-7-0"))
            first = server.device("sim-7-0")
            await server.send(first, server.set_relay("c1", index=2))
            await server.until(lambda: bool(first.acks) and bool(first.readings))
            await server.unpair("uid-sim-7-0")
            await server.until(_is_connected(server, "uid-sim-7-0-life2"))
            second = server.devices["uid-sim-7-0-life2"]
            assert second.relays == {0: False, 1: False, 2: True, 3: False}
            await server.send(second, server.set_relay("c2", index=1))
            await server.until(lambda: bool(second.acks) and bool(second.readings))
            assert not first.readings.keys() & second.readings.keys()
            lives = [fleet.truth.devices[uid] for uid in fleet.truth.lives_of("sim-7-0")]
            assert [(life.epoch, list(life.executed)) for life in lives] == [
                (1, ["c1"]),
                (2, ["c2"]),
            ]
            assert lives[0].ended_at is not None and lives[1].ended_at is None
            assert fleet.refused == {}
    assert server.proofs == [("uid-sim-7-0", "token-1")]
    assert [(one.is_new, one.identity.epoch) for one in announced] == [(True, 1), (True, 2)]
    stored = json.loads((tmp_path / "sim-7-0.json").read_text())
    assert (stored["device_uid"], stored["epoch"]) == ("uid-sim-7-0-life2", 2)
    again = Truth.load(truth_file)
    assert again.lives_of("sim-7-0") == ["uid-sim-7-0", "uid-sim-7-0-life2"]


async def test_readings_measured_for_the_former_owner_die_with_the_life() -> None:
    async with platform() as server:
        options = replace(_options(server, re_enrol_after_s=0.05), telemetry_every_s=30)
        async with _running(options) as fleet:
            await server.until(_is_connected(server, "uid-sim-7-0"))
            flash = fleet._devices["sim-7-0"].core.flash
            secret = QueuedReading("of-the-former-owner", 0, datetime.now(UTC), {"n": 1.0})
            flash.telemetry.append(secret)
            await server.unpair("uid-sim-7-0")
            await server.until(_is_connected(server, "uid-sim-7-0-life2"))
            assert secret not in flash.telemetry
            assert not server.devices["uid-sim-7-0-life2"].readings


async def test_a_batch_key_makes_devices_without_claim_codes() -> None:
    announced: list[Announcement] = []
    async with (
        platform(claim_code=None) as server,
        _running(_options(server), announce=announced.append),
    ):
        await server.until(_is_connected(server, "uid-sim-7-0"))
    assert [one.identity.claim_code for one in announced] == [None]
    assert "claim" not in sentence(announced[0])


async def test_the_time_of_a_run_can_be_limited() -> None:
    async with platform() as server, asyncio.timeout(5):
        await Fleet(replace(_options(server), duration_s=0.3)).run()


def _is_off(moments: list[datetime]) -> bool:
    """Whether the newest reading claims a time that is minutes or more from the real one."""
    return bool(moments) and abs(moments[-1] - datetime.now(UTC)) > timedelta(seconds=50)
