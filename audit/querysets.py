"""Filters on audit entries."""

from __future__ import annotations

from typing import Any, Self

from kernel.actors import Actor
from kernel.scoping import TenantManager, TenantQuerySet

PLATFORM_CHAIN = 0


class AuditQuerySet(TenantQuerySet[Any]):
    """Entries, narrowed."""

    def visible_to(self, actor: Actor) -> Self:
        """Entries of the actor's tenants; who runs the platform also sees its own chain."""
        if actor.is_system:
            return self
        chains = set(actor.tenant_ids)
        if actor.is_platform_admin:
            chains.add(PLATFORM_CHAIN)
        return self.filter(chain_id__in=chains) if chains else self.none()


class AuditManager(TenantManager[Any]):
    """Entries only within a scope."""

    queryset_class = AuditQuerySet
