"""Who may have somebody told."""

from __future__ import annotations

from accounts.permissions import require_role
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied
from notifications.models import Channel


def require_member(actor: Actor, tenant_id: int) -> None:
    """Every member may be told of what they see, at their own address."""
    require_role(actor, tenant_id, "viewer")


def require_manage(actor: Actor, tenant_id: int) -> None:
    """Admins who see the whole tenant decide who else is told of it."""
    require_role(actor, tenant_id, "admin")
    if actor.site_limits.get(tenant_id) is not None:
        raise PermissionDenied("This is for admins who see all sites.")


def require_own(actor: Actor, channel: Channel) -> None:
    """A member's channel is theirs alone; a tenant's is for its admins.

    Raises NotFound for somebody else's own channel, and PermissionDenied.
    """
    if channel.user_id is None:
        require_manage(actor, channel.tenant_id)
    elif channel.user_id != actor.user_id:
        raise NotFound
