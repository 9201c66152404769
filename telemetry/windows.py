"""Windows of numbers as plain arithmetic: one integer, whose bits are the numbers of a block."""

from __future__ import annotations

from typing import Final

# 128 bytes at most, whatever a device leaves out: a window costs no more than a reading.
BLOCK: Final = 1024


def place_of(seq: int) -> tuple[int, int]:
    """The block of a number, and its bit there."""
    return seq // BLOCK, 1 << seq % BLOCK


def packed(bits: int) -> bytes:
    """A window as it is stored: the lowest number first, without zeros at the end."""
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def unpacked(seen: bytes) -> int:
    """What `packed` was given."""
    return int.from_bytes(seen, "little")
