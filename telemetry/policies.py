"""How long what was measured is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings

# The one row of `RollupCursor`.
CURSOR: Final = "readings"


def kept_raw() -> timedelta:
    """How long single readings are kept, from their arrival."""
    return timedelta(days=settings.TELEMETRY_RAW_DAYS)


def kept_fine() -> timedelta:
    """How long buckets of five minutes are kept; never shorter than single readings."""
    return max(kept_raw(), timedelta(days=settings.TELEMETRY_5M_DAYS))


def kept_hours() -> timedelta:
    """How long hourly buckets are kept; never shorter than those of five minutes."""
    return max(kept_fine(), timedelta(days=settings.TELEMETRY_1H_DAYS))
