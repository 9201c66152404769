"""Relay drivers: how a position becomes reality on this machine."""

from collections.abc import Callable
from pathlib import Path

from edge.agent.drivers.base import RelayDriver
from edge.agent.drivers.file_board import FileBoard
from edge.agent.drivers.gpio import GpioBoard

__all__ = ["DRIVERS", "RelayDriver", "open_driver"]

BOARD_FILE = "board.json"


def _open_file_board(path: Path, relay_count: int, _: tuple[int, ...]) -> RelayDriver:
    return FileBoard(path, relay_count=relay_count)


def _open_gpio_board(path: Path, _: int, pins: tuple[int, ...]) -> RelayDriver:
    return GpioBoard(path, pins=pins)


DRIVERS: dict[str, Callable[[Path, int, tuple[int, ...]], RelayDriver]] = {
    "file": _open_file_board,
    "gpio": _open_gpio_board,
}


def open_driver(
    name: str, *, state_dir: Path, relay_count: int, pins: tuple[int, ...]
) -> RelayDriver:
    """Return the named driver with the positions and the memory it had when it last stopped."""
    return DRIVERS[name](state_dir / BOARD_FILE, relay_count, pins)
