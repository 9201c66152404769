"""Time-ordered identifiers (RFC 9562, version 7)."""

from __future__ import annotations

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new UUID whose first 48 bits are the Unix time in milliseconds."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(
        int=(milliseconds << 80)
        | (7 << 76)
        | ((random >> 68 & 0xFFF) << 64)
        | (2 << 62)
        | (random & ((1 << 62) - 1))
    )
