"""Times from PostgreSQL: read fast, and the same as Django reads them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, connection
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.pq import Format
from psycopg.types.datetime import TimestamptzLoader

from kernel import moments

pytestmark = [pytest.mark.production_only, pytest.mark.django_db]


def read(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        return cursor.fetchone()[0]


def usual() -> Any:
    connection.ensure_connection()
    fast = connection.connection.adapters.get_loader(moments._TIMESTAMPTZ, Format.TEXT)
    assert fast.__module__ == "kernel.moments"
    (django,) = [
        base for base in fast.__mro__[1:] if base.__qualname__.endswith("SpecificTzLoader")
    ]
    assert issubclass(django, BaseTzLoader) and issubclass(django, TimestamptzLoader)
    return django


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 18:38:31.123456+00",
        "2026-11-21 18:38:31+00",
        "2026-11-21 18:38:31.1+00",
        "2026-02-28 23:59:59.999999-11:30",
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
        "1816-01-01 00:00:00+00",
    ],
)
def test_a_time_is_the_one_that_django_reads(text: str) -> None:
    fast = read(text)
    usual_loader = usual()
    with connection.cursor() as cursor:
        cursor.cursor.adapters.register_loader("timestamptz", usual_loader)
        cursor.execute("SELECT %s::timestamptz", [text])
        (slow,) = cursor.fetchone()
    assert fast == slow
    assert (fast.tzinfo, fast.isoformat()) == (slow.tzinfo, slow.isoformat())


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'Asia/Kolkata'")
        cursor.execute("SELECT '2026-11-21 18:00:00+00'::timestamptz")
        (there,) = cursor.fetchone()
    assert there == read("2026-11-21 18:00:00+00")


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 12:00:00 BC", "20000-01-01"])
def test_what_python_has_no_time_for_is_refused_as_before(text: str) -> None:
    with pytest.raises(DataError):
        read(text)
