"""A member's own place in a tenant, and what it lets them do with the places of others."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from accounts import events, permissions, registry
from accounts.choices import Role
from accounts.errors import LastOwner, PersonalTenant
from accounts.models import Membership, Tenant
from accounts.types import SiteLimit
from audit.services import recording
from kernel import errors
from kernel.actors import Actor
from kernel.events import publish
from kernel.locking import lock_rows

_Sites = Collection[int] | None


def place_of(*, tenant_uid: str, actor: Actor) -> Membership:
    """The actor's membership as of this moment, with its tenant.

    Raises NotFound for a tenant that is not theirs, as for one that does not exist. Which tenant
    the actor has chosen plays no part: the uid names it.
    """
    # PostgreSQL takes no NUL in a text, and an address may carry one.
    if actor.user_id is None or not tenant_uid.isalnum():
        raise errors.NotFound
    mine = Membership.objects.unscoped("the actor's own membership")
    found: Membership | None = (
        mine.filter(user_id=actor.user_id, tenant__uid=tenant_uid).select_related("tenant").first()
    )
    if found is None:
        raise errors.NotFound
    return found


def locked_place(*, tenant_uid: str, actor: Actor, minimum: Role) -> Membership:
    """The actor's membership while the tenant's row is locked: its memberships cannot change.

    Raises NotFound, and PermissionDenied below the role `minimum`.
    """
    lock_tenant(place_of(tenant_uid=tenant_uid, actor=actor).tenant_id)
    mine = place_of(tenant_uid=tenant_uid, actor=actor)
    require_held(mine, minimum)
    return mine


def lock_tenant(tenant_id: int) -> Tenant:
    """Take the mutex of a tenant's memberships and invitations, and its owners' rows with it."""
    found = lock_rows(Tenant.objects.filter(pk=tenant_id))
    if not found:
        raise errors.NotFound
    lock_rows(_memberships(tenant_id).filter(role=Role.OWNER))
    return found[0]


def require_held(mine: Membership, minimum: Role) -> None:
    """Refuse a member below that role. Raises PermissionDenied."""
    if not permissions.role_allows(mine.role, minimum):
        raise errors.PermissionDenied(f"This needs the role {minimum.value} or more.")


def require_may_give(mine: Membership, *, role: str, site_ids: _Sites) -> None:
    """Refuse to give, or to take away, more than the member has themselves.

    Only owners make and unmake owners; whoever is limited to sites acts on those only. Raises
    PermissionDenied.
    """
    if role == Role.OWNER and mine.role != Role.OWNER:
        raise errors.PermissionDenied("Only an owner may make or change owners.")
    if mine.site_ids is None:
        return
    if site_ids is None or not set(mine.site_ids).issuperset(site_ids):
        raise errors.PermissionDenied("You are limited to some sites yourself.")


def require_another_owner(membership: Membership) -> None:
    """Refuse to go on where this owner is the last who can act. Raises LastOwner.

    Call it under the tenant's lock.
    """
    if membership.role != Role.OWNER:
        return
    owners = _memberships(membership.tenant_id).filter(role=Role.OWNER, user__is_active=True)
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner


def require_not_at_home(membership: Membership) -> None:
    """Refuse to change whose personal tenant it is. Raises PersonalTenant."""
    if membership.tenant.personal_of_id == membership.user_id:
        raise PersonalTenant


def site_keys(*, tenant_id: int, role: str, limit: SiteLimit) -> list[int] | None:
    """The limit as it is stored. Raises ValidationFailed for unknown sites and limited owners."""
    if limit.sites is None:
        return None
    if role == Role.OWNER:
        raise errors.ValidationFailed(details={"sites": ["An owner sees all sites."]})
    if not limit.sites:
        problem = "Name at least one site, or give null for all."
        raise errors.ValidationFailed(details={"sites": [problem]})
    return sorted(registry.resolve_sites(tenant_id=tenant_id, site_ids=limit.sites))


def site_ids_of(keys: _Sites, names: dict[int, str]) -> tuple[str, ...] | None:
    """A stored limit in the ids that people know; `names` come from `registry.site_names`."""
    return None if keys is None else tuple(sorted(names[key] for key in keys if key in names))


def as_facts(membership: Membership) -> dict[str, Any]:
    """Role and sites, as the audit log tells them."""
    keys = membership.site_ids
    named = site_ids_of(keys, registry.site_names(keys or ()))
    return {"role": str(membership.role), "sites": None if named is None else list(named)}


def note(
    membership: Membership,
    action: str,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Record a change of a membership and tell whoever follows it."""
    recording.record(
        tenant_id=membership.tenant_id,
        action=action,
        actor=actor,
        target_type="user",
        target_id=membership.user.uid,
        before=before,
        after=after,
        now=now,
    )
    publish(
        events.MembershipChanged(
            occurred_at=now, user_id=membership.user_id, tenant_id=membership.tenant_id
        )
    )


def _memberships(tenant_id: int) -> Any:
    found = Membership.objects.unscoped("members of the tenant that is locked")
    return found.filter(tenant_id=tenant_id)
