"""Carrying out commands: the pure decision, then the hardware, then the answer."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from edge.agent.drivers.base import RelayDriver
from edge.protocol import duties
from edge.protocol.messages import Ack, Cancel, StateReport

_log = logging.getLogger(__name__)

HARDWARE_FAILED = "hardware_failed"


class Board:
    """The relays of this machine behind the one way in: a command."""

    def __init__(self, driver: RelayDriver, *, firmware_version: str, boot_id: str) -> None:
        self._driver = driver
        self._firmware_version = firmware_version
        self._boot_id = boot_id
        # Told over a connection; written down with the next change.
        self._told: set[str] = set()

    @property
    def relay_count(self) -> int:
        """How many relays there are."""
        return len(self._driver.relays)

    def consider(
        self,
        command: duties.AnyCommand,
        *,
        server_now: datetime,
        knows: Callable[[str], bool],
        running: Collection[str],
    ) -> duties.Decision:
        """Return what becomes of a command, after what it asks of the relays is durably done.

        What must be remembered is on disk before the answer exists, so a command that was
        answered is never run again, and one that was run is always remembered.
        """
        decision = duties.decide(
            command,
            relays=self._driver.relays,
            ring=self._driver.ring,
            server_now=server_now,
            knows=knows,
            running=running,
        )
        if decision.keep is None:
            _log.info("command %s: %s", command.command_id, _verdict(decision))
            return decision
        try:
            self._commit(decision.keep, decision.relays, is_told=not decision.begins)
        except OSError:
            _log.exception("command %s: the board could not be moved", command.command_id)
            return duties.Decision(ack=duties.failure(command, error=HARDWARE_FAILED))
        _log.info("command %s: %s", command.command_id, "begun" if decision.begins else "done")
        return decision

    def cancel(
        self, cancel: Cancel, *, running: Collection[str], stoppable: Collection[str]
    ) -> duties.Decision:
        """Return what becomes of a command that is no longer wanted, after it is written down."""
        decision = duties.decide_cancel(
            cancel,
            relays=self._driver.relays,
            ring=self._driver.ring,
            running=running,
            stoppable=stoppable,
        )
        if decision.keep is not None:
            self._commit(decision.keep)
        return decision

    def finish(self, outcome: Ack) -> None:
        """Remember the outcome of a command that took time, until it is told and beyond."""
        self._commit(outcome, is_told=False)

    def untold(self, *, running: Collection[str]) -> list[Ack]:
        """Return the outcomes that no connection has carried yet."""
        return [
            ack
            for ack in self._driver.ring.untold(running=running)
            if ack.command_id not in self._told
        ]

    def told(self, command_id: str) -> None:
        """Note that an outcome went out; after a crash it may go out once more."""
        self._told.add(command_id)

    def state_report(self) -> StateReport:
        """Return the whole board as it is now."""
        return StateReport(
            relays=duties.readings_of(self._driver.relays),
            firmware_version=self._firmware_version,
            boot_id=self._boot_id,
        )

    def _commit(
        self, ack: Ack, relays: duties.Relays | None = None, *, is_told: bool = True
    ) -> None:
        ring = self._driver.ring
        for command_id in self._told:
            ring = ring.telling(command_id)
        self._driver.commit(
            self._driver.relays if relays is None else relays,
            ring.remembering(ack, is_told=is_told),
        )
        self._told.clear()


def _verdict(decision: duties.Decision) -> str:
    if decision.is_repeat:
        return "seen before, answered again"
    return f"rejected, {decision.ack.error}"
