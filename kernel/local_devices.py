"""Simulated devices that this very installation runs, where it can.

Who asks for them does not know how they are run: the embedded product offers processes of its
own at start-up, a production one offers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFleet:
    """The simulated devices of a tenant that run beside the product."""

    devices: int
    # What the ids of their hardware begin with.
    hardware_prefix: str


class LocalFleets(Protocol):
    """Runs at most one fleet for each tenant."""

    def start(self, *, tenant_id: int, user_id: int, devices: int) -> None:
        """Have a fleet run from now on, also after a restart, claimed for the user's tenant."""

    def running(self, *, tenant_id: int) -> LocalFleet | None:
        """The fleet that is to run for a tenant, or is being removed."""

    def stop(self, *, tenant_id: int) -> None:
        """End it for good; returns once its devices are silent."""

    def forget(self, *, tenant_id: int) -> None:
        """Know nothing of it any more, once its devices are gone too."""


_offered: LocalFleets | None = None


def offer(fleets: LocalFleets | None) -> None:
    """Have this process run fleets for who asks; None takes the offer back."""
    global _offered
    _offered = fleets


def offered() -> LocalFleets | None:
    """Who runs fleets here; None where nobody does."""
    return _offered
