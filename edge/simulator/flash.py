"""What a simulated device keeps over a reboot: relays, command ring, readings, what was agreed."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from edge.protocol.codec import format_moment
from edge.protocol.convergence import Held
from edge.protocol.duties import CommandRing, Relays
from edge.protocol.fields import parse_moment
from edge.protocol.messages import Reading, Telemetry

# Small on purpose: thousands of these share one process while a server is away.
TELEMETRY_CAPACITY: Final = 200
BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class QueuedReading:
    """One reading with the boot that numbered it."""

    boot_id: str
    seq: int
    at: datetime
    metrics: Mapping[str, float]


@dataclass(slots=True)
class Flash:
    """The durable part of a device; a command's positions and its outcome change together."""

    relays: Relays
    ring: CommandRing = field(default_factory=CommandRing)
    boot_count: int = 0
    telemetry: deque[QueuedReading] = field(
        default_factory=lambda: deque(maxlen=TELEMETRY_CAPACITY)
    )
    config: Held = field(default_factory=Held)
    desired: Held = field(default_factory=Held)
    # How many reports of its own state the device has made.
    reports: int = 0
    # The next number for what it tells of its relays.
    state_seq: int = 0
    # All it ever reported, the newest value of each member: what the server may have of it.
    reported: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def blank(cls, relay_count: int) -> "Flash":
        """Return the flash of a device fresh from the factory: every relay off."""
        return cls(relays=(False,) * relay_count)

    def forget_owner(self) -> None:
        """Forget what was measured for, asked by and agreed with the former owner."""
        self.telemetry.clear()
        self.ring = CommandRing()
        self.config, self.desired = Held(), Held()
        self.reports, self.reported = 0, {}

    def oldest_batch(self) -> Telemetry | None:
        """Return the readings to send next, all of one boot, or None when there are none."""
        if not self.telemetry:
            return None
        boot_id = self.telemetry[0].boot_id
        readings = [
            Reading(seq=item.seq, at=item.at, metrics=item.metrics)
            for item in self.telemetry
            if item.boot_id == boot_id
        ]
        return Telemetry(boot_id=boot_id, readings=tuple(readings[:BATCH]))

    def forget(self, *, boot_id: str, acked_seq: int) -> list[QueuedReading]:
        """Drop the readings the server has; return them in order."""
        kept: list[QueuedReading] = []
        forgotten: list[QueuedReading] = []
        for item in self.telemetry:
            is_there = item.boot_id == boot_id and item.seq <= acked_seq
            (forgotten if is_there else kept).append(item)
        if forgotten:
            self.telemetry = deque(kept, maxlen=TELEMETRY_CAPACITY)
        return forgotten

    def to_plain(self) -> dict[str, Any]:
        """Return the flash as JSON values."""
        return {
            "relays": list(self.relays),
            "ring": self.ring.to_plain(),
            "boot_count": self.boot_count,
            "config": self.config.to_plain(),
            "desired": self.desired.to_plain(),
            "reports": self.reports,
            "state_seq": self.state_seq,
            "reported": dict(self.reported),
            "telemetry": [
                {
                    "boot_id": item.boot_id,
                    "seq": item.seq,
                    "at": format_moment(item.at),
                    "metrics": dict(item.metrics),
                }
                for item in self.telemetry
            ],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], *, relay_count: int) -> "Flash":
        """Return a stored flash, fitted to the relays the board has today."""
        positions = (*map(bool, plain.get("relays", ())), *(False,) * relay_count)
        flash = cls(
            relays=positions[:relay_count],
            ring=CommandRing.from_plain(plain.get("ring", ())),
            boot_count=int(plain.get("boot_count", 0)),
            config=Held.from_plain(plain.get("config")),
            desired=Held.from_plain(plain.get("desired")),
            reports=int(plain.get("reports", 0)),
            state_seq=int(plain.get("state_seq", 0)),
            reported=dict(plain.get("reported", {})),
        )
        for item in plain.get("telemetry", ()):
            at = parse_moment(item["at"])
            if at is not None:
                flash.telemetry.append(
                    QueuedReading(item["boot_id"], item["seq"], at, item["metrics"])
                )
        return flash
