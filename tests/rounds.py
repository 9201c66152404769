"""How often a race is run: few times with every test run, as often as promised when asked."""

from __future__ import annotations

import os


def rounds(usual: int, *, full: int) -> int:
    """`usual`, or `full` with HOMEPOT_TEST_ROUNDS=full (`make races`)."""
    return full if os.environ.get("HOMEPOT_TEST_ROUNDS") == "full" else usual
