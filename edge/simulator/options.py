"""What a simulated fleet is asked to be, from the command line and the environment."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from edge.protocol.limits import RECONNECT_MAX_SECONDS
from edge.simulator.chaos import ChaosProfile
from edge.simulator.errors import OptionsInvalid

DEFAULT_URL: Final = "http://127.0.0.1:8000"
MAX_DEVICES: Final = 20_000
MAX_RELAYS: Final = 64
_SOCKET_SCHEMES: Final = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetOptions:
    """Everything one run of a fleet needs to know."""

    url: str = DEFAULT_URL
    provision_key: str = field(default="", repr=False)
    devices: int = 1
    relays: int = 4
    seed: int = 1
    chaos: ChaosProfile = field(default_factory=ChaosProfile)
    chaos_for_s: float | None = None
    state_dir: Path | None = None
    duration_s: float | None = None
    truth_file: Path | None = None
    log_file: Path | None = None
    name_prefix: str = "Simulated board"
    reconnect_max_s: float = RECONNECT_MAX_SECONDS
    telemetry_every_s: float = 10.0
    input_every_s: float = 120.0
    # None: a device that was unpaired stops.
    re_enrol_after_s: float | None = None

    @property
    def socket_url(self) -> str:
        """The address of the device socket at this server."""
        parts = urlsplit(self.url)
        path = f"{parts.path.rstrip('/')}/ws/device"
        return urlunsplit((_SOCKET_SCHEMES[parts.scheme], parts.netloc, path, "", ""))

    def hardware_id(self, index: int) -> str:
        """Return the physical id of one device; the same seed always has the same ones."""
        return f"sim-{self.seed}-{index}"

    def name(self, index: int) -> str:
        """Return how one device calls itself."""
        return f"{self.name_prefix} {index + 1}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a fleet to any command line."""
    parser.add_argument("--url", default=os.environ.get("HOMEPOT_URL") or DEFAULT_URL)
    parser.add_argument("--devices", type=int, default=1, help="how many devices (1)")
    parser.add_argument("--relays", type=int, default=4, help="relays of each device (4)")
    parser.add_argument("--seed", type=int, default=1, help="names the fleet and its fate (1)")
    parser.add_argument(
        "--chaos", type=float, default=0.0, help="probability of a fault per opportunity (0)"
    )
    parser.add_argument(
        "--chaos-for",
        type=float,
        metavar="SECONDS",
        help="end the chaos after this time; every device then connects once more",
    )
    parser.add_argument("--late-ack", default="1-15", metavar="FROM-TO", help="seconds (1-15)")
    parser.add_argument("--half-open", default="5-90", metavar="FROM-TO", help="seconds (5-90)")
    parser.add_argument(
        "--fault-every", type=float, default=15.0, help="seconds between two opportunities (15)"
    )
    parser.add_argument("--state-dir", type=Path, help="keeps identities; none: forgotten")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="until stopped")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="JSON: what really happened")
    parser.add_argument("--log", type=Path, metavar="FILE", help="JSONL: every event")
    parser.add_argument("--name-prefix", default="Simulated board")
    parser.add_argument(
        "--reconnect-max",
        type=float,
        default=RECONNECT_MAX_SECONDS,
        help=f"longest wait before connecting again ({RECONNECT_MAX_SECONDS:g})",
    )
    parser.add_argument("--telemetry-every", type=float, default=10.0, help="seconds (10)")
    parser.add_argument("--input-every", type=float, default=120.0, help="seconds (120)")
    parser.add_argument(
        "--re-enrol",
        type=float,
        metavar="SECONDS",
        help="shortest wait until an unpaired device begins a new life (it stops)",
    )
    parser.add_argument("--quiet", action="store_true", help="do not print the devices")


def from_arguments(given: argparse.Namespace, environment: Mapping[str, str]) -> FleetOptions:
    """Return checked options, or raise ``OptionsInvalid`` with the cure."""
    _require(0 <= given.chaos <= 1, "--chaos is a probability: 0 to 1")
    _require(1 <= given.devices <= MAX_DEVICES, f"--devices must be from 1 to {MAX_DEVICES}")
    _require(0 <= given.relays <= MAX_RELAYS, f"--relays must be from 0 to {MAX_RELAYS}")
    intervals = (given.fault_every, given.telemetry_every, given.input_every, given.reconnect_max)
    _require(min(intervals) >= 0.05, "an interval is at least 0.05 seconds")
    _require(given.re_enrol is None or given.re_enrol >= 0.05, "--re-enrol: 0.05 s at least")
    key = environment.get("DEVICE_PROVISION_KEY", "").strip()
    _require(key.isascii() and (not key or key.isprintable()), "DEVICE_PROVISION_KEY is no key")
    return FleetOptions(
        url=_server_url(given.url),
        provision_key=key,
        devices=given.devices,
        relays=given.relays,
        seed=given.seed,
        chaos=ChaosProfile(
            probability=given.chaos,
            late_ack_s=_span("--late-ack", given.late_ack),
            half_open_s=_span("--half-open", given.half_open),
            fault_every_s=given.fault_every,
        ),
        chaos_for_s=given.chaos_for,
        state_dir=given.state_dir.expanduser() if given.state_dir else None,
        duration_s=given.duration,
        truth_file=given.truth,
        log_file=given.log,
        name_prefix=given.name_prefix,
        reconnect_max_s=given.reconnect_max,
        telemetry_every_s=given.telemetry_every,
        input_every_s=given.input_every,
        re_enrol_after_s=given.re_enrol,
    )


def _require(is_right: bool, message: str) -> None:
    if not is_right:
        raise OptionsInvalid(message)


def _server_url(text: str) -> str:
    parts = urlsplit(text.strip().rstrip("/"))
    is_address = parts.scheme in _SOCKET_SCHEMES and bool(parts.hostname)
    _require(is_address, f"--url must look like {DEFAULT_URL} or https://example.org")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _span(option: str, text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    try:
        span = float(low), float(high if dash else low)
    except ValueError:
        raise OptionsInvalid(
            f"{option} takes seconds or a range of them, for example 1-15"
        ) from None
    _require(0 <= span[0] <= span[1], f"{option} must not run backwards")
    return span
