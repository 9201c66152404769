"""How long what was measured is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings

# The one row of `RollupCursor`.
CURSOR: Final = "readings"
# A clock this far ahead is wrong; a little is the way between device and server.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
# A reading is never younger by its device's clock than by its arrival by more than this: ingestion
# corrects what is, this is wider. So old days can be left out of a search by the device's time.
MAX_AHEAD: Final = timedelta(hours=1)
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
# How long a measured clock stands against readings that seem to come late.
SKEW_HOLDS: Final = timedelta(hours=1)
# A clock that is further off than this is shown as wrong.
CLOCK_IS_WRONG: Final = timedelta(seconds=60)


def kept_raw() -> timedelta:
    """How long single readings are kept, from their arrival."""
    return timedelta(days=settings.TELEMETRY_RAW_DAYS)


def kept_fine() -> timedelta:
    """How long buckets of five minutes are kept; never shorter than single readings."""
    return max(kept_raw(), timedelta(days=settings.TELEMETRY_5M_DAYS))


def kept_hours() -> timedelta:
    """How long hourly buckets are kept; never shorter than those of five minutes."""
    return max(kept_fine(), timedelta(days=settings.TELEMETRY_1H_DAYS))


def earliest_arrival(since: datetime) -> datetime:
    """When a reading of this device time or later arrived at the earliest."""
    return since - MAX_AHEAD if since - _BEGINNING > MAX_AHEAD else _BEGINNING
