"""Readings by day on PostgreSQL: made ahead, never in the way of a reading, dropped when over."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection
from psycopg import sql

from kernel import row_security
from kernel.unit_of_work import unit_of_work
from telemetry import chart_statements, partition_statements
from telemetry.buckets import plan
from telemetry.models import Reading
from telemetry.services import ingestion, partitions, retention, rolling
from tests.database_cleaning import SUPERUSER_URL
from tests.services import ROOT, with_database
from tests.telemetry.boards import NOW, batch, board, household, reading, stored
from tests.telemetry.test_rolling import arrive, cpu, kept

pytestmark = [pytest.mark.production_only, pytest.mark.django_db(transaction=True)]

DAY = timedelta(days=1)
# Of no other test: parts stay when a test ends.
_BASE = datetime.fromisoformat("2025-06-02T12:00:00Z")
_days = iter(_BASE + timedelta(days=20 * number) for number in range(20))


@pytest.fixture
def noon() -> datetime:
    """Noon of a day that has no part."""
    return next(_days)


@pytest.fixture
def device() -> Any:
    """A paired device."""
    return board(tenant=household())


def ingest(device: Any, *numbers: int, now: datetime) -> None:
    telemetry = batch(*(reading(seq, at=now) for seq in numbers))
    ingestion.ingest_readings(
        device_id=device.pk, tenant_id=device.tenant_id, telemetry=telemetry, now=now
    )


def places() -> Counter[str]:
    """How many readings are in which part."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM telemetry_reading")
        return Counter(name for (name,) in cursor.fetchall())


def part(moment: datetime) -> str:
    return f"telemetry_reading_{moment:%Y%m%d}"


def test_parts_are_made_seven_days_ahead_and_once(noon: datetime) -> None:
    assert partitions.make_ahead(noon) == 8
    assert partitions.make_ahead(noon) == 0
    assert partitions.make_ahead(noon + 2 * DAY) == 2
    there = set(partition_statements.days())
    assert {(noon + ahead * DAY).date() for ahead in range(10)} <= there


def test_nothing_is_lost_while_nobody_makes_parts(device: Any, noon: datetime) -> None:
    ingest(device, 1, 2, now=noon)
    ingest(device, 3, now=noon + DAY)
    assert places() == {"telemetry_reading_default": 3}
    # The day that still fills stays where it is until it is over.
    partitions.make_ahead(noon + DAY)
    assert places() == {part(noon): 2, "telemetry_reading_default": 1}
    partitions.make_ahead(noon + 2 * DAY)
    assert places() == {part(noon): 2, part(noon + DAY): 1}
    ingest(device, 3, 4, now=noon + DAY)
    assert [row.seq for row in stored()] == [1, 2, 3, 4]


def test_a_day_goes_once_it_is_over_and_rolled_up(device: Any, noon: datetime) -> None:
    arrive(device, cpu([(noon, 1.0)]), now=noon)
    partitions.make_ahead(noon + DAY)
    late = noon + timedelta(days=14)
    retention.forget_old(late + DAY)
    assert noon.date() in partition_statements.days(), "it is not rolled up"
    rolling.roll_up(late)
    retention.forget_old(late)
    assert noon.date() in partition_statements.days(), "some of it is younger than 14 days"
    assert retention.forget_old(late + DAY) >= 1
    assert not Reading.objects.unscoped("tests look at everything").exists()
    assert noon.date() not in partition_statements.days()
    assert kept()[noon].count == 1
    # What comes for that day now is added to its buckets.
    arrive(device, cpu([(noon + timedelta(seconds=1), 3.0)]), now=late + DAY)
    rolling.roll_up(late + DAY)
    assert (kept()[noon].count, kept()[noon].sum) == (2, 4.0)


def test_a_day_that_came_without_a_part_goes_too(device: Any, noon: datetime) -> None:
    arrive(device, cpu([(noon, 1.0)]), now=noon)
    rolling.roll_up(noon)
    assert places() == {"telemetry_reading_default": 1}
    assert retention.forget_old(noon + timedelta(days=16)) >= 1
    assert not places()


def test_who_is_writing_is_waited_for_and_not_thrown_out(device: Any, noon: datetime) -> None:
    ingest(device, 1, now=noon)
    writer = connection.copy()
    try:
        writer.set_autocommit(False)
        with writer.cursor() as cursor:
            cursor.execute("UPDATE telemetry_reading SET seq = 7")
        assert not _made(noon)
        writer.commit()
    finally:
        writer.close()
    assert _made(noon)
    assert places() == {part(noon): 1}


