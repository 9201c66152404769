"""Figures as text: percentiles, and the machine they hold for."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def in_ms(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{seconds * 1000:.2f} ms"


def say(text: str = "") -> None:
    """Print one line at once."""
    print(text, flush=True)


def heading(title: str) -> None:
    """Print what is measured, when, and on what."""
    say(f"{title}")
    say(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the start"
    )


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows with aligned columns; the first row names them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  " + "  ".join(cells).rstrip())
