"""What a simulated fleet is asked to be, from the command line and the environment."""

import argparse
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from edge.protocol.limits import RECONNECT_MAX_SECONDS
from edge.simulator.chaos import ChaosProfile
from edge.simulator.errors import OptionsInvalid
from edge.simulator.outages import OutagePlan
from edge.simulator.profiles import PROFILES, RELAY, DeviceProfile

DEFAULT_URL: Final = "http://127.0.0.1:8000"
MAX_DEVICES: Final = 20_000
MAX_RELAYS: Final = 64
WIRES: Final = ("websocket", "http", "mqtt")
POLLS: Final = ("long", "short", "none")
# Devices a second that a large fleet starts by itself.
_STARTS_PER_S: Final = 500
_ALL_AT_ONCE: Final = 200
_EXAMPLES: Final = {
    "--mix": "pos=5,server=2,relay=3",
    "--wires": "websocket=5,http=3,mqtt=2",
}
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
    wires: tuple[str, ...] = (WIRES[0],)
    profiles: tuple[DeviceProfile, ...] = (RELAY,)
    outages: OutagePlan = field(default_factory=OutagePlan)
    # The time over which the devices are switched on, one after the other.
    ramp_s: float = 0.0
    report_every_s: float | None = None
    hardware_prefix: str = "sim"
    # How devices on HTTP ask for commands: waiting at the server, now and then, or not at all.
    polls: str = "long"
    reports_twin: bool = False

    def profile(self, index: int) -> DeviceProfile:
        """Return the kind of one device; a mix is dealt round, so that any share of it is mixed."""
        return self.profiles[index % len(self.profiles)]

    def wire_of(self, index: int) -> str:
        """Return how one device speaks; every kind of a mix comes to every wire in the end."""
        # Both are dealt round: moved on by one where the pairs would come again.
        moved = index // math.lcm(len(self.profiles), len(self.wires))
        return self.wires[(index + moved) % len(self.wires)]

    def relays_of(self, index: int) -> int:
        """Return how many relays one device has."""
        own = self.profile(index).relays
        return self.relays if own is None else own

    @property
    def socket_url(self) -> str:
        """The address of the device socket at this server."""
        parts = urlsplit(self.url)
        path = f"{parts.path.rstrip('/')}/ws/device"
        return urlunsplit((_SOCKET_SCHEMES[parts.scheme], parts.netloc, path, "", ""))

    def hardware_id(self, index: int) -> str:
        """Return the physical id of one device; the same seed always has the same ones."""
        return f"{self.hardware_prefix}-{self.seed}-{index}"

    def name(self, index: int) -> str:
        """Return how one device calls itself."""
        return f"{self.name_prefix} {index + 1}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a fleet to any command line."""
    parser.add_argument("--url", default=os.environ.get("HOMEPOT_URL") or DEFAULT_URL)
    parser.add_argument("--devices", type=int, help="how many devices (1, or those of the mix)")
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
    add_kind_arguments(parser)
    add_outage_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="do not print the devices")


def add_kind_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the devices are and how they speak."""
    parser.add_argument("--profile", default=RELAY.name, help=f"{', '.join(PROFILES)} (relay)")
    parser.add_argument("--mix", metavar="KIND=N,…", help="several kinds: pos=5,server=2,relay=3")
    parser.add_argument("--wire", choices=WIRES, default=WIRES[0], help="websocket, http or mqtt")
    parser.add_argument("--wires", metavar="WIRE=N,…", help="several: websocket=5,http=3,mqtt=2")
    parser.add_argument(
        "--poll",
        choices=POLLS,
        help=f"how HTTP devices ask for commands (long, short above {_ALL_AT_ONCE} devices)",
    )
    parser.add_argument("--twin", action="store_true", help="report state without being asked")
    parser.add_argument("--ramp", type=float, metavar="SECONDS", help="switch on over this time")
    parser.add_argument("--report", type=float, metavar="SECONDS", help="print figures so often")


def add_outage_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how often a site goes away as a whole."""
    parser.add_argument("--outage-every", type=float, metavar="SECONDS", help="a site goes away")
    parser.add_argument("--outage-share", type=float, default=0.3, help="of the fleet (0.3)")
    parser.add_argument("--outage-for", default="20-60", metavar="FROM-TO", help="seconds (20-60)")


def from_arguments(given: argparse.Namespace, environment: Mapping[str, str]) -> FleetOptions:
    """Return checked options, or raise ``OptionsInvalid`` with the cure."""
    _require(0 <= given.chaos <= 1, "--chaos is a probability: 0 to 1")
    profiles = tuple(map(_profile, _dealt("--mix", given.mix or f"{given.profile}=1")))
    wires = tuple(map(_wire, _dealt("--wires", given.wires or f"{given.wire}=1")))
    if given.devices is None:
        given.devices = len(profiles)
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
        wires=wires,
        profiles=profiles,
        outages=_outages(given),
        ramp_s=_ramp(given),
        report_every_s=given.report,
        polls=given.poll or ("short" if given.devices > _ALL_AT_ONCE else "long"),
        reports_twin=given.twin,
    )


def _profile(name: str) -> DeviceProfile:
    _require(name in PROFILES, f"a profile is one of: {', '.join(PROFILES)}")
    return PROFILES[name]


def _wire(name: str) -> str:
    _require(name in WIRES, f"a wire is one of: {', '.join(WIRES)}")
    return name


def _dealt(option: str, text: str) -> tuple[str, ...]:
    """Return the names of ``name=count,…``, dealt so that each is spread over the whole."""
    dealt: list[tuple[float, str]] = []
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        is_number = number.isascii() and number.isdigit() and len(number) <= 5
        _require(is_number, f"{option} looks like {_EXAMPLES[option]}")
        count = int(number)
        dealt += [((place + 0.5) / count, name) for place in range(count)]
    _require(1 <= len(dealt) <= MAX_DEVICES, f"{option} has from 1 to {MAX_DEVICES} parts")
    return tuple(name for _, name in sorted(dealt, key=lambda one: one[0]))


def _outages(given: argparse.Namespace) -> OutagePlan:
    every_s: float | None = given.outage_every
    away_s = _span("--outage-for", given.outage_for)
    _require(0 < given.outage_share <= 1, "--outage-share is a share: above 0, up to 1")
    _require(every_s is None or every_s >= 1, "--outage-every: 1 second at least")
    return OutagePlan(given.seed, every_s, given.outage_share, away_s)


def _ramp(given: argparse.Namespace) -> float:
    if given.ramp is None:
        is_large = given.devices > _ALL_AT_ONCE
        return float(given.devices / _STARTS_PER_S) if is_large else 0.0
    _require(given.ramp >= 0, "--ramp: no time at all, or some")
    return float(given.ramp)


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
