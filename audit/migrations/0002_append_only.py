"""The database itself refuses to change or remove an audit entry."""

from django.db import migrations

TABLE = "audit_auditentry"

POSTGRESQL = [
    """
    CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
    END
    $body$
    """,
    f"""
    CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
    """,
    f"""
    CREATE TRIGGER audit_keeps_table BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
]
POSTGRESQL_REVERSE = [
    f"DROP TRIGGER audit_keeps_table ON {TABLE}",
    f"DROP TRIGGER audit_keeps_rows ON {TABLE}",
    "DROP FUNCTION audit_is_append_only()",
]

REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
SQLITE = [
    f"CREATE TRIGGER audit_keeps_values BEFORE UPDATE ON {TABLE} {REFUSE}",
    f"CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON {TABLE} {REFUSE}",
    # INSERT OR REPLACE deletes the old row without asking a DELETE trigger.
    f"""
    CREATE TRIGGER audit_replaces_nothing BEFORE INSERT ON {TABLE}
    WHEN EXISTS (
        SELECT 1 FROM {TABLE}
        WHERE id = NEW.id OR (chain_id = NEW.chain_id AND seq = NEW.seq)
    ) {REFUSE}
    """,
]
SQLITE_REVERSE = [
    "DROP TRIGGER audit_replaces_nothing",
    "DROP TRIGGER audit_keeps_rows",
    "DROP TRIGGER audit_keeps_values",
]


def _run(schema_editor, postgresql, sqlite):
    vendor = schema_editor.connection.vendor
    for statement in {"postgresql": postgresql, "sqlite": sqlite}[vendor]:
        schema_editor.execute(statement, params=None)


def guard(apps, schema_editor):
    _run(schema_editor, POSTGRESQL, SQLITE)


def unguard(apps, schema_editor):
    _run(schema_editor, POSTGRESQL_REVERSE, SQLITE_REVERSE)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
