"""Databases that are migrated once and copied for every installation a test starts."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from tests.product import ProductProcess, production_environment
from tests.services import ROOT, PostgresServer

_FOLDER = ROOT / ".build" / "migrated"
# On each server: what its other databases are copies of.
POSTGRES_TEMPLATE = "homepot_migrated"


def put_migrated_database(product: ProductProcess) -> None:
    """Give an installation that has no data yet its migrated SQLite file."""
    data = product.folder / "data"
    data.mkdir(mode=0o700)
    put_sqlite_file(data / "homepot.sqlite3")


def put_sqlite_file(path: Path) -> None:
    """Write a migrated SQLite file there."""
    shutil.copyfile(_sqlite_template(), path)


def migrate_database(server: PostgresServer, name: str) -> None:
    """Fill an empty database of the server with what migrations make."""
    server.restore(_postgres_dump(server), name)


def make_template(server: PostgresServer) -> None:
    """Have the server hold a migrated database that others are copies of."""
    if _has_template(server):
        return
    # Under its name only once it is whole.
    unfinished = f"{POSTGRES_TEMPLATE}_{secrets.token_hex(4)}"
    server.create_database(unfinished)
    migrate_database(server, unfinished)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    server.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(POSTGRES_TEMPLATE)))


def migrated_copy(server: PostgresServer, name: str) -> None:
    """Make a migrated database of that name on the server."""
    make_template(server)
    server.create_database(name, template=POSTGRES_TEMPLATE)


def copy_template(superuser_url: str, name: str) -> None:
    """Make a copy of the template of a server that is known by its address only."""
    statement = sql.SQL("CREATE DATABASE {} OWNER homepot_owner TEMPLATE {}")
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(
            statement.format(sql.Identifier(name), sql.Identifier(POSTGRES_TEMPLATE))
        )


def _has_template(server: PostgresServer) -> bool:
    with psycopg.connect(server.url(server.superuser, "postgres")) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [POSTGRES_TEMPLATE]
        )
        return found.fetchone() is not None


def _sqlite_template() -> Path:
    def migrate(unfinished: Path) -> None:
        with _installation({"HOMEPOT_MODE": "embedded"}) as product:
            product.manage("migrate", "--no-input")
            _copy(product.folder / "data" / "homepot.sqlite3", unfinished)

    return _made_once("sqlite3", migrate)


def _postgres_dump(server: PostgresServer) -> Path:
    def migrate(unfinished: Path) -> None:
        name = f"homepot_{secrets.token_hex(4)}"
        server.create_database(name)
        environment = production_environment(server.database_environment(name))
        with _installation(environment) as product:
            product.manage("migrate", "--no-input", "--skip-checks")
        server.dump(name, unfinished)
        server.drop_database(name)

    return _made_once("sql", migrate)


def _made_once(kind: str, make: Callable[[Path], None]) -> Path:
    """The file of this kind for the present migrations; processes side by side take turns."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    made = _FOLDER / f"{_digest()}.{kind}"
    with (_FOLDER / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for outdated in _FOLDER.glob(f"*.{kind}"):
                outdated.unlink()
            unfinished = made.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
            make(unfinished)
            unfinished.rename(made)
    return made


def _copy(source: Path, target: Path) -> None:
    """The database with what its write-ahead log holds, in one step."""
    with (
        contextlib.closing(sqlite3.connect(source)) as database,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy)


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
