"""A relay board on the GPIO pins of a single-board computer, through gpiozero."""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from edge.agent.drivers.file_board import FileBoard
from edge.agent.errors import ConfigurationInvalid
from edge.protocol.duties import CommandRing, Relays

OpenPin = Callable[[int, bool], Any]


class GpioBoard:
    """Drives one output pin per relay and restores the stored positions when it starts."""

    def __init__(
        self, path: Path, *, pins: tuple[int, ...], open_pin: OpenPin | None = None
    ) -> None:
        self._journal = FileBoard(path, relay_count=len(pins))
        opener = open_pin or _gpiozero_pin
        self._pins = [
            opener(pin, is_on) for pin, is_on in zip(pins, self._journal.relays, strict=True)
        ]

    @property
    def relays(self) -> Relays:
        """The positions now."""
        return self._journal.relays

    @property
    def ring(self) -> CommandRing:
        """The commands carried out last."""
        return self._journal.ring

    def commit(self, relays: Relays, ring: CommandRing) -> None:
        """Write down first, then move: after a crash between both, the start-up moves the pins."""
        before = self._journal.relays, self._journal.ring
        self._journal.commit(relays, ring)
        try:
            self._move(relays)
        except Exception as fault:
            # The pins that did move go back as far as they can: the board is one thing, and the
            # server will be told that none of it moved.
            with suppress(Exception):
                self._move(before[0])
            self._journal.commit(*before)
            raise OSError(f"the GPIO pins could not be set: {fault}") from fault

    def close(self) -> None:
        """Free the pins."""
        for pin in self._pins:
            pin.close()

    def _move(self, relays: Relays) -> None:
        for pin, is_on in zip(self._pins, relays, strict=True):
            if is_on:
                pin.on()
            else:
                pin.off()


def _gpiozero_pin(pin: int, is_on: bool) -> Any:
    try:
        gpiozero = import_module("gpiozero")
    except ImportError:
        raise ConfigurationInvalid(
            "--driver gpio needs gpiozero and a pin library: pip install 'homepot-agent[gpio]'"
        ) from None
    try:
        return gpiozero.DigitalOutputDevice(pin, initial_value=is_on)
    except Exception as fault:
        raise ConfigurationInvalid(f"GPIO pin {pin} cannot be used: {fault}") from fault
