"""What a device means to do later, in order of time."""

import heapq
from collections.abc import Callable
from typing import Any


class Agenda:
    """Calls at their time; equal times keep the order in which they were asked for."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def add(self, due: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have a call made at that time."""
        self._count += 1
        heapq.heappush(self._entries, (due, self._count, call, arguments))

    def next_due(self) -> float | None:
        """Return when the next call is due, or None when nothing is planned."""
        return self._entries[0][0] if self._entries else None

    def take_due(self, now: float) -> tuple[Callable[..., None], tuple[Any, ...]] | None:
        """Remove and return one call whose time has come, or None."""
        if not self._entries or self._entries[0][0] > now:
            return None
        _, _, call, arguments = heapq.heappop(self._entries)
        return call, arguments

    def clear(self) -> None:
        """Forget everything that was planned."""
        self._entries.clear()
