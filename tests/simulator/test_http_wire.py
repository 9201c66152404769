"""A fleet over HTTP: readings stay with the device until a 202 acknowledges them."""

import asyncio
from dataclasses import replace
from typing import Any

from edge.simulator.chaos import BatchFate, ChaosProfile, Fault
from edge.simulator.fleet import Fleet
from edge.simulator.options import FleetOptions
from edge.simulator.outages import OutagePlan
from tests.simulator.platform_stub import KEY, Ledger, Platform, http_answer, platform


def _options(server: Platform, **changes: Any) -> FleetOptions:
    plain = FleetOptions(
        url=server.url, provision_key=KEY, seed=7, wires=("http",), reconnect_max_s=0.2,
        telemetry_every_s=0.05, duration_s=1.5,
    )  # fmt: skip
    return replace(plain, **changes)


def _acked(fleet: Fleet, uid: str = "uid-sim-7-0") -> dict[str, set[int]]:
    readings = fleet.truth.devices[uid].readings
    return {
        boot_id: {n for first, last in boot["acked"] for n in range(first, last + 1)}
        for boot_id, boot in readings.items()
    }


def _stored(device: Ledger) -> dict[str, set[int]]:
    return {boot_id: set(numbers) for boot_id, numbers in device.readings.items()}


async def test_batches_are_posted_with_the_key_and_forgotten_when_acknowledged() -> None:
    async with platform() as server:
        fleet = Fleet(_options(server))
        await fleet.run()
        device = server.device("sim-7-0")
        assert device.sessions == 0, "no socket was opened"
        (stored,) = _stored(device).values()
        assert len(stored) > 5 and stored == set(range(len(stored)))
        assert _acked(fleet) == _stored(device) or len(stored) - fleet.truth.acked_readings == 1
        assert set(server.calls[0]) >= {"boot_id", "readings"}


async def test_refusals_are_waited_out_and_nothing_is_lost() -> None:
    answers = {
        1: http_answer(503, {"code": "unavailable"}, Retry_After="0"),
        2: http_answer(429, {"code": "rate_limited"}, Retry_After="0"),
        3: http_answer(401, {"code": "invalid_credentials"}),
        4: b"HTTP/1.1 500 -\r\nConnection: close\r\n\r\n",
        5: b"nonsense",
    }
    async with platform(refuse_readings=answers.get) as server:
        fleet = Fleet(_options(server, duration_s=4.0))
        await fleet.run()
        (stored,) = _stored(server.device("sim-7-0")).values()
        assert stored == set(range(len(stored))) and len(stored) > 10
        assert server.calls[0]["readings"][0]["seq"] == 0
        assert server.calls[5]["readings"][0]["seq"] == 0, "sent again after each refusal"
        assert fleet.refused == {}


async def test_the_time_the_server_asks_for_is_given_to_it() -> None:
    slow = http_answer(429, {"code": "rate_limited"}, Retry_After="30")
    async with platform(refuse_readings=lambda _: slow) as server:
        await Fleet(_options(server)).run()
        assert len(server.calls) == 1


async def test_a_key_that_stays_refused_stops_its_device() -> None:
    no = http_answer(401, {"code": "invalid_credentials"})
    async with platform(refuse_readings=lambda _: no) as server, asyncio.timeout(10):
        fleet = Fleet(_options(server, duration_s=None))
        await fleet.run()
        assert "4401" in fleet.refused["sim-7-0"]
        assert len(server.calls) == 5


async def test_an_unpaired_device_begins_its_next_life() -> None:
    async with platform() as server:
        fleet = Fleet(_options(server, re_enrol_after_s=0.05, duration_s=None))
        task = asyncio.create_task(fleet.run())
        await server.until(lambda: len(server.calls) > 3)
        await server.unpair("uid-sim-7-0")
        next_uid = "uid-sim-7-0-life2"
        await server.until(
            lambda: next_uid in server.devices and bool(server.devices[next_uid].readings)
        )
        fleet.stop()
        await task
        assert fleet.truth.lives_of("sim-7-0") == ["uid-sim-7-0", "uid-sim-7-0-life2"]


async def test_chaos_and_outages_lose_nothing_that_was_acknowledged() -> None:
    chaos = ChaosProfile(
        probability=0.4, fault_every_s=0.2, half_open_s=(0.05, 0.2), boot_s=(0.01, 0.05),
        late_ack_s=(0.05, 0.2),
    )  # fmt: skip
    plan = OutagePlan(7, every_s=1, share=0.5, away_s=(0.1, 0.3))
    async with platform() as server:
        fleet = Fleet(_options(server, devices=6, chaos=chaos, outages=plan, duration_s=6.0))
        await fleet.run()
        for uid, device in server.devices.items():
            stored = _stored(device)
            for boot_id, numbers in _acked(fleet, uid).items():
                assert numbers <= stored.get(boot_id, set())
            sent = fleet.truth.devices[uid].readings
            assert set(stored) <= set(sent)
        assert sum(one.repeated_readings for one in server.devices.values()) > 0


async def test_a_frozen_device_calls_nobody_and_then_catches_up() -> None:
    chaos = ChaosProfile(
        probability=1.0, fault_every_s=0.3, faults=(Fault.HALF_OPEN,), half_open_s=(0.6, 0.6),
        batch_fates=(BatchFate.DUPLICATED,),
    )  # fmt: skip
    async with platform() as server:
        fleet = Fleet(_options(server, chaos=chaos, duration_s=3.0))
        await fleet.run()
        (stored,) = _stored(server.device("sim-7-0")).values()
        assert stored == set(range(len(stored)))


async def test_a_large_fleet_starts_one_after_the_other() -> None:
    async with platform() as server:
        fleet = Fleet(_options(server, devices=20, ramp_s=2.0, duration_s=1.0))
        await fleet.run()
        assert 5 <= len(server.devices) <= 11
