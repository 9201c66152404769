"""The truth of a simulated fleet: where every relay really is, and what was really run.

A checker compares it with the server's database: a relay that differs is a phantom, a command
with a count above one was run twice.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.simulator import private_file
from edge.simulator.readings import Spans

_FACTS = ("kind", "relay_index", "is_on", "monotonic", "server_time", "expires_at", "outcome")

_REPORT = ("desired_version", "document", "report_id")


@dataclass(slots=True)
class DeviceTruth:
    """One life of a device: relay positions, and its commands in order of their first run.

    ``epoch`` counts the lives of its hardware; after ``ended_at`` this one moves no more.
    """

    hardware_id: str
    epoch: int = 1
    ended_at: str | None = None
    relays: list[bool] = field(default_factory=list)
    boots: int = 0
    executed: dict[str, dict[str, Any]] = field(default_factory=dict)
    # By boot: `sent` and `acked` as spans of numbers, and the sum of the digests of the acked.
    readings: dict[str, dict[str, Any]] = field(default_factory=dict)
    discarded: int = 0
    line: dict[str, Any] = field(default_factory=dict)
    # What it works by, and what it last said it is like.
    config: dict[str, Any] = field(default_factory=dict)
    twin: dict[str, Any] = field(default_factory=dict)

    def count(self, command_id: str) -> int:
        """Return how often this device ran a command."""
        return int(self.executed.get(command_id, {}).get("count", 0))


class Truth:
    """What all devices of a fleet really did; ``keep`` bounds the commands held per device."""

    def __init__(self, *, keep: int | None = None) -> None:
        self.devices: dict[str, DeviceTruth] = {}
        self.is_changed = False
        # While it is true, the last seconds may be missing here.
        self.is_running = True
        self._keep = keep

    def add_device(
        self, uid: str, *, hardware_id: str, relays: tuple[bool, ...], epoch: int = 1
    ) -> None:
        """Begin to follow a life of a device with the positions its flash holds."""
        device = self.devices.setdefault(uid, DeviceTruth(hardware_id, epoch))
        device.relays = list(relays)
        self.is_changed = True

    def end_life(self, uid: str, *, wall: str) -> None:
        """Note that the server ended the life of this uid; what it did stays known."""
        self.devices[uid].ended_at = wall
        self.is_changed = True

    def lives_of(self, hardware_id: str) -> list[str]:
        """Return the uids of a piece of hardware, its first life first."""
        found = [uid for uid, one in self.devices.items() if one.hardware_id == hardware_id]
        return sorted(found, key=lambda uid: self.devices[uid].epoch)

    def note(self, uid: str, event: str, details: Mapping[str, Any], *, wall: str) -> None:
        """Take in one record of a device; most kinds of them say nothing that lasts."""
        take = _TAKERS.get(event)
        if take is not None:
            take(self, self.devices[uid], {**details, "wall": wall, "event": event})
            self.is_changed = True

    def note_line(
        self, uid: str, *, is_open: bool, spoke_at: str | None, heard_at: str | None, wire: str
    ) -> None:
        """Note how a device stands with its server."""
        line = {"is_open": is_open, "spoke_at": spoke_at, "heard_at": heard_at, "wire": wire}
        if self.devices[uid].line != line:
            self.devices[uid].line = line
            self.is_changed = True

    @property
    def acked_readings(self) -> int:
        """How many readings the server acknowledged."""
        return sum(
            last - first + 1
            for device in self.devices.values()
            for boot in device.readings.values()
            for first, last in boot["acked"]
        )

    def to_plain(self) -> dict[str, Any]:
        """Return everything as JSON values, by device uid."""
        return {
            uid: {
                "hardware_id": device.hardware_id,
                "epoch": device.epoch,
                "ended_at": device.ended_at,
                "relays": device.relays,
                "boots": device.boots,
                "executed": device.executed,
                "readings": device.readings,
                "discarded": device.discarded,
                "line": device.line,
                "config": device.config,
                "twin": device.twin,
            }
            for uid, device in self.devices.items()
        }

    def save(self, path: Path) -> None:
        """Write everything at once; a reader never sees half a file."""
        # One line per device: ten thousand of them, every two seconds.
        lines = ",\n".join(
            f"{json.dumps(uid)}:{json.dumps(plain, separators=(',', ':'))}"
            for uid, plain in self.to_plain().items()
        )
        head = f'"version":2,"is_running":{json.dumps(self.is_running)}'
        private_file.write(path, f'{{{head},"devices":{{\n{lines}\n}}}}\n')
        self.is_changed = False

    @classmethod
    def load(cls, path: Path, *, keep: int | None = None) -> "Truth":
        """Return what an earlier run wrote, or nothing known when there is no file."""
        truth = cls(keep=keep)
        text = private_file.read(path)
        if text is not None:
            document = json.loads(text)
            truth.is_running = document.get("is_running", False)
            for uid, plain in document["devices"].items():
                truth.devices[uid] = DeviceTruth(**plain)
        return truth

    def _note_boot(self, device: DeviceTruth, _: Mapping[str, Any]) -> None:
        device.boots += 1

    def _note_discarded(self, device: DeviceTruth, _: Mapping[str, Any]) -> None:
        device.discarded += 1

    def _note_readings(self, device: DeviceTruth, details: Mapping[str, Any]) -> None:
        boots, event = device.readings, details["event"]
        boot = boots.setdefault(details["boot_id"], {"sent": [], "acked": [], "digest": 0})
        Spans(boot[event]).add(details["first"], details["last"])
        if event == "acked":
            boot["digest"] += details["digest"]
        while self._keep is not None and len(boots) > self._keep:
            del boots[next(iter(boots))]

    def _note_executed(self, device: DeviceTruth, details: Mapping[str, Any]) -> None:
        device.relays = list(details["relays"])
        command_id = details["command_id"]
        known = device.executed.get(command_id)
        if known is not None:
            known["count"] += 1
            return
        facts = {name: details[name] for name in _FACTS if name in details}
        device.executed[command_id] = {
            "count": 1, "wall": details["wall"], "outcome": None, **facts
        }  # fmt: skip
        while self._keep is not None and len(device.executed) > self._keep:
            del device.executed[next(iter(device.executed))]

    def _note_outcome(self, device: DeviceTruth, details: Mapping[str, Any]) -> None:
        known = device.executed.get(details["command_id"])
        if known is not None:
            known["outcome"] = details["status"]

    def _note_config(self, device: DeviceTruth, details: Mapping[str, Any]) -> None:
        device.config = {name: details[name] for name in ("version", "document")}

    def _note_report(self, device: DeviceTruth, details: Mapping[str, Any]) -> None:
        device.twin = {name: details[name] for name in _REPORT} | {"is_acked": False}

    def _note_report_acked(self, device: DeviceTruth, details: Mapping[str, Any]) -> None:
        if device.twin.get("report_id") == details["report_id"]:
            device.twin["is_acked"] = True


_TAKERS: Mapping[str, Callable[[Truth, DeviceTruth, Mapping[str, Any]], None]] = {
    "booted": Truth._note_boot,
    "executed": Truth._note_executed,
    "finished": Truth._note_outcome,
    "stopped": Truth._note_outcome,
    "sent": Truth._note_readings,
    "acked": Truth._note_readings,
    "discarded": Truth._note_discarded,
    "config_taken": Truth._note_config,
    "reported": Truth._note_report,
    "report_acked": Truth._note_report_acked,
}
