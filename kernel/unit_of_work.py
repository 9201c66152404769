"""One transaction per service call, with the work that must come last in it.

The audit chain and the live stream take a lock per tenant. They are written at the very end of
the outermost unit of work, so that the lock is held for the shortest time and always taken
after every other lock: no order of services can make two of them wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

Flush = Callable[[list[Any]], None]


class _Pending(threading.local):
    """Work of this thread's open unit, by flush function."""

    batches: dict[Flush, list[Any]] | None = None


_pending = _Pending()
# SQLite lets one writer in at a time and makes the others poll with growing sleeps. Queuing them
# here instead is fair and wakes the next one at once; other processes still meet at the file.
_sqlite_writer = threading.RLock()


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Open the one transaction of a service call; inside another unit, join it.

    On a normal end the pending audit entries and live events are written, then COMMIT; on an
    exception everything rolls back. Works as a decorator too: `@unit_of_work()`.
    """
    if _pending.batches is not None:
        yield
        return
    writer = _sqlite_writer if connection.vendor == "sqlite" else None
    if writer is not None:
        writer.acquire()
    try:
        with transaction.atomic():
            _pending.batches = {}
            try:
                yield
                _flush_pending()
            finally:
                _pending.batches = None
    finally:
        if writer is not None:
            writer.release()


class _Rehearsed(Exception):
    """Ends a rehearsal."""


@contextmanager
def rehearsal() -> Iterator[None]:
    """Open a unit of work that leaves nothing behind: whatever its block does is undone.

    Nothing is published, written down or sent. Inside another unit of work it is refused: that
    one would keep a part of it.
    """
    if _pending.batches is not None:
        raise RuntimeError("A rehearsal cannot be a part of a unit of work.")
    try:
        with unit_of_work():
            yield
            raise _Rehearsed
    except _Rehearsed:
        return


def before_commit(flush: Flush, item: Any) -> None:
    """Have `flush` called once with all items of this unit of work, just before COMMIT."""
    if _pending.batches is None:
        raise RuntimeError("before_commit() is only for inside a unit of work.")
    _pending.batches.setdefault(flush, []).append(item)


def require_unit_of_work() -> None:
    """Refuse to go on outside a unit of work."""
    if _pending.batches is None:
        raise RuntimeError("This must run inside a unit of work.")


def _flush_pending() -> None:
    batches = _pending.batches or {}
    while batches:
        # By name, not by first use: each flush takes a lock per tenant, and two units of work
        # that took those in different orders would wait for each other.
        flush = min(batches, key=lambda function: (function.__module__, function.__qualname__))
        flush(batches.pop(flush))
