"""What readings over WebSocket cost at least: a lean loop with group commit, no questions.

    python -m benchmarks.raw_socket_server PORT DATABASE

No key, no limits, no verdicts, no duplicates: each frame is decoded as JSON, everything that waits
goes into the table of `raw_ingest_server` in one transaction, and after the COMMIT each socket is
told the highest number of its own. DATABASE is a PostgreSQL address or the path of a SQLite file.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.raw_ingest_server import PostgresTable, SqliteTable
from homepot.serving.server import make_server


class RawSockets:
    """The ASGI application."""

    def __init__(self, database: str) -> None:
        is_postgres = database.startswith("postgres")
        self._table = PostgresTable(database) if is_postgres else SqliteTable(database)
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[tuple[dict[str, Any], Any]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take every frame of a socket as readings; any HTTP request is answered at once."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": '{"type":"welcome"}'})
            while (event := await receive())["type"] == "websocket.receive":
                self._waiting.append((json.loads(event["text"]), send))
                if self._flusher is None or self._flusher.done():
                    self._flusher = asyncio.create_task(self._flush())
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def _flush(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._table.store, [body for body, _ in taken]
            )
            for send, body in {send: body for body, send in taken}.items():
                seq = body.get("readings", [body])[-1]["seq"]
                text = f'{{"type":"telemetry_ack","boot_id":"{body["boot_id"]}","acked_seq":{seq}}}'
                await send({"type": "websocket.send", "text": text})


def main(port: str, database: str) -> None:
    """Serve until stopped, under the product's own server."""
    make_server(RawSockets(database), host="127.0.0.1", port=int(port)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
