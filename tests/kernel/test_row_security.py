"""Row-level security on PostgreSQL: forced on every tenant table, closed without a scope."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from devices.models import Device, DevicePresence
from kernel import row_security
from tests.accounts.people import browser_of, make_admin, make_user
from tests.factories.devices import connected_device, switch
from tests.factories.users import make_actor

pytestmark = [pytest.mark.production_only, pytest.mark.django_db(transaction=True)]

# Tables without rows of a tenant, each with its reason. Any other table must be protected.
EXEMPT = {
    "accounts_accounterasure": "of a user, who may be in many tenants or none any more",
    "accounts_loginsession": "of a user; found by a secret",
    "accounts_preferences": "of a user",
    "accounts_refreshtoken": "of a user; found by a secret",
    "accounts_socketticket": "of a user; found by a secret",
    "accounts_user": "a user is known to all tenants they are in",
    "accounts_user_groups": "what staff may do in the admin, for all tenants they are in",
    "accounts_user_user_permissions": "what staff may do in the admin, for all tenants they are in",
    "auth_group": "roles of staff, the platform's",
    "auth_group_permissions": "roles of staff, the platform's",
    "auth_permission": "Django's, fixed",
    "django_admin_log": "Django's; only administrators open its pages",
    "django_content_type": "Django's, fixed",
    "django_migrations": "Django's, fixed",
    "django_session": "of a browser; found by a secret",
    "kernel_heartbeat": "of the platform's processes",
    "kernel_idempotencyrecord": "of a caller; answers are sealed under the caller's key",
    "kernel_ratewindow": "counts by digest or address",
    "mqtt_ingest_processes": "of the platform's processes",
    "telemetry_rollupcursor": "how far all readings are rolled up",
}


def _catalogue() -> dict[str, tuple[bool, bool, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, "
            "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
        )
        return {name: (on, forced, count) for name, on, forced, count in cursor.fetchall()}


def test_every_tenant_table_forces_row_security() -> None:
    catalogue = _catalogue()
    unprotected = {
        name
        for name, (on, forced, policies) in catalogue.items()
        if name not in EXEMPT and not (on and forced and policies)
    }
    assert not unprotected
    assert not EXEMPT.keys() - catalogue.keys(), "an exemption of a table that is gone"


def test_no_exempt_table_has_a_tenant() -> None:
    tables = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for name in EXEMPT.keys() & tables.keys():
        columns = {field.attname for field in tables[name]._meta.concrete_fields}
        assert not columns & {"tenant_id", "device_id", "site_id"}, name


@pytest.fixture
def raw(db: Any) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the app role that knows nothing of Django."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        autocommit=True,
    ) as session:
        yield session


def _a_full_tenant(email: str) -> int:
    owner = make_actor(email)
    board = connected_device(owner)
    switch(owner, board, 0, True)
    (tenant_id,) = owner.tenant_ids
    return tenant_id


def _counts(session: psycopg.Connection[Any], tenant_id: str) -> dict[str, int]:
    protected = sorted(_catalogue().keys() - EXEMPT.keys())
    with session.transaction():
        session.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant_id])
        return {
            name: session.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # type: ignore[index]
            for name in protected
        }


def test_raw_sql_of_one_tenant_sees_no_row_of_another(raw: psycopg.Connection[Any]) -> None:
    first = _a_full_tenant("first@example.org")
    everything = _counts(raw, str(first))
    second = make_actor("second@example.org")
    (second_id,) = second.tenant_ids
    theirs = _counts(raw, str(second_id))
    assert {"devices_device", "commands_command", "devices_devicecredential"} <= {
        name for name, count in everything.items() if count
    }
    own = {"accounts_tenant", "accounts_membership", "audit_auditentry"}
    assert {name for name, count in theirs.items() if count} <= own
    with raw.transaction():
        raw.execute("SELECT set_config('app.tenant_id', %s, true)", [str(second_id)])
        for table, column in (
            ("audit_auditentry", "chain_id"),
            ("accounts_membership", "tenant_id"),
        ):
            rows = raw.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()
            assert rows == [(second_id,)]
    assert not any(_counts(raw, "").values()), "no scope, no rows"


def test_raw_sql_cannot_write_into_another_tenant(raw: psycopg.Connection[Any]) -> None:
    first = _a_full_tenant("first@example.org")
    (second,) = make_actor("second@example.org").tenant_ids
    with raw.transaction(force_rollback=True):
        raw.execute("SELECT set_config('app.tenant_id', %s, true)", [str(second)])
        changed = raw.execute("UPDATE devices_device SET name = 'mine'")
        assert changed.rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute(
                "INSERT INTO kernel_livestream (tenant_id, last_seq) VALUES (%s, 1)", [first + 1000]
            )


def test_a_reused_connection_carries_no_scope_over() -> None:
    tenants = [_a_full_tenant(f"user{number}@example.org") for number in range(4)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()
    with row_security.request_scope():
        for turn in range(1_000):
            tenant_id = tenants[turn % 4]
            with row_security.tenant_scope(tenant_id):
                if turn % 2:
                    with transaction.atomic():
                        seen = set(_all_owners())
                else:
                    seen = set(_all_owners())
            assert seen == {tenant_id}
            assert _all_owners() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == backend


def _all_owners() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM devices_device")
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def no_scope() -> Iterator[None]:
    with row_security.request_scope():
        yield


def test_a_scope_inside_a_scope_ends_with_its_block() -> None:
    first, second = (_a_full_tenant(f"{name}@example.org") for name in ("first", "second"))
    with row_security.tenant_scope(first), transaction.atomic():
        assert set(_all_owners()) == {first}
        with row_security.platform_scope("test.everything"):
            assert set(_all_owners()) == {first, second}
        assert set(_all_owners()) == {first}


def test_a_rolled_back_savepoint_does_not_leave_its_scope_behind() -> None:
    first, second = (_a_full_tenant(f"{name}@example.org") for name in ("first", "second"))
    with row_security.tenant_scope(first), transaction.atomic():
        assert set(_all_owners()) == {first}
        with row_security.tenant_scope(second):
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                assert set(_all_owners()) == {second}
                raise ZeroDivisionError
            assert set(_all_owners()) == {second}
        assert set(_all_owners()) == {first}
        with (
            row_security.tenant_scope(second),
            pytest.raises(DatabaseError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT 1 / 0")
        assert set(_all_owners()) == {first}


@pytest.mark.usefixtures("no_scope")
def test_the_orm_without_a_scope_finds_nothing() -> None:
    with row_security.platform_scope("test.setup"):
        _a_full_tenant("first@example.org")
    everything = Device.all_objects.unscoped("this test looks behind the managers")
    assert not everything.exists()
    assert not DevicePresence.objects.exists()
    with row_security.platform_scope("test.look"):
        assert everything.exists()


@pytest.mark.usefixtures("no_scope")
def test_writing_for_a_foreign_tenant_is_refused_by_the_database() -> None:
    with row_security.platform_scope("test.setup"):
        first = _a_full_tenant("first@example.org")
        (second,) = make_actor("second@example.org").tenant_ids
    device = Device(uid="x", hardware_id="x", tenant_id=first, created_at=timezone.now())
    device.pairing = "paired"
    with row_security.tenant_scope(second), pytest.raises(DatabaseError):
        device.save(force_insert=True)


@pytest.mark.usefixtures("no_scope")
def test_a_scope_costs_a_transaction_no_statement_of_its_own() -> None:
    with row_security.tenant_scope(1), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant_id')")
        assert cursor.fetchone() == ("1",)
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(nullif(current_setting('app.tenant_id', true), ''), '-')")
        assert cursor.fetchone() == ("-",)


def test_names_of_platform_work_cannot_carry_sql() -> None:
    for name in ("", "x'; DROP TABLE", "Größe"):
        with pytest.raises(ValueError), row_security.platform_scope(name):
            pass


def test_the_tests_connect_as_the_role_that_serves_requests() -> None:
    assert connection.settings_dict["USER"] in os.environ["DATABASE_URL"]


def test_administrators_see_all_tenants_in_djangos_admin_and_nobody_else_opens_it() -> None:
    tenant = make_user("ada@example.org").personal_tenant
    page = browser_of(make_admin()).get("/admin/accounts/tenant/")
    assert tenant.uid in page.content.decode()
    assert (
        browser_of(make_user("bob@example.org")).get("/admin/accounts/tenant/").status_code != 200
    )
