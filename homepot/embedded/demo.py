"""What makes an empty installation alive: this machine's agent and one simulated board.

Both are ordinary devices in processes of their own, over the ordinary wire; they are claimed
for the first administrator with the codes they print, as a person would.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from django.utils import timezone

from accounts import selectors as account_selectors
from accounts.services import tenancy
from devices.services import claiming
from homepot.embedded import children
from kernel import errors

logger = logging.getLogger(__name__)

# Not a number a person would pick for `simulate --seed`.
BOARD_SEED = 1_000_000
BOARD_NAME = "Demo relay board"
MACHINE_NAME = "This machine"


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
        self._processes: list[children.Child] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)

    def start(self) -> None:
        """Start the devices as soon as the server answers."""
        self._thread.start()

    def stop(self) -> None:
        """End the devices; returns within a few seconds."""
        self._stop.set()
        children.end(self._processes)
        self._thread.join(children.STOP_SECONDS)

    def _run(self) -> None:
        try:
            if not children.wait_for_server(self._base_url, self._stop):
                return
            for member in self._members:
                self._processes.append(children.launch(member.command, member.state_dir))
            self._claim_all()
        except Exception:
            logger.exception("The demo devices could not be started")
        finally:
            connection.close()
        # The devices end with the thread that started them.
        self._stop.wait()

    def _claim_all(self) -> None:
        owner = account_selectors.first_administrator()
        waiting = [member for member in self._members if not _claimed_mark(member).exists()]
        while waiting and owner is not None and not self._stop.is_set():
            waiting = [member for member in waiting if not self._claim(member, owner.pk)]
            self._stop.wait(children.POLL_SECONDS)

    def _claim(self, member: _Member, owner_id: int) -> bool:
        code = next(iter(children.claim_codes(member.state_dir).values()), None)
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


def _claimed_mark(member: _Member) -> Path:
    return member.state_dir / "claimed"
