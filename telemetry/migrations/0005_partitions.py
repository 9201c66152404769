"""Readings by day on PostgreSQL, windows of what is stored, and how wrong the clocks are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from kernel.row_policies import ForceRowSecurity

DAYS_AHEAD = 7
BLOCK = 1024

# Who calls these runs them as the owner of the tables. They make and drop whole days only, and
# nothing that is not rolled up.
FUNCTIONS = """
CREATE FUNCTION telemetry_make_partition(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '1s' SET timezone = 'UTC' AS
$$
DECLARE
    part text := 'telemetry_reading_' || to_char(day, 'YYYYMMDD');
    since timestamptz := day;
    until timestamptz := day + 1;
    held text := coalesce(current_setting('app.platform', true), '');
    rule text := '(SELECT homepot_platform()) OR '
        'tenant_id = ANY ((SELECT homepot_tenants())::bigint[])';
BEGIN
    IF day > current_date + 31 THEN
        RAISE EXCEPTION 'that day is too far ahead';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('telemetry.partitions'));
    IF to_regclass(part) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE telemetry_reading INCLUDING DEFAULTS INCLUDING INDEXES)', part);
    -- What came while nobody made partitions. The owner is under the policies too.
    PERFORM set_config('app.platform', 'telemetry.partitions', true);
    EXECUTE format(
        'WITH moved AS (DELETE FROM telemetry_reading_default '
        'WHERE received_at >= %L AND received_at < %L RETURNING *) '
        'INSERT INTO %I SELECT * FROM moved', since, until, part);
    PERFORM set_config('app.platform', held, true);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE POLICY tenant_scope ON %I USING (%s) WITH CHECK (%s)', part, rule, rule);
    EXECUTE format(
        'ALTER TABLE telemetry_reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        part, since, until);
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR check_violation THEN
        -- Somebody is writing there; the next call tries again.
        RETURN false;
END
$$;
CREATE FUNCTION telemetry_drop_partition(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '1s' SET timezone = 'UTC' AS
$$
DECLARE
    part text := 'telemetry_reading_' || to_char(day, 'YYYYMMDD');
    held text := coalesce(current_setting('app.platform', true), '');
    rolled record;
    waits boolean;
BEGIN
    SELECT position, raw_from INTO rolled FROM telemetry_rollupcursor WHERE name = 'readings';
    IF to_regclass(part) IS NULL OR rolled IS NULL THEN
        RETURN false;
    END IF;
    -- Who reads charts must know by then that these readings are gone.
    IF rolled.raw_from IS NULL OR rolled.raw_from < day + 1 OR day >= current_date THEN
        RAISE EXCEPTION 'that day is not over';
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', part);
    PERFORM set_config('app.platform', 'telemetry.partitions', true);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id > $1)', part)
        INTO waits USING rolled.position;
    PERFORM set_config('app.platform', held, true);
    IF waits THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', part);
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END
$$;
"""
# Whoever may write readings may have partitions made; nobody else.
GRANTS = """
REVOKE ALL ON FUNCTION telemetry_make_partition(date), telemetry_drop_partition(date) FROM PUBLIC;
DO $$
DECLARE
    writer text;
BEGIN
    FOR writer IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_name = 'telemetry_reading' AND privilege_type = 'INSERT'
        AND grantee NOT IN (current_user, 'PUBLIC')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION telemetry_make_partition(date), '
            'telemetry_drop_partition(date) TO %I', writer);
    END LOOP;
END
$$;
"""
# Wide columns first: nothing is lost between them.
TABLE = """
ALTER TABLE telemetry_reading RENAME TO telemetry_reading_before;
ALTER TABLE telemetry_reading_before ALTER COLUMN id DROP IDENTITY;
DROP INDEX reading_by_time;
CREATE SEQUENCE telemetry_reading_id_seq AS bigint;
CREATE TABLE telemetry_reading (
    id bigint NOT NULL DEFAULT nextval('telemetry_reading_id_seq'),
    device_id bigint NOT NULL,
    tenant_id bigint,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    is_at_corrected boolean NOT NULL,
    boot_id varchar(64) NOT NULL,
    metrics jsonb NOT NULL
) PARTITION BY RANGE (received_at);
ALTER SEQUENCE telemetry_reading_id_seq OWNED BY telemetry_reading.id;
CREATE INDEX reading_by_time ON telemetry_reading (device_id, at);
CREATE INDEX reading_by_arrival ON telemetry_reading (id);
CREATE TABLE telemetry_reading_default PARTITION OF telemetry_reading DEFAULT;
"""
PROTECT = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_scope ON {table}
    USING ({rule}) WITH CHECK ({rule});
"""
RULE = (
    "(SELECT homepot_platform()) OR tenant_id = ANY ((SELECT homepot_tenants())::bigint[])"
)
COLUMNS = "id, device_id, tenant_id, seq, at, received_at, is_at_corrected, boot_id, metrics"
MOVE = f"""
SELECT telemetry_make_partition(day) FROM (
    SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date AS day FROM telemetry_reading_before
    UNION SELECT (now() AT TIME ZONE 'UTC')::date + ahead FROM generate_series(0, {DAYS_AHEAD}) ahead
) AS days WHERE day <= (now() AT TIME ZONE 'UTC')::date + {DAYS_AHEAD} ORDER BY day;
INSERT INTO telemetry_reading ({COLUMNS}) SELECT {COLUMNS} FROM telemetry_reading_before ORDER BY id;
SELECT setval('telemetry_reading_id_seq', greatest(
    (SELECT coalesce(max(id), 0) FROM telemetry_reading),
    (SELECT coalesce(max(position), 0) FROM telemetry_rollupcursor)) + 1, false);
DROP TABLE telemetry_reading_before;
"""


