"""What a fleet costs the machine it runs on: memory per device, processor time, readings."""

import gc
import resource
import sys
import time
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_KIB: Final = 1024


class Usage:
    """Measures from the moment it is made; what was there before is not counted."""

    def __init__(self) -> None:
        gc.collect()
        self._bytes = _resident_bytes()
        self._cpu_s = time.process_time()
        self._began_at = time.monotonic()

    def sentence(self, *, devices: int, online: int, acked: int) -> str:
        """Return the figures so far as one line."""
        seconds = max(0.001, time.monotonic() - self._began_at)
        grown = max(0, _resident_bytes() - self._bytes)
        cores = (time.process_time() - self._cpu_s) / seconds
        return (
            f"{devices} devices, {online} online, {grown / max(1, devices) / _KIB:.1f} KiB each,"
            f" {cores:.2f} cores, {acked} readings acknowledged ({acked / seconds:.0f}/s)"
            f" in {seconds:.0f} s"
        )


def _resident_bytes() -> int:
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * _KIB
    # The largest it ever was, where nothing better is told; bytes on macOS, else KiB.
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * _KIB
