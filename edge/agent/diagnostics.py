"""What this machine can find out about itself when asked: disk, memory, clock, way to the server."""

import platform
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

import psutil

from edge.agent import VERSION

_CONNECT_TIMEOUT_S: Final = 5.0
_CPU_SPAN_S: Final = 0.2
_PORTS: Final = {"http": 80, "https": 443}
_MEGABYTE: Final = 1024 * 1024


class Diagnostics:
    """The checks of one agent, by name."""

    def __init__(self, *, state_dir: Path, server_url: str) -> None:
        self._state_dir = state_dir
        self._server = urlsplit(server_url)
        self._checks: dict[str, Callable[[], dict[str, Any]]] = {
            "system": self._system,
            "cpu": self._cpu,
            "disk": self._disk,
            "memory": self._memory,
            "clock": self._clock,
            "network": self._network,
        }
        # Seconds the server's clock is ahead of this machine's; None before the first welcome.
        self.clock_offset_s: float | None = None

    def named(self, wanted: object) -> list[str]:
        """Return which checks to run: those asked for, all when none are."""
        names = [name for name in wanted if isinstance(name, str)] if _is_list(wanted) else []
        return names or list(self._checks)

    def run(self, name: str) -> dict[str, Any]:
        """Return what one check found; blocks for as long as the network takes."""
        check = self._checks.get(name)
        if check is None:
            return {"ok": False, "error": "unknown_check"}
        try:
            return check()
        except OSError as fault:
            return {"ok": False, "error": str(fault)[:200]}

    def _system(self) -> dict[str, Any]:
        return {
            "ok": True,
            "agent_version": VERSION,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()}"[:100],
            "uptime_s": round(max(0.0, time.time() - psutil.boot_time())),
        }

    def _cpu(self) -> dict[str, Any]:
        used = psutil.cpu_percent(interval=_CPU_SPAN_S)
        found: dict[str, Any] = {"ok": used < 95, "used_percent": used, "cores": psutil.cpu_count()}
        with suppress(OSError, AttributeError):
            found["load_1m"] = round(psutil.getloadavg()[0], 2)
        return found

    def _disk(self) -> dict[str, Any]:
        usage = psutil.disk_usage(str(self._state_dir))
        return {
            "ok": usage.percent < 95,
            "free_mb": usage.free // _MEGABYTE,
            "used_percent": usage.percent,
        }

    def _memory(self) -> dict[str, Any]:
        memory = psutil.virtual_memory()
        return {
            "ok": memory.percent < 95,
            "free_mb": memory.available // _MEGABYTE,
            "used_percent": memory.percent,
        }

    def _clock(self) -> dict[str, Any]:
        offset_s = self.clock_offset_s
        if offset_s is None:
            return {"ok": False, "error": "the server has not told its time"}
        return {"ok": abs(offset_s) < 60, "behind_server_s": round(offset_s, 3)}

    def _network(self) -> dict[str, Any]:
        port = self._server.port or _PORTS.get(self._server.scheme, 80)
        began_at = time.monotonic()
        with socket.create_connection(
            (self._server.hostname or "", port), timeout=_CONNECT_TIMEOUT_S
        ):
            pass
        return {"ok": True, "connect_ms": round((time.monotonic() - began_at) * 1000, 1)}


def _is_list(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, list | tuple)
