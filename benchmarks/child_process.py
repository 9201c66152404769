"""A bare server of the benchmarks as a child process."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.server_process import LOOPBACK, free_port
from tests.services import ROOT


@dataclass(frozen=True, slots=True)
class Child:
    """A running server."""

    pid: int
    port: int

    @property
    def ws_url(self) -> str:
        """Its WebSocket address."""
        return f"ws://{LOOPBACK}:{self.port}/"


@contextlib.contextmanager
def serving(module: str, *options: str) -> Iterator[Child]:
    """Run `python -m module PORT options` for the length of the block."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(port), *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_healthy(process, port)
        yield Child(process.pid, port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/")
            connection.getresponse()
            return
        connection.close()
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} did not start")
