"""Periodic work of accounts."""

from __future__ import annotations

from datetime import datetime

from accounts.services import housekeeping
from kernel import ticker


def purge(now: datetime) -> None:
    """Forget sessions, tokens and tickets that are over."""
    housekeeping.purge(now=now)


ticker.register("accounts.housekeeping", every_s=300.0, run=purge)
