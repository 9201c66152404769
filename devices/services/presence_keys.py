"""How devices stand, told to the presence store for those who read it from outside.

Told after COMMIT, in the order in which this process made the changes, and told again with the
next batch of signs of life, or the next sweep, if the store is away. The rows are the truth; this is a copy.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from django.db import transaction

from devices import presence_store, registry
from devices.presence_store import StoreAway
from devices.types import Transition


class _Pending:
    """Changes of this process that the store has not been told yet."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.online: dict[str, bool] = {}
        # Whether somebody in this process comes by every few seconds and tells.
        self.is_fetched = False


_pending = _Pending()


def tell_after_commit(changes: Sequence[Transition]) -> None:
    """Have these changes told once the present unit of work has committed."""
    if presence_store.shows_keys():
        told = {change.device_uid: change.is_online for change in changes}
        transaction.on_commit(partial(_changed, told))


def end_with_lives(ended: Sequence[registry.Ended]) -> None:
    """Tell of devices whose lives end that they are offline, after their transaction."""
    if presence_store.shows_keys():
        transaction.on_commit(partial(_changed, {life.device_uid: False for life in ended}))


def show(*, seen: Collection[str], at: float, online: Mapping[str, bool]) -> None:
    """Tell who was heard at a time and how devices stand, and what is pending; newest wins."""
    with _pending.lock:
        _pending.is_fetched = True
    _send(seen, at, online)


def tell_again() -> None:
    """Tell what the store could not be told; for who comes by every few seconds."""
    _send((), 0.0, {})


def _changed(told: Mapping[str, bool]) -> None:
    with _pending.lock:
        _pending.online.update(told)
        if _pending.is_fetched:
            return
    tell_again()


def _send(seen: Collection[str], at: float, online: Mapping[str, bool]) -> None:
    with _pending.lock:
        pending, _pending.online = _pending.online, {}
    if not (seen or online or pending):
        return
    try:
        presence_store.current().show(seen=seen, at=at, online={**online, **pending})
    except StoreAway:
        with _pending.lock:
            _pending.online = {**pending, **_pending.online}
