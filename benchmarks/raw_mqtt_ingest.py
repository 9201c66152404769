"""What readings over MQTT cost at least: the product's own connection, and COPY alone.

    python -m benchmarks.raw_mqtt_ingest BROKER DATABASE

No strict decoder, no devices looked up or locked, no duplicates, no presence, no replies: JSON is
decoded, what has come since the last COMMIT goes into one table of the product's shape (binary
COPY on PostgreSQL, executemany on SQLite), and the messages are acknowledged after the COMMIT.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvloop

from benchmarks.raw_ingest_server import PostgresTable, SqliteTable
from devicelink.mqtt.frames import Arrived
from devicelink.mqtt.link import Link
from edge.mqtt.client import parse_address

_COLUMNS = "device_id, tenant_id, boot_id, seq, at, received_at, is_at_corrected, metrics"
_TYPES = ["int8", "int8", "text", "int8", "timestamptz", "timestamptz", "bool", "jsonb"]
_encode = json.JSONEncoder(separators=(",", ":")).encode
Rows = list[tuple[Any, ...]]


def _rows(messages: list[Arrived]) -> Rows:
    now = datetime.now(UTC)
    return [
        (1, 1, body["boot_id"], reading["seq"], datetime.fromisoformat(reading["at"]), now, False,
         _encode(reading["metrics"]))
        for body in (json.loads(message.payload) for message in messages)
        for reading in body.get("readings") or [body]
    ]  # fmt: skip


class _Postgres(PostgresTable):
    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._own = psycopg.connect(address)

    def take(self, rows: Rows) -> None:
        """All rows in one COPY and one COMMIT."""
        with (
            self._own.cursor() as cursor,
            cursor.copy(f"COPY raw_reading ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(_TYPES)
            for row in rows:
                copy.write_row(row)
        self._own.commit()


class _Sqlite(SqliteTable):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._own = sqlite3.connect(path, timeout=20, check_same_thread=False)
        self._own.execute("PRAGMA synchronous=FULL")

    def take(self, rows: Rows) -> None:
        """All rows in one executemany and one COMMIT."""
        self._own.executemany(
            f"INSERT INTO raw_reading ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*row[:4], row[4].isoformat(), row[5].isoformat(), *row[6:]) for row in rows],
        )
        self._own.commit()


async def _read(broker: str, table: _Postgres | _Sqlite) -> None:
    waiting: list[Arrived] = []
    arrived = asyncio.Event()

    def take(messages: list[Arrived]) -> None:
        waiting.extend(messages)
        arrived.set()

    link = await Link.open(
        address=parse_address(broker),
        client_id="raw-ingest",
        tls=None,
        on_messages=take,
        on_room=lambda: None,
    )
    await link.subscribe("$share/homepot-ingest/homepot/v1/+/telemetry")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        await arrived.wait()
        arrived.clear()
        taken, waiting[:] = list(waiting), []
        await asyncio.to_thread(lambda taken=taken: table.take(_rows(taken)))
        link.acknowledge(message.packet_id for message in taken)


def main() -> None:
    """Read until killed."""
    broker, database = sys.argv[1:]
    table = _Postgres(database) if database.startswith("postgres") else _Sqlite(database)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_read(broker, table))


if __name__ == "__main__":
    main()
