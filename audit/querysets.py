"""Filters on audit entries."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.db.models import Q

from audit import registry
from kernel.actors import Actor
from kernel.scoping import TenantManager, TenantQuerySet

PLATFORM_CHAIN = 0


class AuditQuerySet(TenantQuerySet[Any]):
    """Entries, narrowed."""

    def visible_to(self, actor: Actor) -> Self:
        """Entries of the actor's tenants; who runs the platform also sees its own chain.

        Where the actor is limited to sites: only entries about what stands there.
        """
        if actor.is_system:
            return self
        limited = actor.tenant_ids & actor.site_limits.keys()
        chains = set(actor.tenant_ids - limited)
        if actor.is_platform_admin:
            chains.add(PLATFORM_CHAIN)
        if not limited:
            return self.filter(chain_id__in=chains) if chains else self.none()
        found = Q(chain_id__in=chains)
        for tenant_id in limited:
            found |= Q(chain_id=tenant_id) & _within(tenant_id, actor.site_limits[tenant_id])
        return self.filter(found)


def _within(tenant_id: int, site_pks: Collection[int]) -> Q:
    found = Q(pk__in=())
    for target_type, within in registry.limited_targets().items():
        found |= Q(target_type=target_type, target_id__in=within(tenant_id, site_pks))
    return found


class VerificationQuerySet(TenantQuerySet[Any]):
    """What is known of chains, narrowed."""

    def visible_to(self, actor: Actor) -> Self:
        """Chains of the actor's tenants but those where sites limit them, and the platform's."""
        if actor.is_system:
            return self
        chains = set(actor.tenant_ids - actor.site_limits.keys())
        if actor.is_platform_admin:
            chains.add(PLATFORM_CHAIN)
        return self.filter(chain_id__in=chains) if chains else self.none()


class VerificationManager(TenantManager[Any]):
    """Chains only within a scope."""

    queryset_class = VerificationQuerySet


class AuditManager(TenantManager[Any]):
    """Entries only within a scope."""

    queryset_class = AuditQuerySet
