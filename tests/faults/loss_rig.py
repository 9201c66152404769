"""A whole installation with a simulated fleet on three wires, and faults for each of its parts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.product import MANAGE, ProductProcess, production_product
from tests.server_process import Service
from tests.services import ROOT, MosquittoServer, PostgresServer, RedisServer

# The reliability goals: presence is right this long after the heal.
PRESENCE_WITHIN_S = 45
OFFLINE_AFTER_S = 10
WEB, INGEST, TICKER = "serve", "mqtt_ingest", "ticker"
PROCESSES = (WEB, INGEST)


class LossRig:
    """Servers, product and fleet as processes; every part can be killed, paused and restarted."""

    def __init__(self, postgres: PostgresServer, redis: RedisServer, broker: MosquittoServer):
        self.services: dict[str, Service] = {
            "postgres": postgres,
            "redis": redis,
            "mosquitto": broker,
        }
        addresses: dict[str, str] = {}
        for service in self.services.values():
            addresses |= service.environment()
        self.product: ProductProcess = production_product(
            addresses,
            commands=(WEB, TICKER, INGEST),
            OFFLINE_AFTER_SECONDS=str(OFFLINE_AFTER_S),
            PROVISIONS_PER_MINUTE="100000",
        )
        self.truth_file = self.product.folder / "truth.json"
        self.fleet_log = self.product.folder / "fleet.log"

    @property
    def victims(self) -> tuple[str, ...]:
        """Everything that can be made to fail."""
        return (*PROCESSES, *self.services)

    @contextlib.contextmanager
    def fleet(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """The simulated fleet for the length of the block, then ended in order."""
        with self.fleet_log.open("ab") as log:
            process = subprocess.Popen(
                [*MANAGE, "simulate", "--quiet", "--truth", str(self.truth_file), *options],
                env=self.product.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def kill(self, victim: str, *, away_s: float) -> None:
        """End it with SIGKILL and start it again a little later."""
        if victim not in self.services:
            os.killpg(self.product.process_of(victim).pid, signal.SIGKILL)
            time.sleep(away_s)
            self.product.start_again(victim)
            return
        self.services[victim].kill9()
        time.sleep(away_s)
        self.services[victim].start()

    def supervise(self) -> None:
        """Start what has ended by itself, as whoever runs the processes does."""
        for process in PROCESSES:
            if self.product.process_of(process).poll() is not None:
                self.product.start_again(process)

    def restart(self, victim: str) -> None:
        """End it in order and start it again."""
        if victim not in self.services:
            self.product.process_of(victim).terminate()
            self.product.start_again(victim)
            return
        self.services[victim].restart()

    def pause(self, victim: str, *, for_s: float) -> None:
        """Stop it with all its children where they stand, then let them go on."""
        pids = _family(self._pid(victim))
        try:
            for pid in pids:
                _signal(pid, signal.SIGSTOP)
            time.sleep(for_s)
        finally:
            for pid in pids:
                _signal(pid, signal.SIGCONT)

    def check(self, *options: str) -> str:
        """Hold the fleet's truth against the database; raises with the differences."""
        return self.product.manage("check_simulation", str(self.truth_file), *options)

    def check_within(self, seconds: float) -> str:
        """The same for a fleet that runs, tried until it agrees or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.check()
            except Exception:
                if time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def truth(self) -> dict[str, dict[str, Any]]:
        """What each device knows of itself, as last written down."""
        devices: dict[str, dict[str, Any]] = json.loads(self.truth_file.read_text())["devices"]
        return devices

    def close(self) -> None:
        """End the product; the servers belong to the caller."""
        self.product.close()

    def _pid(self, victim: str) -> int:
        if victim not in self.services:
            return self.product.process_of(victim).pid
        process = self.services[victim].process
        assert process is not None
        return process.pid


def numbers(spans: Sequence[Sequence[int]]) -> int:
    """How many numbers lie in the spans of a truth file."""
    return sum(last - first + 1 for first, last in spans)


def wait_until(is_so: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Return once it is so; fail with `what` when it takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def _family(pid: int) -> list[int]:
    """The process and its children: the backends of PostgreSQL lead sessions of their own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(int(child) for child in children)]


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
