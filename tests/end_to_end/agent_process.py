"""The device agent as a process of its own, as a machine's owner starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tests.product import ProductProcess
from tests.services import ROOT


class AgentProcess:
    """One agent with four relays and its own state folder."""

    def __init__(
        self, product: ProductProcess, folder: Path, *more: str, provision_key: str = ""
    ) -> None:
        self.state_dir = folder / "agent"
        self._log = folder / "agent.log"
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "DEVICE_PROVISION_KEY": provision_key or product.provision_key,
        }
        self._arguments = [
            *("--url", product.base_url, "--relays", "4", "--interval", "1"),
            *("--hardware-id", "machine-1", "--log-level", "debug"),
            *more,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again on the same state."""
        command = [*self._command("run"), *self._arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def register(self) -> subprocess.CompletedProcess[str]:
        """Run `register` with the options of the agent."""
        return self._once("register", *self._arguments)

    def rotate_key(self, key: str) -> subprocess.CompletedProcess[str]:
        """Give it a new key on standard input."""
        return self._once("rotate-key", given=f"{key}\n")

    def _once(
        self, verb: str, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command(verb), *arguments],
            cwd=ROOT,
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """What the agent has stored: identity, claim code, relays."""
        done = subprocess.run(
            [*self._command("status"), "--json"],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            check=False,
        )
        return cast(dict[str, Any], json.loads(done.stdout)) if done.returncode == 0 else {}

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill9(self) -> None:
        """End it the hard way."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Everything it has written."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "edge.agent", verb, "--state-dir", str(self.state_dir)]


@contextlib.contextmanager
def running_agent(product: ProductProcess, folder: Path) -> Iterator[AgentProcess]:
    """An agent that runs until the end of the block."""
    agent = AgentProcess(product, folder)
    agent.start()
    try:
        yield agent
    finally:
        agent.kill9()
