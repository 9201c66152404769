"""What a simulated fleet costs the machine it runs on: one process, one wire after the other, then
all three at once, against a server that only answers and a real Mosquitto."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.child_process import serving
from benchmarks.report import heading, say
from tests.edge.mqtt_broker import PASSWORD, USERNAME, SmallBroker
from tests.server_process import LOOPBACK
from tests.services import ROOT

_WIRES = ("http=1", "websocket=1", "mqtt=1", "websocket=5,http=3,mqtt=2")
_MIX = "pos=5,server=2,relay=3,sensor=1"
_RIGHTS = f"user {USERNAME}\ntopic readwrite #\n"


def measure(wires: str, *, devices: int, every_s: float, seconds: float) -> str:
    """Return the figures a fleet told of itself shortly before its end."""
    with SmallBroker(rights=_RIGHTS) as broker:
        account = f"mqtt://{USERNAME}:{_quoted(PASSWORD)}@{LOOPBACK}:{broker.port}"
        with serving("benchmarks.fleet_server", account) as server:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "edge.simulator"),
                    *("--url", f"http://{LOOPBACK}:{server.port}"),
                    *("--devices", str(devices), "--mix", _MIX, "--wires", wires),
                    *("--telemetry-every", str(every_s), "--duration", str(seconds)),
                    *("--report", str(0.9 * seconds), "--quiet"),
                ],
                cwd=ROOT,
                env={"DEVICE_PROVISION_KEY": "any", "PATH": ""},
                capture_output=True,
                text=True,
                check=True,
            )
    return done.stdout.splitlines()[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every wire by itself, and the three together."""
    parser = argparse.ArgumentParser(prog="simulated_fleet", description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between readings")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each fleet runs")
    parser.add_argument("--wires", choices=_WIRES, help="this one only")
    given = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    heading(f"A simulated fleet of {given.devices}")
    for wires in [given.wires] if given.wires else _WIRES:
        said = measure(wires, devices=given.devices, every_s=given.every, seconds=given.seconds)
        say(f"  {wires}: {said}")
    say("  KiB each: growth of the process, divided by its devices; connections included")


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


if __name__ == "__main__":
    main()
