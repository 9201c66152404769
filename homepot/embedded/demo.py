"""What makes an empty installation alive: this machine's agent and one simulated board.

Both are ordinary devices in processes of their own, over the ordinary wire; they are claimed
for the first administrator with the codes they print, as a person would.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts import selectors as account_selectors
from accounts.services import tenancy
from devices.services import claiming
from kernel import errors

logger = logging.getLogger(__name__)

# Not a number a person would pick for `simulate --seed`.
BOARD_SEED = 1_000_000
BOARD_NAME = "Demo relay board"
MACHINE_NAME = "This machine"
_POLL_SECONDS = 0.3
_STOP_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    """One demo device: how to start it and where it leaves its identity."""

    name: str
    command: tuple[str, ...]
    state_dir: Path


class Demo:
    """Runs the demo devices beside the server; `stop()` ends them."""

    def __init__(self, *, base_url: str, folder: Path) -> None:
        self._base_url = base_url
        self._members = _members(base_url, folder)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)

    def start(self) -> None:
        """Start the devices as soon as the server answers."""
        self._thread.start()

    def stop(self) -> None:
        """End the devices; returns within a few seconds."""
        self._stop.set()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            if not self._wait_for_server():
                return
            for member in self._members:
                self._launch(member)
            self._claim_all()
        except Exception:
            logger.exception("The demo devices could not be started")
        finally:
            connection.close()
        # The devices end with the thread that started them (_dies_with_us).
        self._stop.wait()

    def _wait_for_server(self) -> bool:
        while not self._stop.is_set():
            try:
                with urllib.request.urlopen(f"{self._base_url}/health", timeout=2):  # noqa: S310
                    return True
            except OSError:
                self._stop.wait(_POLL_SECONDS)
        return False

    def _launch(self, member: _Member) -> None:
        member.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = (member.state_dir / "device.log").open("ab")
        environment = {
            **os.environ,
            "DEVICE_PROVISION_KEY": settings.DEVICE_PROVISION_KEY,
            "PYTHONPATH": str(settings.BASE_DIR),
        }
        with log:
            self._processes.append(
                subprocess.Popen(  # noqa: S603  our own modules, no outside input
                    [*_dies_with_us(), sys.executable, "-m", *member.command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    # Ctrl-C reaches the whole terminal group; the devices stop when we say so.
                    start_new_session=True,
                )
            )

    def _claim_all(self) -> None:
        owner = account_selectors.first_administrator()
        waiting = [member for member in self._members if not _claimed_mark(member).exists()]
        while waiting and owner is not None and not self._stop.is_set():
            waiting = [member for member in waiting if not self._claim(member, owner.pk)]
            self._stop.wait(_POLL_SECONDS)

    def _claim(self, member: _Member, owner_id: int) -> bool:
        code = _printed_code(member.state_dir)
        if code is None:
            return False
        actor = account_selectors.actor_for_user(user_id=owner_id, via="system")
        try:
            claiming.claim_device(
                code=code,
                name=member.name,
                tenant_id=tenancy.personal_tenant_id(owner_id),
                actor=actor,
                now=timezone.now(),
            )
        except errors.HomepotError as error:
            # Somebody was faster, or the device lives on from an earlier run.
            logger.info("Demo device not claimed: %s", error.code)
        _claimed_mark(member).touch()
        return True


def _members(base_url: str, folder: Path) -> tuple[_Member, ...]:
    agent, board = folder / "agent", folder / "simulator"
    return (
        _Member(
            name=MACHINE_NAME,
            command=(
                "edge.agent", "run", "--url", base_url, "--state-dir", str(agent),
                "--interval", "5",
            ),
            state_dir=agent,
        ),
        _Member(
            name=BOARD_NAME,
            command=(
                "edge.simulator", "--url", base_url, "--devices", "1", "--relays", "4",
                "--seed", str(BOARD_SEED), "--chaos", "0", "--state-dir", str(board),
            ),
            state_dir=board,
        ),
    )  # fmt: skip


def _dies_with_us() -> tuple[str, ...]:
    """Where Linux can: have the kernel end a device when this process is killed the hard way."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()


def _claimed_mark(member: _Member) -> Path:
    return member.state_dir / "claimed"


def _printed_code(state_dir: Path) -> str | None:
    for file in sorted(state_dir.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and isinstance(content.get("claim_code"), str):
            return str(content["claim_code"])
    return None
