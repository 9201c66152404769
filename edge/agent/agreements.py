"""What this device agreed with its server, kept over restarts: configuration and desired state."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edge.agent import durable_file
from edge.agent.errors import StateUnreadable
from edge.protocol import fields, strict_json
from edge.protocol.convergence import Held

AGREED_FILE: Final = "agreed.json"
REPORT_INTERVAL: Final = "report_interval_s"
_MAX_BYTES: Final = 1_048_576
_MAX_INTERVAL_S: Final = 3_600


class Agreements:
    """Each change is on disk before the server hears of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        plain = _load(path)
        self.config = Held.from_plain(plain.get("config"))
        self.desired = Held.from_plain(plain.get("desired"))
        self._reports = int(plain.get("reports", 0))
        # The command that is restarting the machine, and the boot it was given in.
        self.rebooting: tuple[str, str] | None = _pair(plain.get("rebooting"))

    def take_config(self, version: int, document: Mapping[str, Any]) -> None:
        """Work by this configuration from now on, unless it is no newer."""
        taken = self.config.taking(version, document)
        if taken is not None:
            self._write(config=taken)
            self.config = taken

    def take_desired(self, version: int, document: Mapping[str, Any]) -> bool:
        """Take over this desired state; False when it is no newer."""
        taken = self.desired.taking(version, document)
        if taken is None:
            return False
        self._write(desired=taken)
        self.desired = taken
        return True

    def next_report(self) -> int:
        """Return the number of the next report of what the machine is like."""
        self._reports += 1
        self._write()
        return self._reports

    def note_reboot(self, command_id: str | None, *, boot_id: str = "") -> None:
        """Remember which command restarts the machine, or that none does."""
        self.rebooting = None if command_id is None else (command_id, boot_id)
        self._write()

    def interval_s(self, configured: float) -> float:
        """Return the seconds between readings: as desired where that makes sense."""
        wanted = self.desired.document.get(REPORT_INTERVAL)
        if fields.is_number(wanted) and 1 <= wanted <= _MAX_INTERVAL_S:
            return float(wanted)
        return configured

    def _write(self, *, config: Held | None = None, desired: Held | None = None) -> None:
        document = {
            "config": (config or self.config).to_plain(),
            "desired": (desired or self.desired).to_plain(),
            "reports": self._reports,
            "rebooting": None if self.rebooting is None else list(self.rebooting),
        }
        durable_file.write(self._path, strict_json.dumps(document))


def forget(directory: Path) -> None:
    """Remove what was agreed with a former owner."""
    if (directory / AGREED_FILE).exists():
        durable_file.remove(directory / AGREED_FILE)


def _load(path: Path) -> dict[str, Any]:
    text = durable_file.read(path)
    if text is None:
        return {}
    try:
        plain = strict_json.loads(text, max_bytes=_MAX_BYTES)
    except strict_json.StrictJSONError:
        plain = None
    if not isinstance(plain, dict) or type(plain.get("reports", 0)) is not int:
        raise StateUnreadable(f"{path} is damaged; remove it to agree with the server anew")
    return plain


def _pair(value: object) -> tuple[str, str] | None:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value):
        return value[0], value[1]
    return None
