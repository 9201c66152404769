"""What happened to a device, each kind as rows that the reader puts in order."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from devices.models import (
    Device,
    DeviceConnection,
    DeviceEvent,
    FlapEpisode,
    MaintenanceWindow,
    SiteOutage,
)
from kernel.actors import Actor


def connection_lines_of(*, device: Device, actor: Actor) -> QuerySet[DeviceConnection]:
    """The lines of the log of a device the actor may see that no flap episode folds."""
    episodes = FlapEpisode.objects.unscoped("the device was found within the actor's scope")
    within = episodes.filter(
        device_id=OuterRef("device_id"),
        began_at__lte=OuterRef("at"),
        last_at__gte=OuterRef("at"),
    )
    lines: QuerySet[DeviceConnection] = DeviceConnection.objects.visible_to(actor)
    return lines.filter(~Exists(within), device=device)


def last_line_of(*, device: Device, actor: Actor) -> DeviceConnection | None:
    """The newest line of the log of a device the actor may see; None if it never connected."""
    lines = DeviceConnection.objects.visible_to(actor).filter(device=device)
    found: DeviceConnection | None = lines.order_by("-contact", "-kind").first()
    return found


def flap_episodes_of(*, device: Device, actor: Actor) -> QuerySet[FlapEpisode]:
    """The times in which a device the actor may see came and went."""
    found: QuerySet[FlapEpisode] = FlapEpisode.objects.visible_to(actor).filter(device=device)
    return found


def inputs_of(*, device: Device, actor: Actor) -> QuerySet[DeviceEvent]:
    """What happened at the inputs of a device the actor may see."""
    found: QuerySet[DeviceEvent] = DeviceEvent.objects.visible_to(actor).filter(device=device)
    return found


def outages_around(*, device: Device, actor: Actor) -> QuerySet[SiteOutage]:
    """Outages of the site of a device the actor may see, begun while the device was theirs."""
    found: QuerySet[SiteOutage] = SiteOutage.objects.visible_to(actor).filter(
        site_id=device.site_id
    )
    if device.site_id is None:
        return found.none()
    return found.filter(began_at__gte=_began(device), **_by_the_end("began_at__lte", device))


def maintenance_around(
    *, device: Device, actor: Actor, now: datetime
) -> QuerySet[MaintenanceWindow]:
    """Maintenance that has begun and excuses a device the actor may see: its own or its site's.

    Windows of the whole tenant count too, where the actor is not limited to sites.
    """
    concerns = Q(device_id=device.pk)
    concerns |= Q(device__isnull=True, site__isnull=True, tenant_id=device.tenant_id)
    if device.site_id is not None:
        concerns |= Q(device__isnull=True, site_id=device.site_id)
    found: QuerySet[MaintenanceWindow] = MaintenanceWindow.objects.visible_to(actor).filter(
        concerns, starts_at__lte=now, ends_at__gte=_began(device)
    )
    return found.filter(**_by_the_end("starts_at__lte", device))


def _began(device: Device) -> datetime:
    return device.claimed_at or device.created_at


def _by_the_end(lookup: str, device: Device) -> dict[str, datetime]:
    return {} if device.unpaired_at is None else {lookup: device.unpaired_at}
