"""Signs of life of this process's devices: to the store at once, to the rows now and then.

A device's row is written when it has not been for a quarter of the silence it allows; what is
heard in between is in the store, and remembered here for as long as its row does not have it.
While the store is away, every row is written with every batch.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from devices import presence_store, selectors
from devices.presence_store import PresenceStore, StoreAway
from devices.services import presence, presence_keys

# What is remembered of a device that says nothing any more is of no use after this.
_REMEMBERED_SECONDS: Final = 300.0
_CLEANED_EVERY_SECONDS: Final = 60.0


class SignsOfLife:
    """Collects who spoke, from any thread, until somebody flushes."""

    def __init__(self, store: PresenceStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._spoke: set[int] = set()
        # Until when a row needs no writing, and what was heard since it was written.
        self._fresh_until: dict[int, float] = {}
        self._unsaved: dict[int, float] = {}
        # Whose rows should have been written and could not be.
        self._owed: set[int] = set()
        self._uids: dict[int, str] = {}
        self._cleaned_at = 0.0

    def note(self, device_id: int) -> None:
        """The device was heard just now."""
        with self._lock:
            self._spoke.add(device_id)

    def note_all(self, device_ids: Collection[int], *, fresh_until: Mapping[int, float]) -> None:
        """These were heard just now; the rows of some need no writing for a while."""
        with self._lock:
            self._spoke.update(device_ids)
            self._fresh_until.update(fresh_until)

    def flush(self, now: datetime) -> None:
        """Write what was collected since the last time.

        Whatever fails, nobody is forgotten: what could not be written is tried again next time,
        with the time at which it was heard.
        """
        with self._flushing:
            with self._lock:
                spoke, self._spoke = self._spoke, set()
            try:
                self._flush(spoke, now)
            except Exception:
                self._owed |= spoke
                raise

    def _flush(self, spoke: set[int], now: datetime) -> None:
        at = now.timestamp()
        self._unsaved.update(dict.fromkeys(spoke, at))
        if self._is_stored(spoke, at):
            fresh_until = self._fresh_until
            due = {one: now for one in spoke if fresh_until.get(one, 0.0) <= at}
            due |= self._heard(self._owed - spoke)
        else:
            due = self._heard(self._unsaved)
        settled = presence.note_signs(signs=due)
        self._owed.clear()
        fresh = {one: seconds for one, seconds in settled.items() if seconds is not None}
        with self._lock:
            self._fresh_until.update({one: at + seconds for one, seconds in fresh.items()})
        for one in settled:
            self._unsaved.pop(one, None)
        self._show(spoke, fresh, at)
        self._clean(at)

    def _heard(self, device_ids: Collection[int]) -> dict[int, datetime]:
        """When these were heard, as far as their rows do not have it."""
        known = self._unsaved
        return {one: datetime.fromtimestamp(known[one], UTC) for one in device_ids if one in known}

    def _is_stored(self, spoke: set[int], at: float) -> bool:
        try:
            self._store.write(spoke, at)
        except StoreAway:
            return False
        return presence_store.is_shared_by_all()

    def _show(self, spoke: set[int], fresh: Collection[int], at: float) -> None:
        if not presence_store.shows_keys():
            return
        unknown = spoke.difference(self._uids)
        if unknown:
            self._uids.update(selectors.uids_of(unknown))
        uids = self._uids
        presence_keys.show(
            seen=[uids[one] for one in spoke if one in uids],
            at=at,
            online={uids[one]: True for one in fresh if one in uids},
        )

    def _clean(self, at: float) -> None:
        if at - self._cleaned_at < _CLEANED_EVERY_SECONDS:
            return
        self._cleaned_at = at
        with self._lock:
            oldest = at - _REMEMBERED_SECONDS
            for known in (self._fresh_until, self._unsaved):
                for one in [one for one, moment in known.items() if moment < oldest]:
                    del known[one]
            for one in [one for one in self._uids if one not in self._fresh_until]:
                del self._uids[one]


@lru_cache(maxsize=1)
def current() -> SignsOfLife:
    """What this process collects."""
    return SignsOfLife(presence_store.current())
