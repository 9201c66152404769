"""Which readings are new: every number of a boot is taken once, in the transaction that stores it.

The windows are locked in order of device, boot and block, so that of two transactions with the
same numbers the second waits and then finds them taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from kernel.compiled import prepared_cursor
from telemetry.models import ReadingWindow
from telemetry.storage import NewReading, array, moment_text, quoted_array
from telemetry.types import SENT_ONCE
from telemetry.windows import BLOCK, packed, place_of, unpacked

# Device, boot and block.
Key = tuple[int, str, int]
Windows = dict[Key, int]

_TABLE: Final = ReadingWindow._meta.db_table
_GIVEN_KEYS: Final = (
    "ROWS FROM (unnest(%s::bigint[]), unnest(%s::text[]), unnest(%s::bigint[])) "
    "AS given (device_id, boot_id, block)"
)
_IS_GIVEN: Final = (
    "w.device_id = given.device_id AND w.boot_id = given.boot_id AND w.block = given.block"
)
_LOCK: Final = (
    f"SELECT w.device_id, w.boot_id, w.block, w.seen FROM {_GIVEN_KEYS} "  # noqa: S608  names only
    f"JOIN {_TABLE} w ON {_IS_GIVEN} ORDER BY 1, 2, 3 FOR UPDATE OF w"
)
_COLUMNS: Final = "device_id, boot_id, block, seen, tenant_id, changed_at"
_GIVEN_ROWS: Final = (
    "ROWS FROM (unnest(%s::bigint[]), unnest(%s::text[]), unnest(%s::bigint[]), "
    "unnest(%s::bytea[]), unnest(%s::bigint[])) AS given (device_id, boot_id, block, seen, tenant_id)"
)
_OPEN: Final = (
    f"INSERT INTO {_TABLE} ({_COLUMNS}) "  # noqa: S608  names only
    f"SELECT given.*, %s::timestamptz FROM {_GIVEN_ROWS} "
    "ON CONFLICT (device_id, boot_id, block) DO NOTHING RETURNING device_id, boot_id, block"
)
_CHANGE: Final = (
    f"UPDATE {_TABLE} AS w SET seen = given.seen, changed_at = %s::timestamptz "  # noqa: S608
    f"FROM {_GIVEN_ROWS} WHERE {_IS_GIVEN}"
)
_SQLITE_KEYS: Final = 300
_SQLITE_WRITE: Final = (
    f"INSERT INTO {_TABLE} ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s) "  # noqa: S608
    "ON CONFLICT (device_id, boot_id, block) "
    "DO UPDATE SET seen = excluded.seen, changed_at = excluded.changed_at"
)
# The place of a row in its table: neither database has to look it up by its key.
_FORGET: Final = {
    "postgresql": (
        f"DELETE FROM {_TABLE} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {_TABLE} "  # noqa: S608
        "WHERE changed_at < %s LIMIT %s)) AND changed_at < %s"
    ),
    "sqlite": (
        f"DELETE FROM {_TABLE} WHERE rowid IN (SELECT rowid FROM {_TABLE} "  # noqa: S608
        "WHERE changed_at < %s LIMIT %s) AND changed_at < %s"
    ),
}


def forget(*, before: datetime, limit: int) -> int:
    """Delete windows that last changed before this time, at most so many; returns how many."""
    moment = connection.ops.adapt_datetimefield_value(before)
    with connection.cursor() as cursor:
        cursor.execute(_FORGET[connection.vendor], [moment, limit, moment])
        return int(cursor.rowcount)


@dataclass(slots=True)
class _Run:
    """Readings next to each other whose numbers are in one window; `bits` are those numbers."""

    key: Key
    tenant_id: int | None
    seqs: list[int]
    bits: int = 0


def take_numbers(rows: Sequence[NewReading], *, now: datetime) -> list[bool]:
    """Take the numbers of these readings; says of each row whether it is the first with its own.

    Must run inside a unit of work, which stores the readings too.
    """
    runs = _runs(rows)
    owners = {run.key: run.tenant_id for run in runs if not _comes_once(run)}
    if not owners:
        return [True] * len(rows)
    known = _locked(sorted(owners))
    while True:
        windows = {key: known.get(key, 0) for key in owners}
        verdicts: list[bool] = []
        for run in runs:
            verdicts += _take(windows, run)
        overtaken = _write(windows, known, owners, now)
        if not overtaken:
            return verdicts
        # Only without the device's lock: another transaction has opened these meanwhile. Those that
        # this one opened are its own, and written again.
        known = {key: known.get(key, 0) for key in owners} | _locked(overtaken)


def _runs(rows: Sequence[NewReading]) -> list[_Run]:
    runs: list[_Run] = []
    run: _Run | None = None
    for row in rows:
        seq = row[3]
        block, bit = seq // BLOCK, 1 << seq % BLOCK
        key = (row[0], row[2], block)
        if run is None or run.key != key:
            run = _Run(key, row[1], [])
            runs.append(run)
        run.seqs.append(seq)
        run.bits |= bit
    return runs


def _comes_once(run: _Run) -> bool:
    return run.key[1].startswith(SENT_ONCE)


def _take(windows: Windows, run: _Run) -> list[bool]:
    count = len(run.seqs)
    seen = windows.get(run.key)
    if seen is None:
        return [True] * count
    windows[run.key] = seen | run.bits
    if not seen & run.bits and run.bits.bit_count() == count:
        return [True] * count
    verdicts = []
    for seq in run.seqs:
        _, bit = place_of(seq)
        verdicts.append(not seen & bit)
        seen |= bit
    return verdicts


def _write(
    windows: Windows, known: Windows, owners: dict[Key, int | None], now: datetime
) -> list[Key]:
    """Store what the windows came to; returns those that somebody else opened meanwhile."""
    changed = sorted(key for key, seen in windows.items() if seen != known.get(key, 0))
    if connection.vendor == "sqlite":
        moment = moment_text(now)
        with connection.cursor() as cursor:
            cursor.executemany(
                _SQLITE_WRITE,
                [(*key, packed(windows[key]), owners[key], moment) for key in changed],
            )
        return []
    opened = [key for key in changed if key not in known]
    overtaken = _open(opened, windows, owners, now) if opened else []
    kept = [key for key in changed if key in known]
    if kept and not overtaken:
        with prepared_cursor() as cursor:
            cursor.execute(_CHANGE, [now.isoformat(), *_arrays(kept, windows, owners)])
            if cursor.rowcount != len(kept):
                # Better nothing is stored than something twice.
                raise RuntimeError("A window that is there cannot be written.")
    return overtaken


def _open(
    keys: list[Key], windows: Windows, owners: dict[Key, int | None], now: datetime
) -> list[Key]:
    with prepared_cursor() as cursor:
        cursor.execute(_OPEN, [now.isoformat(), *_arrays(keys, windows, owners)])
        if cursor.rowcount == len(keys):
            return []
        opened = set(cursor.fetchall())
    return [key for key in keys if key not in opened]


def _locked(keys: Sequence[Key]) -> Windows:
    """Those of the windows that are there, locked."""
    if connection.vendor == "sqlite":
        return dict(_found_on_sqlite(keys))
    with prepared_cursor() as cursor:
        cursor.execute(_LOCK, _key_arrays(keys))
        return {(row[0], row[1], row[2]): unpacked(row[3]) for row in cursor.fetchall()}


def _found_on_sqlite(keys: Sequence[Key]) -> Iterator[tuple[Key, int]]:
    """A unit of work is the only writer there: that alone is the lock."""
    with connection.cursor() as cursor:
        for start in range(0, len(keys), _SQLITE_KEYS):
            some = keys[start : start + _SQLITE_KEYS]
            places = ", ".join(["(%s, %s, %s)"] * len(some))
            cursor.execute(
                f"WITH given (device_id, boot_id, block) AS (VALUES {places}) "  # noqa: S608
                "SELECT w.device_id, w.boot_id, w.block, w.seen FROM given "
                f"CROSS JOIN {_TABLE} w ON {_IS_GIVEN}",
                [part for key in some for part in key],
            )
            yield from (((row[0], row[1], row[2]), unpacked(row[3])) for row in cursor.fetchall())


def _arrays(keys: Sequence[Key], windows: Windows, owners: dict[Key, int | None]) -> list[str]:
    return [
        *_key_arrays(keys),
        quoted_array(f"\\\\x{packed(windows[key]).hex()}" for key in keys),
        array(owners[key] for key in keys),
    ]


def _key_arrays(keys: Iterable[Key]) -> list[str]:
    device_ids, boot_ids, blocks = zip(*keys, strict=True)
    return [array(device_ids), quoted_array(boot_ids), array(blocks)]
