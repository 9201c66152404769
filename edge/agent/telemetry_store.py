"""Readings on their way to the server, kept on disk until the server has them.

Policy when full: the oldest reading is dropped, because the newest says most about the machine
now; ``dropped`` counts them.
"""

import logging
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from edge.agent.errors import StateUnreadable
from edge.protocol import strict_json
from edge.protocol.codec import format_moment
from edge.protocol.fields import parse_moment
from edge.protocol.messages import Reading, Telemetry

_log = logging.getLogger(__name__)

TELEMETRY_FILE = "telemetry.sqlite3"
CAPACITY = 10_000  # more than a day at one reading every ten seconds
BATCH = 50  # with our own metrics about half of the largest frame

_SCHEMA = """
CREATE TABLE IF NOT EXISTS readings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    boot_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    metrics TEXT NOT NULL,
    UNIQUE (boot_id, seq)
)
"""


class TelemetryStore:
    """A bounded first-in first-out queue of readings that survives a restart of the agent."""

    def __init__(self, path: Path, *, boot_id: str, capacity: int = CAPACITY) -> None:
        self._boot_id = boot_id
        self._capacity = capacity
        self._next_seq = 0
        self.dropped = 0
        try:
            self._database = _open(path)
            self._length: int = self._database.execute("SELECT count(*) FROM readings").fetchone()[
                0
            ]
        except sqlite3.DatabaseError as fault:
            raise StateUnreadable(
                f"{path} cannot be used ({fault}); remove it to start an empty queue"
            ) from None

    def __len__(self) -> int:
        return self._length

    def append(self, metrics: dict[str, float], *, at: datetime) -> None:
        """Keep one reading; it gets the next number of this boot. A full disk costs only that."""
        row = (self._boot_id, self._next_seq, format_moment(at), strict_json.dumps(metrics))
        self._next_seq += 1
        try:
            with self._database:
                self._database.execute(
                    "INSERT INTO readings (boot_id, seq, at, metrics) VALUES (?, ?, ?, ?)", row
                )
        except sqlite3.Error as fault:
            # Relays must stay reachable on a machine that can no longer write its figures down.
            _log.warning("a reading could not be kept: %s", fault)
            self.dropped += 1
            return
        self._length += 1
        if self._length > self._capacity:
            self._drop_oldest()

    def oldest_batch(self, *, limit: int = BATCH) -> Telemetry | None:
        """Return the readings to send next, all of one boot, or None when there are none."""
        try:
            first = self._database.execute(
                "SELECT boot_id FROM readings ORDER BY position LIMIT 1"
            ).fetchone()
            if first is None:
                return None
            rows = self._database.execute(
                "SELECT seq, at, metrics FROM readings WHERE boot_id = ? ORDER BY seq LIMIT ?",
                (first[0], limit),
            ).fetchall()
        except sqlite3.Error as fault:
            _log.warning("kept readings could not be read: %s", fault)
            return None
        readings = tuple(
            Reading(seq=seq, at=parse_moment(at), metrics=strict_json.loads(metrics))
            for seq, at, metrics in rows
        )
        return Telemetry(boot_id=first[0], readings=readings)

    def acknowledge(self, *, boot_id: str, acked_seq: int) -> int:
        """Forget what the server has; return how many readings that were."""
        try:
            with self._database:
                forgotten = self._database.execute(
                    "DELETE FROM readings WHERE boot_id = ? AND seq <= ?", (boot_id, acked_seq)
                ).rowcount
        except sqlite3.Error as fault:
            _log.warning("acknowledged readings could not be removed: %s", fault)
            return 0
        self._length -= forgotten
        return forgotten

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _drop_oldest(self) -> None:
        surplus = self._length - self._capacity
        with self._database:
            self._database.execute(
                "DELETE FROM readings WHERE position IN"
                " (SELECT position FROM readings ORDER BY position LIMIT ?)",
                (surplus,),
            )
        self._length -= surplus
        self.dropped += surplus


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


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600, exist_ok=True)
    database = sqlite3.connect(path, timeout=1.0)
    # NORMAL loses at most the last reading in a power cut, and spares SD cards a sync each time.
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(_SCHEMA)
    database.commit()
    return database
