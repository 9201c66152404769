"""Readings on their way to the server, kept on disk until the server has them.

It is bounded in number and in bytes, for some days without a server. When it is full the oldest
reading is dropped, because the newest says most about the machine now; ``dropped`` counts them
for as long as the store exists.
"""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from edge.agent.errors import StateUnreadable
from edge.protocol import strict_json
from edge.protocol.codec import format_moment
from edge.protocol.fields import parse_moment
from edge.protocol.limits import MAX_FRAME_BYTES, MAX_READINGS
from edge.protocol.messages import Reading, Telemetry

_log = logging.getLogger(__name__)

TELEMETRY_FILE: Final = "telemetry.sqlite3"
DROPPED_METRIC: Final = "readings_dropped"
# Eleven days at one reading every ten seconds, and what those weigh with our own metrics.
CAPACITY: Final = 100_000
CAPACITY_BYTES: Final = 64 * 1024 * 1024
# What a frame has besides its readings: type, boot_id, brackets.
_ENVELOPE_BYTES: Final = 512
# What one reading has besides its metrics: names, number, time, and its row and index on disk.
_READING_BYTES: Final = 96

_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS readings (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        boot_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        metrics TEXT NOT NULL,
        UNIQUE (boot_id, seq)
    )
    """,
    # One row, changed with every change of the other table: a start need not read all of it.
    """
    CREATE TABLE IF NOT EXISTS totals (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        waiting INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        dropped INTEGER NOT NULL
    )
    """,
)
_COUNTED = f"count(*), coalesce(sum(length(CAST(metrics AS BLOB)) + {_READING_BYTES}), 0)"
_COUNT_ALL = f"INSERT OR IGNORE INTO totals SELECT 1, {_COUNTED}, 0 FROM readings"  # noqa: S608
_ACKNOWLEDGED = "boot_id = ? AND seq <= ?"
_OLDEST = "position IN (SELECT position FROM readings ORDER BY position LIMIT ?)"
# A queue that stays full says so now and then only.
_TOLD_EVERY: Final = 1_000


@dataclass(slots=True)
class _Totals:
    """What the one row of totals says, and drops that could not be written down yet."""

    waiting: int
    bytes: int
    dropped: int


class QueueDamaged(StateUnreadable):
    """The file is no database any more."""


class TelemetryStore:
    """A bounded first-in first-out queue of readings that survives a restart of the agent."""

    def __init__(
        self,
        path: Path,
        *,
        boot_id: str,
        capacity: int = CAPACITY,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> None:
        self._boot_id = boot_id
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._next_seq = 0
        # By boot, the highest number that was ever handed out: no ack covers more than that.
        self._handed_out: dict[str, int] = {}
        try:
            self._database = _open(path)
            self._totals = _Totals(
                *self._database.execute("SELECT waiting, bytes, dropped FROM totals").fetchone()
            )
        except sqlite3.DatabaseError as fault:
            kind = QueueDamaged if type(fault) is sqlite3.DatabaseError else StateUnreadable
            raise kind(
                f"{path} cannot be used ({fault}); remove it to start an empty queue"
            ) from None

    def __len__(self) -> int:
        return self._totals.waiting

    @property
    def dropped(self) -> int:
        """How many readings were lost here since the store was begun."""
        return self._totals.dropped

    def append(self, metrics: dict[str, float], *, at: datetime) -> None:
        """Keep one reading; it gets the next number of this boot. A full disk costs only that."""
        text = strict_json.dumps(metrics)
        row = (self._boot_id, self._next_seq, format_moment(at), text)
        self._next_seq += 1
        before = _copy(self._totals)
        try:
            with self._database:
                self._database.execute(
                    "INSERT INTO readings (boot_id, seq, at, metrics) VALUES (?, ?, ?, ?)", row
                )
                self._totals.waiting += 1
                self._totals.bytes += len(text.encode()) + _READING_BYTES
                self._make_room()
                self._write_totals()
        except sqlite3.Error as fault:
            # Relays must stay reachable on a machine that can no longer write its figures down.
            _log.warning("a reading could not be kept: %s", fault)
            self._totals = before
            self._totals.dropped += 1

    def oldest_batch(
        self, *, limit: int = MAX_READINGS, max_bytes: int = MAX_FRAME_BYTES
    ) -> Telemetry | None:
        """Return the readings to send next, all of one boot, or None when there are none.

        As many as one frame of so many bytes holds: mostly one, many after a long absence.
        """
        try:
            first = self._database.execute(
                "SELECT boot_id FROM readings ORDER BY position LIMIT 1"
            ).fetchone()
            if first is None:
                return None
            rows = self._database.execute(
                "SELECT seq, at, metrics FROM readings WHERE boot_id = ? ORDER BY seq LIMIT ?",
                (first[0], limit),
            )
            readings = tuple(
                Reading(seq=seq, at=parse_moment(at), metrics=strict_json.loads(metrics))
                for seq, at, metrics in _fitting(rows, max_bytes)
            )
        except sqlite3.Error as fault:
            _log.warning("kept readings could not be read: %s", fault)
            return None
        highest = max(readings[-1].seq, self._handed_out.get(first[0], 0))
        self._handed_out[first[0]] = highest
        return Telemetry(boot_id=first[0], readings=readings)

    def acknowledge(self, *, boot_id: str, acked_seq: int) -> int:
        """Forget what the server has; return how many readings that were.

        Readings that were never handed out stay, whatever the server says.
        """
        highest = min(acked_seq, self._handed_out.get(boot_id, -1))
        before = _copy(self._totals)
        try:
            with self._database:
                forgotten = self._delete(_ACKNOWLEDGED, (boot_id, highest))
                self._write_totals()
        except sqlite3.Error as fault:
            _log.warning("acknowledged readings could not be removed: %s", fault)
            self._totals = before
            return 0
        return forgotten

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _make_room(self) -> None:
        while self._totals.waiting > 1 and (
            self._totals.waiting > self._capacity or self._totals.bytes > self._capacity_bytes
        ):
            surplus = max(1, self._totals.waiting - self._capacity)
            if self._totals.dropped % _TOLD_EVERY < surplus:
                _log.warning("the queue is full: the oldest readings are dropped")
            self._totals.dropped += self._delete(_OLDEST, (surplus,))

    def _delete(self, which: str, parameters: Sequence[Any]) -> int:
        count, size = self._database.execute(
            f"SELECT {_COUNTED} FROM readings WHERE {which}",  # noqa: S608  # ours, see above
            parameters,
        ).fetchone()
        self._database.execute(f"DELETE FROM readings WHERE {which}", parameters)  # noqa: S608
        self._totals.waiting -= count
        self._totals.bytes -= size
        return int(count)

    def _write_totals(self) -> None:
        totals = self._totals
        self._database.execute(
            "UPDATE totals SET waiting = ?, bytes = ?, dropped = ?",
            (totals.waiting, totals.bytes, totals.dropped),
        )


def opened(path: Path, *, boot_id: str, capacity: int, capacity_bytes: int) -> TelemetryStore:
    """Return the store; a damaged one is put aside, since figures are no reason to lose relays."""
    try:
        return TelemetryStore(
            path, boot_id=boot_id, capacity=capacity, capacity_bytes=capacity_bytes
        )
    except QueueDamaged as damage:
        aside = path.with_name(path.name + ".damaged")
        path.replace(aside)
        forget_readings(path)
        _log.error("%s; it was put aside as %s", damage, aside)
        return TelemetryStore(
            path, boot_id=boot_id, capacity=capacity, capacity_bytes=capacity_bytes
        )


def forget_readings(path: Path) -> None:
    """Remove a store that nobody has open: its readings belong to a life that has ended."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def count_pending(path: Path) -> int:
    """Return how many readings wait in a store that this process does not own."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        made = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchone()
        if made is None:
            # Its owner has just begun: the file is there, the table not yet.
            return 0
        count: int = database.execute("SELECT count(*) FROM readings").fetchone()[0]
    return count


def _fitting(rows: sqlite3.Cursor, max_bytes: int) -> Iterator[tuple[int, str, str]]:
    """Yield rows while they fit into one frame; the first one always."""
    room = max_bytes - _ENVELOPE_BYTES
    is_first = True
    for row in rows:
        room -= len(row[2].encode()) + _READING_BYTES
        if room < 0 and not is_first:
            return
        is_first = False
        yield row


def _copy(totals: _Totals) -> _Totals:
    return _Totals(totals.waiting, totals.bytes, totals.dropped)


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600, exist_ok=True)
    database = sqlite3.connect(path, timeout=1.0)
    # NORMAL spares SD cards a sync for every reading: a power cut may take those of the last
    # half minute with it, a crash of the agent none.
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    for statement in _SCHEMA:
        database.execute(statement)
    database.execute(_COUNT_ALL)
    database.commit()
    return database
