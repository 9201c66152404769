"""Which kinds of commands a tenant may ask for, and what meets them."""

from __future__ import annotations

from typing import Any

from accounts.permissions import require_role
from commands import errors, payload_schemas, registry, schema_rules, selectors
from commands.registry import Kind
from kernel import errors as kernel_errors
from kernel.actors import Actor

_LONGEST_NAME = 40


def usable_kind(*, name: str, tenant_id: int | None) -> Kind:
    """The kind of that name, in any spelling, as the tenant may ask for it.

    One of its own (`custom.…`) has the title, schema and lifetime that the tenant gave it.
    Raises UnknownKind for a name that nobody registered, or the tenant did not.
    """
    plain = registry.plain_name(name)
    if len(plain) > _LONGEST_NAME or plain == "custom":
        raise errors.UnknownKind(details={"/kind": ["There is no kind of that name."]})
    if not plain.startswith(registry.CUSTOM):
        return registry.kind_named(plain)
    own = selectors.custom_kind(tenant_id=tenant_id, name=plain)
    if own is None:
        why = f"Your organisation has no kind {plain!r}. An administrator can add it."
        raise errors.UnknownKind(details={"/kind": [why]})
    return own


def check(
    *, kind: str, payload: dict[str, Any], tenant_id: int | None, actor: Actor
) -> tuple[Kind, dict[str, Any]]:
    """The kind and the payload, once it is known that the actor may ask the tenant's devices so.

    Raises UnknownKind, NotFound, PermissionDenied, InvalidPayload.
    """
    found = usable_kind(name=kind, tenant_id=tenant_id)
    require_role(actor, tenant_id, found.role)
    problems = payload_schemas.problems_with(payload, found.schema)
    if found.name.startswith(registry.CUSTOM) and schema_rules.is_too_many(payload):
        problems = {"/payload": [f"At most {schema_rules.MAX_VALUES} values."]}
    if problems:
        raise errors.InvalidPayload(details=problems)
    return found, payload


def lifetime_s(kind: Kind, expires_in_s: int | None) -> int:
    """For how many seconds a command of the kind lives. Raises ValidationFailed out of bounds."""
    if expires_in_s is None:
        return int(kind.lifetime.total_seconds())
    longest = int(kind.max_lifetime.total_seconds())
    if not 1 <= expires_in_s <= longest:
        raise kernel_errors.ValidationFailed(
            details={"expires_in": [f"1 to {longest} seconds for {kind.name}."]}
        )
    return expires_in_s
