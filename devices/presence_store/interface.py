"""What a presence store does, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class StoreAway(Exception):
    """The store cannot be asked now; the database's rows are what is known."""


class PresenceStore(Protocol):
    """Holds for each device, by primary key, when it was last heard (seconds since 1970).

    Every method but `away_s` may raise StoreAway, and then at once for a few seconds: who waits
    for a store that is away waits once. Safe to use from any thread.
    """

    def write(self, device_ids: Collection[int], at: float) -> None:
        """Note that these were heard at a time; a time older than the one that is there is lost."""

    def last_heard(self, device_ids: Collection[int]) -> dict[int, float]:
        """When each of these was last heard; whoever is left out is not known."""

    def forget_before(self, at: float) -> int:
        """Forget whoever was not heard since; returns how many."""

    def show(self, *, seen: Collection[str], at: float, online: Mapping[str, bool]) -> None:
        """Show others, by uid, who was heard at a time and how devices stand, where it can."""

    def away_s(self) -> float:
        """For how long the store could not be asked; 0 while it answers."""
