"""A server as a child process: started on a free port, killed, and started again."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
PORTS_TRIED = 5


class ServiceFailed(Exception):
    """A server did not come up; the text ends with what it logged."""


class Unavailable(Exception):
    """This machine cannot run the service; the text says what is missing."""


def free_port() -> int:
    """A loopback port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class Service(ABC):
    """A child process that can be stopped, killed and started again on the same port and data."""

    title: str
    user: str | None = None

    def __init__(self) -> None:
        reason = self.missing()
        if reason:
            raise Unavailable(reason)
        self.folder = Path(tempfile.mkdtemp(prefix=f"homepot-{self.title.lower()}-"))
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """Why this machine cannot run the service; empty when it can."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line for the current port."""

    @abstractmethod
    def answers(self) -> bool:
        """True once the server serves requests."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The product's variables that point at this server."""

    @property
    def log_path(self) -> Path:
        """The file that collects the output of the server."""
        return self.folder / "server.log"

    @property
    def is_running(self) -> bool:
        """True while the child process lives."""
        return self.process is not None and self.process.poll() is None

    def __enter__(self) -> Self:
        try:
            self.prepare()
            self._start_on_some_port()
            self.finish_setup()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def prepare(self) -> None:  # noqa: B027  most servers need no preparation
        """Make the data folder; runs once, before the first start."""

    def finish_setup(self) -> None:  # noqa: B027  most servers need none
        """Make what the running server needs; runs once, after the first start."""

    def start(self) -> None:
        """Start the child on the known port and return when it serves requests."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*die_with_parent(), *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if not self.is_running or time.monotonic() > deadline:
                self.kill9()
                raise ServiceFailed(f"{self.title} did not start.\n{self._log_end()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask the server to end, and insist after ten seconds."""
        process = self.process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.process = None

    def kill9(self) -> None:
        """End the server the hard way; its port and data stay for `start`."""
        process = self.process
        if process is None:
            return
        process.kill()
        process.wait()
        self.process = None

    def restart(self) -> None:
        """Stop when needed, then start on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_on_some_port(self) -> None:
        for attempt in range(1, PORTS_TRIED + 1):
            self.port = free_port()
            try:
                self.start()
            except ServiceFailed:
                # Another process may have taken the port between the probe and the start.
                if attempt == PORTS_TRIED:
                    raise
            else:
                return

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return self.log_path.read_text(encoding="utf-8", errors="replace")[-2000:]
        return ""


def die_with_parent() -> list[str]:
    """A prefix that has the kernel end the child when a killed test run cannot."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
