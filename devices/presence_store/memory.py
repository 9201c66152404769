"""The presence store of a single process."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class MemoryStore:
    """A dictionary; it is never away, and nobody else sees it."""

    def __init__(self) -> None:
        self._heard: dict[int, float] = {}
        self._newest = 0.0

    def write(self, device_ids: Collection[int], at: float) -> None:
        """Note that these were heard at a time."""
        if at >= self._newest:
            self._newest = at
            self._heard.update(dict.fromkeys(device_ids, at))
            return
        known = self._heard
        self._heard.update({one: at for one in device_ids if known.get(one, 0.0) < at})

    def last_heard(self, device_ids: Collection[int]) -> dict[int, float]:
        """When each of these was last heard."""
        known = self._heard
        return {one: known[one] for one in device_ids if one in known}

    def forget_before(self, at: float) -> int:
        """Forget whoever was not heard since."""
        # A copy first: others may write meanwhile.
        old = [one for one, heard in tuple(self._heard.items()) if heard < at]
        for one in old:
            self._heard.pop(one, None)
        return len(old)

    def show(self, *, seen: Collection[str], at: float, online: Mapping[str, bool]) -> None:
        """Nobody else looks into this process."""

    def away_s(self) -> float:
        """Always 0."""
        return 0.0
