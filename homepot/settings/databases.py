"""Database addresses to Django's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# A server that vanished without a word is given up within half a minute: without these a thread
# waits for it for a quarter of an hour, and there are only a few. One that is merely slow, or
# paused, still answers for its end of the connection.
_FOUND_DEAD = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# A host that vanished within a transaction keeps its locks for as long as the server believes in
# it, by default two hours; one that is paused, for ever. The work behind those locks waits no more
# than a minute.
_LETS_GO = "-c idle_in_transaction_session_timeout=60000"


def sqlite(path: Path) -> dict[str, Any]:
    """SQLite in WAL mode; writers queue up at BEGIN, and a commit is on disk when it returns."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-16000;"
            ),
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """`postgresql://user:password@host:port/name?option=value` to Django's settings."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("DATABASE_URL must start with postgresql://")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or options.pop("host", ""),
        "PORT": str(parts.port or ""),
        # Every thread that touches the database lives in a fixed pool, so a connection kept per
        # thread is bounded; a broken one is dropped by Django before the next request.
        "CONN_MAX_AGE": None,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {**_FOUND_DEAD, "options": _LETS_GO, **options},
    }
