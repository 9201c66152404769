"""Reads about channels and what went over them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from accounts.permissions import has_role
from kernel import errors
from kernel.actors import Actor
from notifications import permissions
from notifications.models import Channel, Delivery, Notice


def channels_visible_to(actor: Actor) -> QuerySet[Channel]:
    """The actor's own channels, and those of tenants whose channels they manage."""
    managed = {
        tenant_id
        for tenant_id in actor.tenant_ids
        if has_role(actor, tenant_id, "admin") and actor.site_limits.get(tenant_id) is None
    }
    rows: Any = Channel.objects.unscoped("narrowed to the actor in this statement")
    own = Q(user_id=actor.user_id, tenant_id__in=actor.tenant_ids) & Q(user_id__isnull=False)
    found: QuerySet[Channel] = rows.filter(own | Q(user__isnull=True, tenant_id__in=managed))
    return found.select_related("tenant", "user")


def channel_by_uid(*, actor: Actor, uid: str) -> Channel:
    """The channel, if it is the actor's to manage.

    Raises NotFound, and PermissionDenied for a channel of a tenant that they do not manage.
    """
    rows: Any = Channel.objects.unscoped("narrowed to the actor's tenants in this statement")
    mine = rows.filter(uid=uid, tenant_id__in=actor.tenant_ids)
    channel: Channel | None = mine.select_related("tenant", "user").first()
    if channel is None:
        raise errors.NotFound
    permissions.require_own(actor, channel)
    return channel


def deliveries_of(channel: Channel) -> QuerySet[Delivery]:
    """What was sent, or is to be sent, over a channel that the caller has found."""
    rows: Any = Delivery.objects.unscoped("deliveries of a channel found within the actor's scope")
    found: QuerySet[Delivery] = rows.filter(channel_id=channel.pk)
    return found


def notices_about(*, actor: Actor, device_id: int) -> QuerySet[Notice]:
    """What channels that are the actor's to manage were told, or are to be told, of a device.

    The caller has found the device within the actor's scope.
    """
    rows: Any = Notice.objects.unscoped("notices of channels found within the actor's scope")
    mine = channels_visible_to(actor).order_by().values("pk")
    found: QuerySet[Notice] = rows.filter(device_id=device_id, channel__in=mine)
    return found.select_related("channel", "delivery")
