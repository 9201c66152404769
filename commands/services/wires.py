"""How a command goes to its device."""

from __future__ import annotations

from dataclasses import dataclass

from commands.models import Command
from devices.choices import Wire


@dataclass(frozen=True, slots=True)
class Way:
    """One wire to a device, and the session there; None where the wire has none.

    `is_new` tells that the device has just come over it.
    """

    wire: str
    epoch: int | None
    is_new: bool = False

    @property
    def name(self) -> str:
        """As the history of a command names it."""
        return self.wire if self.epoch is None else f"{self.wire}:{self.epoch}"

    def is_the_same_session(self, command: Command) -> bool:
        """Whether the command was last sent in this very session."""
        return self.epoch is not None and command.session_epoch == self.epoch

    def is_the_same_wire(self, command: Command) -> bool:
        """Whether the command was last sent over this wire."""
        # Rows from before there were others name none.
        return (command.wire or Wire.WEBSOCKET) == self.wire
