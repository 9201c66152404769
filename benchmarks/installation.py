"""The product to measure, on either backend, and its database by hand."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.statements import (
    AUDIT_SEQ_FROM,
    COMMAND_ID_FROM,
    LIVE_SEQ_FROM,
    Driver,
    PostgresDriver,
    SqliteDriver,
)
from tests.migrated import migrate_database, put_migrated_database
from tests.product import ProductProcess, embedded_product, production_product
from tests.services import ROOT, PostgresServer, RedisServer

BACKENDS = ("embedded", "production")
_LIMITS = {
    "PROVISIONS_PER_MINUTE": "100000",
    "LOGIN_ATTEMPTS_PER_MINUTE": "1000",
    "ACCESS_TOKEN_SECONDS": "7200",
    "LOG_LEVEL": "WARNING",
}


@dataclass(kw_only=True)
class Installation:
    """One product that is not running yet, and how to reach its database past it."""

    product: ProductProcess
    server: str
    postgres: PostgresServer | None = None

    @property
    def title(self) -> str:
        """What it runs on."""
        return "SQLite, one process" if self.postgres is None else "PostgreSQL + Redis"

    def driver(self) -> Driver:
        """A raw connection as the product's own role."""
        if self.postgres is not None:
            return PostgresDriver(self.postgres.url("homepot_app"))
        return SqliteDriver(self.sqlite_path)

    def make_counters_recognisable(self) -> None:
        """Move the counters of commands, stream and chain to ranges of their own."""
        if self.postgres is not None:
            with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
                for statement in _counter_statements(_SET_SEQUENCE):
                    connection.execute(statement)  # type: ignore[arg-type]
            return
        with contextlib.closing(sqlite3.connect(self.sqlite_path, timeout=20)) as database:
            for statement in _counter_statements(_SET_AUTOINCREMENT):
                database.execute(statement)
            database.commit()

    @contextlib.contextmanager
    def traced(self) -> Iterator[Path]:
        """Run the product with its statements written to the yielded file."""
        with tempfile.TemporaryDirectory(prefix="homepot-trace-") as folder:
            path = Path(folder) / "statements"
            with self.serving("benchmarks.traced_server", str(path)):
                yield path

    @contextlib.contextmanager
    def serving(self, module: str, *options: str) -> Iterator[int]:
        """Run the product's server by a module that changes it first; yields its process id."""
        process = subprocess.Popen(
            [sys.executable, "-m", module, *options, self.server],
            env={**self.product.environment, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.product.wait_healthy()
            yield process.pid
        finally:
            process.terminate()
            process.wait(15)

    @property
    def sqlite_path(self) -> Path:
        """The database file of an embedded installation."""
        return Path(self.product.environment["HOMEPOT_DATA_DIR"]) / "homepot.sqlite3"


@contextlib.contextmanager
def installed(backend: str, **environment: str) -> Iterator[Installation]:
    """An installation on that backend; removed, with its servers, at the end."""
    with contextlib.ExitStack() as stack:
        if backend == "embedded":
            product = embedded_product(**_LIMITS, **environment)
            stack.callback(product.close)
            put_migrated_database(product)
            yield Installation(product=product, server="run_embedded")
            return
        postgres = stack.enter_context(PostgresServer())
        redis = stack.enter_context(RedisServer())
        migrate_database(postgres, postgres.database)
        services = postgres.environment() | redis.environment()
        product = production_product(services, is_migrated=True, **_LIMITS, **environment)
        stack.callback(product.close)
        yield Installation(product=product, server="serve", postgres=postgres)


_SET_SEQUENCE = (
    f"SELECT setval(pg_get_serial_sequence('commands_command', 'id'), {COMMAND_ID_FROM})"
)
_SET_AUTOINCREMENT = (
    f"UPDATE sqlite_sequence SET seq = {COMMAND_ID_FROM} WHERE name = 'commands_command'"
)
_AUDIT_COLUMNS = (
    "chain_id, tenant_id, at, action, actor_kind, actor_id, actor_label, actor_via, actor_address,"
    " request_id, target_type, target_id, before, after, cause, previous_hash, entry_hash"
)


def _counter_statements(sequence: str) -> tuple[str, ...]:
    # The chain no longer verifies after this: what is measured does not depend on it.
    return (
        sequence,
        f"UPDATE kernel_livestream SET last_seq = {LIVE_SEQ_FROM}",
        f"INSERT INTO audit_auditentry (seq, {_AUDIT_COLUMNS}) "
        f"SELECT {AUDIT_SEQ_FROM}, {_AUDIT_COLUMNS} FROM audit_auditentry AS entry "
        "WHERE seq = (SELECT max(seq) FROM audit_auditentry WHERE chain_id = entry.chain_id)",
    )
