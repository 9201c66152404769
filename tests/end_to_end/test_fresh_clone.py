"""What a newcomer does: clone, `make run`, see their machine, switch a relay, stop, start again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server_process import free_port
from tests.services import ROOT

# Making the environment downloads and installs every pinned package.
pytestmark = [pytest.mark.e2e, pytest.mark.embedded_only, pytest.mark.timeout(400)]

SET_UP_SECONDS = 240.0
DEMO_SECONDS = 60.0
STOP_SECONDS = 10.0


class MakeRun:
    """`make run` in a clone, as a person in a terminal starts and stops it."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._log = clone.parent / "make-run.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it answers."""
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["make", "run"],
                cwd=self.clone,
                env=_shell_environment() | {"PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + SET_UP_SECONDS
        while not _answers(f"{self.base_url}/health"):
            assert self._process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.1)

    def printed(self) -> str:
        """What it has printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def interrupt(self) -> float:
        """Press Ctrl-C; returns how many seconds it took to end."""
        assert self._process is not None
        started = time.monotonic()
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(3 * STOP_SECONDS)
        return time.monotonic() - started

    def close(self) -> None:
        """End whatever is left."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


# What a newcomer's shell has; our own variables of the test run stay out of it.
_SHELL = ("PATH", "HOME", "LANG", "SSL_CERT_FILE")


def _shell_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _SHELL or name.startswith("PIP_") or name.lower().endswith("_proxy")
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[MakeRun]:
    clone = tmp_path / "homepot"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    running = MakeRun(clone)
    yield running
    running.close()


def _devices_online(api: httpx.Client) -> dict[str, dict[str, Any]]:
    deadline = time.monotonic() + DEMO_SECONDS
    while True:
        found = {item["name"]: item for item in api.get("/api/v1/devices").json()["items"]}
        if len(found) == 2 and all(item["connectivity"] == "online" for item in found.values()):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def _signed_in(installation: MakeRun, password: str) -> httpx.Client:
    api = httpx.Client(base_url=installation.base_url, timeout=20)
    login = {"email": "admin@homepot.local", "password": password}
    answer = api.post("/api/v1/auth/login", json=login)
    assert answer.status_code == httpx.codes.OK, answer.text
    api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return api


def test_a_clone_runs_shows_this_machine_and_keeps_its_data(installation: MakeRun) -> None:
    installation.start()
    password = re.search(r"Password\s+(\S+)", installation.printed())
    assert password is not None, installation.printed()
    assert installation.base_url in installation.printed()

    with closing(_signed_in(installation, password.group(1))) as api:
        devices = _devices_online(api)
        machine, board = devices["This machine"], devices["Demo relay board"]
        assert (machine["is_simulated"], board["is_simulated"]) == (False, True)
        answer = api.post(
            f"/api/v1/devices/{board['uid']}/relays/0/commands", json={"is_on": True, "wait": 15}
        )
        assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
        _wait_for_measurements(api, machine["uid"])

    assert installation.interrupt() < STOP_SECONDS
    verified = subprocess.run(
        [".venv/bin/python", "manage.py", "audit_verify"],
        cwd=installation.clone,
        env=_shell_environment(),
        check=False,
    )
    assert verified.returncode == 0

    installation.start()
    assert "Password" not in installation.printed()
    with closing(_signed_in(installation, password.group(1))) as api:
        again = _devices_online(api)
        assert {item["uid"] for item in again.values()} == {machine["uid"], board["uid"]}
        relays = api.get(f"/api/v1/devices/{board['uid']}/relays").json()["relays"]
        assert relays[0]["is_on"] is True
    assert installation.interrupt() < STOP_SECONDS


def _wait_for_measurements(api: httpx.Client, uid: str) -> None:
    deadline = time.monotonic() + DEMO_SECONDS
    while (
        "memory_percent" not in api.get(f"/api/v1/devices/{uid}/metrics/latest").json()["metrics"]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