class PartitionReadings(Operation):
    """Replace the table of readings by one in parts, with all its rows, on PostgreSQL."""

    reversible = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Nothing that models know of."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Make it, fill it, and drop the old one."""
        if schema_editor.connection.vendor != "postgresql":
            return
        schema_editor.execute("SELECT set_config('app.platform', 'telemetry.partitions', true)")
        schema_editor.execute(TABLE)
        for table in ("telemetry_reading", "telemetry_reading_default"):
            schema_editor.execute(PROTECT.format(table=table, rule=RULE))
        schema_editor.execute(FUNCTIONS, params=None)
        schema_editor.execute(GRANTS, params=None)
        schema_editor.execute(MOVE, params=None)

    def describe(self) -> str:
        """For `migrate --plan`."""
        return "Put readings into a partition for each day"


class RemoveConstraintOnSqlite(migrations.RemoveConstraint):
    """The new table of PostgreSQL never had it."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, *states)


class AlterFieldOnSqlite(migrations.AlterField):
    """The new table of PostgreSQL never referred to another."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, *states)


def leave_room(apps: Any, schema_editor: Any) -> None:
    """A window changes with each flush: within its page, that touches no index."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE telemetry_readingwindow SET (fillfactor = 70)")


def open_windows(apps: Any, schema_editor: Any) -> None:
    """Note the numbers of all readings that are there."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SELECT set_config('app.platform', 'telemetry.partitions', true)")
    alias = schema_editor.connection.alias
    window_model = apps.get_model("telemetry", "ReadingWindow")
    windows: list[Any] = []
    for key, rows in groupby(_numbers(apps, alias), key=lambda row: (*row[:2], row[2] // BLOCK)):
        device_id, boot_id, block = key
        bits, changed_at, tenant_id = 0, None, None
        for *_, seq, tenant_id, received_at in rows:
            bits |= 1 << seq % BLOCK
            changed_at = received_at if changed_at is None else max(changed_at, received_at)
        seen = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        windows.append(
            window_model(device_id=device_id, tenant_id=tenant_id, boot_id=boot_id, block=block,
                         seen=seen, changed_at=changed_at)
        )  # fmt: skip
        if len(windows) == 1_000:
            window_model.objects.using(alias).bulk_create(windows)
            windows = []
    window_model.objects.using(alias).bulk_create(windows)


def _numbers(apps: Any, alias: str) -> Iterator[tuple[int, str, int, int | None, datetime]]:
    readings = apps.get_model("telemetry", "Reading").objects.using(alias)
    rows = readings.order_by("device_id", "boot_id", "seq")
    columns = ("device_id", "boot_id", "seq", "tenant_id", "received_at")
    yield from rows.values_list(*columns).iterator(chunk_size=10_000)


class Migration(migrations.Migration):

    dependencies = [
        ("devices", "0004_row_security"),
        ("kernel", "0002_row_security"),
        ("telemetry", "0004_rollups"),
    ]

    operations = [
        PartitionReadings(),
        RemoveConstraintOnSqlite(model_name="reading", name="reading_once"),
        AlterFieldOnSqlite(
            model_name="reading",
            name="device",
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="devices.device"),
        ),
        migrations.AddField(
            model_name="latestmetrics", name="clock_skew_s", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="latestmetrics", name="clock_skew_at", field=models.DateTimeField(null=True)
        ),
        migrations.CreateModel(
            name="ReadingWindow",
            fields=[
                ("boot_id", models.CharField(max_length=64)),
                ("block", models.BigIntegerField()),
                ("pk", models.CompositePrimaryKey("device_id", "boot_id", "block", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.BigIntegerField(null=True)),
                ("changed_at", models.DateTimeField()),
                ("seen", models.BinaryField()),
                ("device", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="devices.device")),
            ],
        ),
        ForceRowSecurity("ReadingWindow"),
        migrations.RunPython(leave_room, migrations.RunPython.noop),
        migrations.RunPython(open_windows, migrations.RunPython.noop),
    ]
