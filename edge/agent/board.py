"""Carrying out commands: the pure decision, then the hardware, then the answer."""

import logging
from datetime import datetime

from edge.agent.drivers.base import RelayDriver
from edge.protocol import duties
from edge.protocol.messages import Ack, StateReport

_log = logging.getLogger(__name__)

HARDWARE_FAILED = "hardware_failed"


class Board:
    """The relays of this machine behind the one way in: a command."""

    def __init__(self, driver: RelayDriver, *, firmware_version: str, boot_id: str) -> None:
        self._driver = driver
        self._firmware_version = firmware_version
        self._boot_id = boot_id

    def carry_out(self, command: duties.AnyCommand, *, server_now: datetime) -> Ack:
        """Return the answer to a command, after what it asks for is durably done.

        The outcome is on disk before the answer exists, so a command that was answered is never
        run again, and one that was run is always remembered.
        """
        decision = duties.decide(
            command,
            relays=self._driver.relays,
            ring=self._driver.ring,
            server_now=server_now,
        )
        if decision.relays is None:
            _log.info("command %s: %s", command.command_id, _verdict(decision))
            return decision.ack
        try:
            self._driver.commit(decision.relays, self._driver.ring.remembering(decision.ack))
        except OSError:
            _log.exception("command %s: the board could not be moved", command.command_id)
            return duties.failure(command, error=HARDWARE_FAILED)
        _log.info("command %s: done", command.command_id)
        return decision.ack

    def state_report(self) -> StateReport:
        """Return the whole board as it is now."""
        return StateReport(
            relays=duties.readings_of(self._driver.relays),
            firmware_version=self._firmware_version,
            boot_id=self._boot_id,
        )


def _verdict(decision: duties.Decision) -> str:
    if decision.is_repeat:
        return "seen before, answered again"
    return f"rejected, {decision.ack.error}"
