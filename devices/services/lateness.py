"""Who is truly silent of those whose rows say so: the presence store may have heard them since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from devices import presence_store
from devices.presence_store import StoreAway
from devices.services import presence_rows, timeouts
from kernel.unit_of_work import unit_of_work

# Within this, everybody has noticed that the store is away and written the rows instead.
HOLD_SECONDS: Final = 6.0
# Clocks of servers differ; what is further ahead of ours is no time at which anybody was heard.
_AHEAD_SECONDS: Final = 5.0

_KEPT: Final = timedelta(days=1)

# Device, when its row was written last, and the silence it allows (None: the installation's).
Due = tuple[int, datetime | None, int | None]


def still_silent(due: Sequence[Due], now: datetime) -> list[int]:
    """Those that nobody has heard since their rows were written, in order.

    The rows of the others are written. In the first seconds after the store went away nobody is
    silent: what it had heard is on its way into the rows.
    """
    store = presence_store.current()
    try:
        heard = store.last_heard([device_id for device_id, _, _ in due])
    except StoreAway:
        if store.away_s() < HOLD_SECONDS:
            return []
        heard = {}
    later = {
        device_id: datetime.fromtimestamp(min(heard[device_id], now.timestamp()), UTC)
        for device_id, seen, _ in due
        if device_id in heard and _is_news(heard[device_id], seen, now)
    }
    if later:
        with unit_of_work():
            presence_rows.write(later)
    return [
        device_id
        for device_id, _, allowed in due
        if device_id not in later
        or later[device_id] + timedelta(seconds=timeouts.in_force(allowed)) <= now
    ]


def forget_old(now: datetime) -> int:
    """Have the store forget whoever was not heard for a day; returns how many."""
    try:
        return presence_store.current().forget_before((now - _KEPT).timestamp())
    except StoreAway:
        return 0


def _is_news(heard: float, seen: datetime | None, now: datetime) -> bool:
    if heard > now.timestamp() + _AHEAD_SECONDS:
        return False
    # The store knows milliseconds: the same moment is not news.
    return seen is None or heard > seen.timestamp() + 0.001
