"""Periodic work of accounts."""

from __future__ import annotations

from datetime import datetime

from accounts.services import erasing, housekeeping
from kernel import ticker


def purge(now: datetime) -> None:
    """Forget sessions, tokens and tickets that are over."""
    housekeeping.purge(now=now)


def erase(now: datetime) -> None:
    """Take the erasing of accounts further."""
    erasing.run_erasures(now=now)


ticker.register("accounts.housekeeping", every_s=300.0, run=purge)
ticker.register("accounts.erasing", every_s=5.0, run=erase)
