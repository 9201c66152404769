"""The product as its users run it: separate processes behind one address."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.server_process import LOOPBACK, free_port
from tests.services import ROOT

START_SECONDS = 60.0
STOP_SECONDS = 15.0
MANAGE = (sys.executable, str(ROOT / "manage.py"))


class ProductFailed(Exception):
    """The product did not get healthy; the text ends with its log."""


class ProductProcess:
    """One running installation; `kill9` and `restart` keep its port and data."""

    def __init__(self, *, commands: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="homepot-product-"))
        self.port = free_port()
        self.base_url = f"http://{LOOPBACK}:{self.port}"
        self.ws_url = f"ws://{LOOPBACK}:{self.port}"
        self.admin_email = "admin@example.com"
        self.admin_password = secrets.token_urlsafe(16)
        self.provision_key = secrets.token_urlsafe(24)
        self.stderr_path = self.folder / "product.log"
        self._commands = commands
        self._environment = environment
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the processes; nothing of the caller's leaks in."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            "HOST": LOOPBACK,
            "PORT": str(self.port),
            "HOMEPOT_DATA_DIR": str(self.folder / "data"),
            "HOMEPOT_ADMIN_EMAIL": self.admin_email,
            "HOMEPOT_ADMIN_PASSWORD": self.admin_password,
            "DEVICE_PROVISION_KEY": self.provision_key,
            "HOMEPOT_DEMO": "0",
            **self._environment,
        }

    @property
    def pids(self) -> list[int]:
        """Process ids, the server first."""
        return [process.pid for process in self._processes]

    def manage(self, *arguments: str) -> str:
        """Run a management command of this installation; returns what it printed."""
        done = subprocess.run(
            [*MANAGE, *arguments],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProductFailed(f"manage.py {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Start every process and return once `/health` answers 200."""
        self._processes += [self._started(command) for command in self._commands]
        self.wait_healthy()

    def process_of(self, command: str) -> subprocess.Popen[bytes]:
        """The process that runs this command, for a test to pause or kill."""
        return self._processes[self._commands.index(command)]

    def start_again(self, command: str) -> None:
        """Put a new process in the place of one that was killed."""
        position = self._commands.index(command)
        self._processes[position].wait(STOP_SECONDS)
        self._processes[position] = self._started(command)

    def wait_healthy(self) -> None:
        """Return when `/health` answers 200; raise with the log when it does not in time."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            ended = [process for process in self._processes if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                log = self.log()[-4000:]
                self.kill9()
                raise ProductFailed(f"{self.base_url} did not get healthy.\n{log}")
            time.sleep(0.05)

    def log(self) -> str:
        """Everything the processes have written so far."""
        return self.stderr_path.read_text(encoding="utf-8", errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Ask it to end; returns the exit code of the server, None when it had to be killed."""
        code: int | None = None
        for process in self._processes:
            process.send_signal(number)
        for position, process in enumerate(self._processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
                if position == 0:
                    code = process.returncode
        self.kill9()
        return code

    def kill9(self) -> None:
        """End every process the hard way, with the children it started."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def restart(self) -> None:
        """Stop when needed, then start on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End everything and remove the data."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _started(self, command: str) -> subprocess.Popen[bytes]:
        with self.stderr_path.open("ab") as log:
            return subprocess.Popen(
                [*MANAGE, command],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def embedded_product(**environment: str) -> ProductProcess:
    """One process on SQLite, as `make run` starts it."""
    return ProductProcess(
        commands=("run_embedded",), environment={"HOMEPOT_MODE": "embedded", **environment}
    )


def production_product(
    services: Mapping[str, str],
    *,
    commands: tuple[str, ...] = ("serve", "ticker"),
    is_migrated: bool = False,
    **environment: str,
) -> ProductProcess:
    """These processes on the given PostgreSQL and Redis, migrated and ready to start."""
    product = ProductProcess(
        commands=commands, environment=production_environment({**services, **environment})
    )
    if not is_migrated:
        product.manage("migrate", "--no-input")
    product.manage("ensure_admin")
    _collect_static_files(product)
    return product


def production_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of production with fresh secrets, and these."""
    return {
        "HOMEPOT_MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "HOMEPOT_JWT_KEYS": f"t1:{secrets.token_urlsafe(48)}",
        **environment,
    }


def _collect_static_files(product: ProductProcess) -> None:
    # The folder belongs to the checkout: test processes that run side by side take turns, and
    # what is still fresh stays.
    lock_path = ROOT / ".build" / "collectstatic.lock"
    lock_path.parent.mkdir(exist_ok=True)
    with lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = ROOT / "staticfiles" / ".collected"
        sources = [ROOT / "requirements.txt", *(ROOT / "static").rglob("*")]
        made_at = mark.stat().st_mtime if mark.exists() else 0.0
        if any(source.stat().st_mtime >= made_at for source in sources):
            product.manage("collectstatic", "--no-input")
            mark.touch()
