"""Reads about maintenance windows, and whom they excuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from devices.models import MaintenanceWindow
from devices.uptime import Span
from kernel import errors
from kernel.actors import Actor


def maintenance_windows_visible_to(actor: Actor) -> QuerySet[MaintenanceWindow]:
    """Windows of the actor's tenants, of its sites where it is limited."""
    found: QuerySet[MaintenanceWindow] = MaintenanceWindow.objects.visible_to(actor)
    return found.select_related("tenant", "site", "device")


def maintenance_window_by_uid(*, actor: Actor, uid: str) -> MaintenanceWindow:
    """The window, if the actor may see it. Raises NotFound."""
    window: MaintenanceWindow | None = maintenance_windows_visible_to(actor).filter(uid=uid).first()
    if window is None:
        raise errors.NotFound
    return window


@dataclass(slots=True)
class Maintenance:
    """Times of maintenance by whom they are for."""

    tenants: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    sites: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    devices: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))

    def spans(self, *, tenant_id: int | None, site_id: int | None, device_id: int) -> list[Span]:
        """When a device may be away."""
        return [
            *(self.tenants.get(tenant_id, ()) if tenant_id is not None else ()),
            *(self.sites.get(site_id, ()) if site_id is not None else ()),
            *self.devices.get(device_id, ()),
        ]

    def covers(self, *, tenant_id: int | None, site_id: int | None, device_id: int) -> bool:
        """Whether a device may be away at any of the times that were asked for."""
        return bool(self.spans(tenant_id=tenant_id, site_id=site_id, device_id=device_id))


def devices_in_maintenance(now: datetime) -> Maintenance:
    """Whom the windows of all tenants excuse at a time."""
    return maintenance_between(now, now, tenant_ids=None)


def maintenance_between(
    start: datetime, end: datetime, *, tenant_ids: Collection[int] | None
) -> Maintenance:
    """The windows of the tenants (None: of all) that touch a time."""
    rows = MaintenanceWindow.objects.unscoped("whom they excuse is not who may read them")
    rows = rows.filter(ends_at__gt=start, starts_at__lte=end)
    if tenant_ids is not None:
        rows = rows.filter(tenant_id__in=tenant_ids)
    found = Maintenance()
    for tenant_id, site_id, device_id, begins, ends in rows.values_list(
        "tenant_id", "site_id", "device_id", "starts_at", "ends_at"
    ):
        span = (begins.timestamp(), ends.timestamp())
        if device_id is not None:
            found.devices[device_id].append(span)
        elif site_id is not None:
            found.sites[site_id].append(span)
        else:
            found.tenants[tenant_id].append(span)
    return found
