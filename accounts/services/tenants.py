"""Tenants as their members know them, making and naming them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count

from accounts import registry, selectors
from accounts.choices import Role, TenantKind
from accounts.models import Membership, Tenant
from accounts.services import belonging
from accounts.types import TenantView
from audit.services import recording
from kernel import errors, ratelimit, row_security
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

MAX_NAME_LENGTH = 120
_MADE_PER_HOUR = 20
_HOUR_SECONDS = 3600


def list_tenants(*, actor: Actor) -> list[TenantView]:
    """All tenants the actor belongs to, chosen or not, the oldest membership first."""
    if actor.user_id is None:
        return []
    return views_of(selectors.memberships_of(actor.user_id))


def show_tenant(*, tenant_uid: str, actor: Actor) -> TenantView:
    """One tenant of the actor's; raises NotFound."""
    return view_of(belonging.place_of(tenant_uid=tenant_uid, actor=actor))


def create_tenant(*, name: str, actor: Actor, now: datetime) -> TenantView:
    """Make an organisation that the actor owns; it counts from their next request on.

    Raises ValidationFailed for an unusable name, RateLimited for too many in an hour.
    """
    if actor.user_id is None:
        raise errors.NotAuthenticated
    label = _require_name(name)
    key = f"tenant:user:{actor.user_id}"
    ratelimit.hit(key=key, limit=_MADE_PER_HOUR, window_s=_HOUR_SECONDS, now=now)
    # Nobody belongs to it yet.
    with row_security.platform_scope("accounts.tenant"), unit_of_work():
        tenant = Tenant.objects.create(name=label, kind=TenantKind.ORGANISATION, created_at=now)
        membership: Membership = Membership.objects.create(
            user=selectors.user_by_id(actor.user_id),
            tenant=tenant,
            role=Role.OWNER,
            created_at=now,
        )
        _record(tenant, "created", None, {"name": tenant.name}, actor, now)
        belonging.note(
            membership,
            "accounts.membership.added",
            before=None,
            after=belonging.as_facts(membership),
            actor=actor,
            now=now,
        )
        return view_of(membership)


@unit_of_work()
def rename_tenant(*, tenant_uid: str, name: str, actor: Actor, now: datetime) -> TenantView:
    """Give a tenant another name; the same name again changes nothing.

    Raises NotFound, PermissionDenied below admin, ValidationFailed.
    """
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.ADMIN)
    label, tenant = _require_name(name), mine.tenant
    if tenant.name != label:
        before, tenant.name = tenant.name, label
        tenant.save(update_fields=["name"])
        _record(tenant, "renamed", {"name": before}, {"name": label}, actor, now)
    return view_of(mine)


def view_of(membership: Membership) -> TenantView:
    """A member's tenant as they see it."""
    return views_of([membership])[0]


def views_of(memberships: Sequence[Membership]) -> list[TenantView]:
    """Tenants of a member as they see them, in two queries at most."""
    keys = [membership.tenant_id for membership in memberships]
    members = Membership.objects.unscoped("how many members the actor's own tenants have")
    counted = members.filter(tenant_id__in=keys).order_by().values_list("tenant_id")
    counts: dict[int, int] = dict(counted.annotate(Count("pk")))
    names = registry.site_names({key for one in memberships for key in one.site_ids or ()})
    return [_view(one, counts.get(one.tenant_id, 0), names) for one in memberships]


def _view(membership: Membership, member_count: int, names: dict[int, str]) -> TenantView:
    tenant = membership.tenant
    return TenantView(
        uid=tenant.uid,
        name=tenant.name,
        kind=tenant.kind,
        role=membership.role,
        sites=belonging.site_ids_of(membership.site_ids, names),
        is_my_personal=tenant.personal_of_id == membership.user_id,
        member_count=member_count,
        created_at=tenant.created_at,
    )


def _require_name(name: str) -> str:
    label = name.strip()
    if not 1 <= len(label) <= MAX_NAME_LENGTH or not label.isprintable():
        problem = f"1 to {MAX_NAME_LENGTH} printable characters."
        raise errors.ValidationFailed(details={"name": [problem]})
    return label


def _record(
    tenant: Tenant,
    verb: str,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=tenant.pk,
        action=f"accounts.tenant.{verb}",
        actor=actor,
        target_type="tenant",
        target_id=tenant.uid,
        before=before,
        after=after,
        now=now,
    )
