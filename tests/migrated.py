"""Databases that are migrated once and copied for every installation a test starts."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from tests.product import ProductProcess, production_environment
from tests.services import ROOT, PostgresServer

_FOLDER = ROOT / ".build" / "migrated"
_POSTGRES_TEMPLATE = "homepot_migrated"


def put_migrated_database(product: ProductProcess) -> None:
    """Give an installation that has no data yet its migrated SQLite file."""
    data = product.folder / "data"
    data.mkdir(mode=0o700)
    shutil.copyfile(_sqlite_template(), data / "homepot.sqlite3")


def migrated_copy(server: PostgresServer, name: str) -> None:
    """Make a migrated database of that name on the server."""
    if not _has_template(server):
        # Under its name only once it is whole.
        unfinished = f"{_POSTGRES_TEMPLATE}_{secrets.token_hex(4)}"
        server.create_database(unfinished)
        environment = production_environment(server.database_environment(unfinished))
        with _installation(environment) as product:
            product.manage("migrate", "--no-input", "--skip-checks")
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        server.execute(
            rename.format(sql.Identifier(unfinished), sql.Identifier(_POSTGRES_TEMPLATE))
        )
    server.create_database(name, template=_POSTGRES_TEMPLATE)


def _has_template(server: PostgresServer) -> bool:
    with psycopg.connect(server.url(server.superuser, "postgres")) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [_POSTGRES_TEMPLATE]
        )
        return found.fetchone() is not None


def _sqlite_template() -> Path:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    made = _FOLDER / f"{_digest()}.sqlite3"
    # Test processes that run side by side take turns.
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for outdated in _FOLDER.glob("*.sqlite3"):
                outdated.unlink()
            with _installation({"HOMEPOT_MODE": "embedded"}) as product:
                product.manage("migrate", "--no-input")
                _copy(product.folder / "data" / "homepot.sqlite3", made)
    return made


def _copy(source: Path, target: Path) -> None:
    """The database with what its write-ahead log holds, in one step."""
    unfinished = target.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    with (
        contextlib.closing(sqlite3.connect(source)) as database,
        contextlib.closing(sqlite3.connect(unfinished)) as copy,
    ):
        database.backup(copy)
    unfinished.rename(target)


@contextlib.contextmanager
def _installation(environment: dict[str, str]) -> Iterator[ProductProcess]:
    product = ProductProcess(commands=(), environment=environment)
    try:
        yield product
    finally:
        product.close()


def _digest() -> str:
    """Names the migrations, and what runs them."""
    found = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    sources = [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("kernel/row_*.py")]
    for source in sorted(sources):
        found.update(source.name.encode() + source.read_bytes())
    return found.hexdigest()[:20]
