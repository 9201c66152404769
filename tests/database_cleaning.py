"""Empties the test database after a test that committed, past every append-only trigger.

Django's own flush cannot: the app role may not TRUNCATE, and the audit log refuses to forget.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from tests.services import with_database

SUPERUSER_URL = "HOMEPOT_TEST_SUPERUSER_URL"
# Made by `migrate` and never touched by a test.
KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")
LOCK_TIMEOUT = "15s"


def clean_after_test(case: Any) -> None:
    """Stands in for `TransactionTestCase._fixture_teardown`."""
    for alias in case._databases_names(include_mirrors=False):
        clean(connections[alias])


def clean(connection: BaseDatabaseWrapper) -> None:
    """Delete every row that a test may have written."""
    if connection.vendor == "postgresql":
        _clean_postgresql(str(connection.settings_dict["NAME"]))
    else:
        _clean_sqlite(connection)


def end_connections(database: str) -> None:
    """End what threads of the tests left connected, so the database can be dropped."""
    with psycopg.connect(os.environ[SUPERUSER_URL]) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
        )


def _clean_postgresql(database: str) -> None:
    address = with_database(os.environ[SUPERUSER_URL], database)
    with psycopg.connect(address) as session:
        session.execute("SET session_replication_role = replica")
        session.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_TIMEOUT))
        found = session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)",
            [list(KEPT_TABLES)],
        )
        statements = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for (name,) in found]
        session.execute(sql.SQL("; ").join(statements))


def _clean_sqlite(connection: BaseDatabaseWrapper) -> None:
    with (
        connection.constraint_checks_disabled(),
        transaction.atomic(using=connection.alias),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table','trigger')"
        )
        found = cursor.fetchall()
        triggers = [(name, text) for kind, name, text in found if kind == "trigger"]
        tables = [name for kind, name, _ in found if kind == "table"]
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        for name in tables:
            if name not in KEPT_TABLES and not name.startswith("sqlite_"):
                cursor.execute(f'DELETE FROM "{name}"')
        for _, text in triggers:
            cursor.execute(text)
