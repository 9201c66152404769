"""The simulator as a process, and its options."""

import argparse
import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.simulator import open_files, options
from edge.simulator.errors import OptionsInvalid
from edge.simulator.truth import Truth
from tests.services import ROOT
from tests.simulator.platform_stub import KEY, platform

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "DEVICE_PROVISION_KEY": KEY}


def _parsed(*arguments: str) -> options.FleetOptions:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return options.from_arguments(parser.parse_args(arguments), {"DEVICE_PROVISION_KEY": KEY})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_twenty_devices_within_two_seconds_and_loses_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with platform() as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge.simulator", "--url", server.url, "--devices", "20"),
            *("--state-dir", str(tmp_path / "state"), "--truth", str(tmp_path / "truth.json")),
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        await server.until(_all_report(server.devices, 20))
        device = server.device("sim-1-4")
        await server.send(device, server.set_relay("c1"))
        await server.until(lambda: bool(device.acks))
        began = time.monotonic()
        process.send_signal(number)
        printed, _ = await process.communicate()
        assert time.monotonic() - began < 2
    assert process.returncode == 0
    lines = printed.decode().splitlines()
    assert len(lines) == 20
    assert all("claim code ABCD2345" in line for line in lines)
    assert b"token" not in printed
    truth = Truth.load(tmp_path / "truth.json")
    assert truth.devices["uid-sim-1-4"].count("c1") == 1
    assert len(list((tmp_path / "state").glob("sim-1-*.json"))) == 20


async def test_a_server_that_wants_none_of_it_is_an_exit_code() -> None:
    async with platform() as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge.simulator", "--url", server.url),
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | {"DEVICE_PROVISION_KEY": "wrong"},
        )
        _, complaint = await process.communicate()
    assert process.returncode == 3
    assert b"DEVICE_PROVISION_KEY" in complaint


def test_the_address_of_the_socket_follows_the_one_of_the_server() -> None:
    assert _parsed("--url", "http://a.example:8000/").socket_url == "ws://a.example:8000/ws/device"
    assert _parsed("--url", "https://a.example/h").socket_url == "wss://a.example/h/ws/device"


def test_spans_are_read_as_one_or_two_numbers() -> None:
    assert _parsed("--late-ack", "2-3.5").chaos.late_ack_s == (2, 3.5)
    assert _parsed("--half-open", "4").chaos.half_open_s == (4, 4)


def test_unpaired_devices_stop_unless_they_are_to_go_on() -> None:
    assert _parsed().re_enrol_after_s is None
    assert _parsed("--re-enrol", "30").re_enrol_after_s == 30


@pytest.mark.parametrize(
    "arguments",
    [
        ("--re-enrol", "0"),
        ("--chaos", "1.5"),
        ("--devices", "0"),
        ("--relays", "65"),
        ("--url", "ftp://a.example"),
        ("--late-ack", "5-1"),
        ("--late-ack", "soon"),
        ("--telemetry-every", "0"),
        ("--wires", "http"),
        ("--wires", "pigeon=3"),
        ("--mix", "http=3"),
    ],
)
def test_what_cannot_work_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(OptionsInvalid):
        _parsed(*arguments)


def test_the_provisioning_key_never_shows_in_the_options() -> None:
    assert KEY not in repr(_parsed())


def test_kinds_and_wires_are_dealt_so_that_every_pair_comes() -> None:
    wanted = _parsed("--mix", "pos=2,server=2", "--wires", "websocket=2,http=1,mqtt=1")
    pairs = {(wanted.profile(n).name, wanted.wire_of(n)) for n in range(16)}
    assert len(pairs) == 6
    for begin in range(0, 16, 4):
        wires = [wanted.wire_of(n) for n in range(begin, begin + 4)]
        assert sorted(wires) == ["http", "mqtt", "websocket", "websocket"]
    alone = _parsed("--wires", "http=1,mqtt=1")
    assert [alone.wire_of(n) for n in range(2)] == ["http", "mqtt"]


def test_a_fleet_gets_the_open_files_it_needs_or_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (500, before[1]))
        open_files.allow(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500
        open_files.allow(600)
        assert 600 < resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1_000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (500, 700))
    with pytest.raises(OptionsInvalid, match="ulimit"):
        open_files.allow(600)


def _all_report(devices: dict, count: int) -> Callable[[], bool]:
    return lambda: len(devices) == count and all(one.observed_seq >= 0 for one in devices.values())