def _made(moment: datetime) -> bool:
    with unit_of_work():
        return partition_statements.make(moment.date())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT telemetry_drop_partition(current_date)",
        "SELECT telemetry_make_partition(current_date + 40)",
        "DROP TABLE telemetry_reading_default",
        "TRUNCATE telemetry_reading_default",
        "CREATE TABLE mine (LIKE telemetry_reading)",
        "ALTER TABLE telemetry_reading_default DISABLE ROW LEVEL SECURITY",
    ],
)
def test_the_role_that_serves_can_do_no_more_than_it_needs(statement: str) -> None:
    arrive(board(), cpu([(NOW, 1.0)]))
    rolling.roll_up(NOW)
    with pytest.raises(DatabaseError), unit_of_work(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_no_part_shows_a_tenant_the_readings_of_another(device: Any, noon: datetime) -> None:
    partitions.make_ahead(noon)
    ingest(device, 1, now=noon)
    ingest(device, 2, now=noon - DAY)
    stranger = household("Next door")
    for tenant_id, seen in ((device.tenant_id, 1), (stranger.pk, 0)):
        for table in (part(noon), "telemetry_reading_default"):
            with row_security.tenant_scope(tenant_id), connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table}")
                assert cursor.fetchone() == (seen,), (tenant_id, table)


def test_a_chart_leaves_out_the_days_that_were_over_before(device: Any, noon: datetime) -> None:
    partitions.make_ahead(noon)
    asked = plan(
        since=noon + 3 * DAY,
        until=noon + 3 * DAY + timedelta(minutes=10),
        points=60,
        raw_from=noon,
        fine_from=noon,
    )
    statement, parameters = chart_statements.chart_statement(
        device_id=device.pk, tenant_id=device.tenant_id, metrics=["cpu_percent"], plan=asked
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", parameters)
        text = "\n".join(line for (line,) in cursor.fetchall())
    assert part(noon + 3 * DAY) in text
    assert part(noon + 2 * DAY) not in text


@pytest.fixture
def old_database(tmp_path: Path) -> Iterator[Any]:
    """A database of its own, in which `migrate` goes as far as it is told."""
    name = f"moved_{secrets.token_hex(4)}"
    owner = with_database(os.environ["DATABASE_OWNER_URL"], name)
    environment = os.environ | {"DATABASE_URL": owner, "HOMEPOT_DATA_DIR": str(tmp_path)}

    def migrate(*target: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "-v0", *target],
            cwd=ROOT,
            env=environment,
            check=True,
        )

    with psycopg.connect(os.environ[SUPERUSER_URL], autocommit=True) as session:
        title = sql.Identifier(name)
        session.execute(sql.SQL("CREATE DATABASE {} OWNER homepot_owner").format(title))
        with psycopg.connect(
            with_database(os.environ[SUPERUSER_URL], name), autocommit=True
        ) as own:
            yield migrate, own, with_database(os.environ["DATABASE_URL"], name)
        session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(title))


def test_readings_from_before_are_moved_and_still_known(old_database: Any) -> None:
    migrate, session, app_url = old_database
    migrate("telemetry", "0004_rollups")
    session.execute("SET session_replication_role = replica")
    session.execute(
        "INSERT INTO telemetry_reading (id, device_id, tenant_id, boot_id, seq, at, received_at, "
        "is_at_corrected, metrics) SELECT n, 1 + n % 2, 5, 'b', n, t, t, false, '{\"a\": 1}' FROM "
        "(SELECT n, now() - n * interval '10 minutes' AS t FROM generate_series(1, 3000) n) AS made"
    )
    before = session.execute(_EVERYTHING).fetchall()
    migrate("telemetry", "0005_partitions")
    assert session.execute(_EVERYTHING).fetchall() == before
    (in_default,) = session.execute("SELECT count(*) FROM telemetry_reading_default").fetchone()
    assert in_default == 0
    bits = session.execute(
        "SELECT device_id, sum(bit_count(seen)) FROM telemetry_readingwindow GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert bits == [(1, 1500), (2, 1500)]
    (following,) = session.execute("SELECT nextval('telemetry_reading_id_seq')").fetchone()
    assert following == 3001
    unprotected = session.execute(
        "SELECT relname FROM pg_class WHERE relname LIKE 'telemetry_reading%' AND relkind IN "
        "('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)"
    ).fetchall()
    assert unprotected == []
    # The role that serves goes on without another grant: everything new came with its rights.
    with psycopg.connect(app_url) as served:
        assert served.execute(_EVERYTHING).fetchall() == []
        served.execute("SELECT set_config('app.platform', 'test', false)")
        assert served.execute("SELECT telemetry_make_partition(current_date + 9)").fetchone() == (
            True,
        )
        served.execute(
            "INSERT INTO telemetry_reading (device_id, tenant_id, boot_id, seq, at, received_at, "
            "is_at_corrected, metrics) SELECT 1, 5, 'b', 9, t, t, false, '{}' FROM "
            "(VALUES (now()), (now() + interval '9 days'), (now() + interval '20 days')) given (t)"
        )
        served.execute(
            "UPDATE telemetry_readingwindow SET seen = seen WHERE device_id = 1; "
            "DELETE FROM telemetry_reading WHERE seq = 9"
        )


_EVERYTHING = (
    "SELECT id, device_id, tenant_id, boot_id, seq, at, received_at, is_at_corrected, metrics::text "
    "FROM telemetry_reading ORDER BY id"
)
