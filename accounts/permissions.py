"""The one place that says what a role allows."""

from __future__ import annotations

from types import MappingProxyType

from accounts.choices import Role
from accounts.errors import TenantRequired
from kernel import errors
from kernel.actors import Actor

_RANK = MappingProxyType({Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3, Role.OWNER: 4})


def role_allows(held: str | None, minimum: Role | str) -> bool:
    """Whether a member with the role `held` may do what `minimum` may."""
    return held in Role.values and _RANK[Role(held)] >= _RANK[Role(minimum)]


def has_role(actor: Actor, tenant_id: int | None, minimum: Role | str) -> bool:
    """Whether the actor holds at least that role in the tenant; the system always does."""
    if actor.is_system:
        return True
    return role_allows(actor.role_in(tenant_id), minimum)


def require_role(actor: Actor, tenant_id: int | None, minimum: Role | str) -> None:
    """Refuse an actor below that role.

    Raises NotFound for a tenant that is not the actor's, so that it cannot be told from one that
    does not exist, and PermissionDenied for a member whose role is too low.
    """
    if has_role(actor, tenant_id, minimum):
        return
    if actor.role_in(tenant_id) is None:
        raise errors.NotFound
    raise errors.PermissionDenied(f"This needs the role {Role(minimum).value} or more.")


def require_platform_admin(actor: Actor) -> None:
    """Refuse everyone but platform administrators and the system itself."""
    if not (actor.is_system or actor.is_platform_admin):
        raise errors.PermissionDenied("Only an administrator of this installation may do this.")


def one_tenant(actor: Actor) -> int:
    """The only tenant the actor may mean: the one they chose, or the single one they belong to.

    Raises TenantRequired otherwise; it is never guessed.
    """
    if len(actor.roles) != 1:
        raise TenantRequired
    return next(iter(actor.roles))
