"""Restarting this machine, which the agent does only where its owner allowed it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_REBOOT: Final = ("systemctl", "reboot")
_TIMEOUT_S: Final = 30.0


class Power:
    """The switch of the machine; without permission it is only shown, not pressed."""

    def __init__(self, *, is_allowed: bool, command: Sequence[str] = _REBOOT) -> None:
        self.is_allowed = is_allowed
        self._command = tuple(command)

    def boot_id(self) -> str:
        """Return what names this run of the machine: another one after every restart."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return f"{psutil.boot_time():.0f}"

    def reboot(self) -> None:
        """Ask the system to restart; raises ``OSError`` when it will not."""
        try:
            subprocess.run(  # noqa: S603  # a fixed command, given by the start of the agent
                self._command, check=True, capture_output=True, timeout=_TIMEOUT_S
            )
        except subprocess.SubprocessError as fault:
            raise OSError(f"the machine cannot be restarted: {fault}") from fault
