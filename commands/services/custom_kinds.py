"""The kinds of commands that a tenant allows itself, beyond those of the product."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.permissions import one_tenant, require_role
from audit.services import recording
from commands import errors, registry, schema_rules
from commands.models import CustomKind
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

MAX_KINDS = 100
SHORTEST_S, LONGEST_S = 10, 30 * 24 * 3600
DEFAULT_LIFETIME_S = 3600
_NAME = re.compile(r"custom\.[a-z0-9_]+(\.[a-z0-9_]+)*")
_LONGEST_NAME = 40


def create_kind(
    *,
    name: str,
    title: str = "",
    schema: dict[str, Any] | None = None,
    lifetime_s: int = DEFAULT_LIFETIME_S,
    actor: Actor,
    now: datetime,
) -> CustomKind:
    """Allow the devices of the actor's tenant to be asked for something of the tenant's own.

    Without a schema any object is a payload. Raises TenantRequired, PermissionDenied below admin
    and for who is limited to sites, ValidationFailed, InvalidSchema, KindExists, TooManyKinds.
    """
    tenant_id = _required_tenant(actor)
    plain = registry.plain_name(name)
    if len(plain) > _LONGEST_NAME or not _NAME.fullmatch(plain):
        why = "custom. and then lower-case letters, digits, _ and . in between; at most 40 in all."
        raise ValidationFailed(details={"name": [why]})
    _check(schema or {}, lifetime_s)
    with unit_of_work():
        rows = CustomKind.objects.unscoped("the actor's own tenant").filter(tenant_id=tenant_id)
        if rows.count() >= MAX_KINDS:
            raise errors.TooManyKinds
        made = CustomKind(
            tenant_id=tenant_id,
            name=plain,
            title=title,
            schema=schema or {},
            lifetime_s=lifetime_s,
            created_at=now,
            created_by=actor.label[:200],
        )
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError:
            raise errors.KindExists from None
        _record(made, "created", None, _facts(made), actor, now)
    return made


def replace_kind(
    *,
    name: str,
    title: str = "",
    schema: dict[str, Any] | None = None,
    lifetime_s: int = DEFAULT_LIFETIME_S,
    actor: Actor,
    now: datetime,
) -> CustomKind:
    """Give a kind of the tenant another title, schema and lifetime, for what is asked from now on.

    The same again changes nothing. Raises as `create_kind`, and NotFound.
    """
    tenant_id = _required_tenant(actor)
    _check(schema or {}, lifetime_s)
    with unit_of_work():
        row = _held(tenant_id, name)
        before = _facts(row)
        row.title, row.schema, row.lifetime_s = title, schema or {}, lifetime_s
        if _facts(row) != before:
            row.save(update_fields=["title", "schema", "lifetime_s"])
            _record(row, "updated", before, _facts(row), actor, now)
    return row


def delete_kind(*, name: str, actor: Actor, now: datetime) -> None:
    """Take a kind back: it can be asked for no more; what was asked runs to its end.

    Raises TenantRequired, PermissionDenied, NotFound.
    """
    tenant_id = _required_tenant(actor)
    with unit_of_work():
        row = _held(tenant_id, name)
        _record(row, "deleted", _facts(row), None, actor, now)
        row.delete()


def _required_tenant(actor: Actor) -> int:
    tenant_id = one_tenant(actor)
    require_role(actor, tenant_id, "admin")
    if not actor.may_see_site(tenant_id, None):
        raise PermissionDenied("You manage devices of your sites only; this is for all sites.")
    return tenant_id


def _held(tenant_id: int, name: str) -> CustomKind:
    rows = CustomKind.objects.unscoped("the actor's own tenant")
    held: list[CustomKind] = lock_rows(
        rows.filter(tenant_id=tenant_id, name=registry.plain_name(name))
    )
    if not held:
        raise NotFound
    return held[0]


def _check(schema: dict[str, Any], lifetime_s: int) -> None:
    if not SHORTEST_S <= lifetime_s <= LONGEST_S:
        raise ValidationFailed(details={"expires_in": [f"{SHORTEST_S} to {LONGEST_S} seconds."]})
    problems = schema_rules.problems_with_schema(schema)
    if problems:
        raise errors.InvalidSchema(details=problems)


def _facts(row: CustomKind) -> dict[str, Any]:
    return {"title": row.title, "schema": row.schema, "lifetime_s": row.lifetime_s}


def _record(
    row: CustomKind,
    verb: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=row.tenant_id,
        action=f"commands.kind.{verb}",
        actor=actor,
        target_type="command_kind",
        target_id=row.name,
        before=before,
        after=after,
        now=now,
    )
