"""Audit entries for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from audit.models import AuditEntry
from audit.services import recording
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TRIGGERS_OFF = {
    "postgresql": ["ALTER TABLE audit_auditentry DISABLE TRIGGER USER"],
    "sqlite": [
        "DROP TRIGGER audit_keeps_values",
        "DROP TRIGGER audit_keeps_rows",
        "DROP TRIGGER audit_replaces_nothing",
    ],
}


def user(*, tenants: tuple[int, ...] = (), is_admin: bool = False) -> Actor:
    """A person with a seat in the given tenants."""
    return Actor(
        kind="user",
        id="u-1",
        label="Ada",
        user_id=1,
        platform_role="admin" if is_admin else "user",
        roles=dict.fromkeys(tenants, "viewer"),
        request_id="req-1",
        address="192.0.2.7",
        via="api",
    )


def record(*, tenant_id: int | None = 1, number: int = 0, **facts: Any) -> None:
    """One entry in a unit of work of its own."""
    with unit_of_work():
        add(tenant_id=tenant_id, number=number, **facts)


def add(*, tenant_id: int | None = 1, number: int = 0, **facts: Any) -> None:
    """One entry in the present unit of work."""
    values: dict[str, Any] = {
        "action": "relays.relay.switched",
        "actor": user(tenants=(1,)),
        "target_type": "device",
        "target_id": f"device-{number}",
        "before": {"is_on": False, "number": number},
        "after": {"is_on": True, "number": number},
        "cause": [{"kind": "user", "id": "u-1"}],
        "now": NOW,
    }
    recording.record(tenant_id=tenant_id, **(values | facts))


def stored(tenant_id: int = 1) -> list[AuditEntry]:
    """The entries of a chain in order."""
    rows = AuditEntry.objects.unscoped("tests look at everything")
    return list(rows.filter(chain_id=tenant_id).order_by("seq"))


def execute(statement: str, *parameters: object) -> None:
    """Run one statement behind the product's back."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
