"""Filters on devices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db.models import Q

from devices import tag_names
from devices.choices import Connectivity
from kernel.scoping import TenantManager, TenantQuerySet


class DeviceQuerySet(TenantQuerySet[Any]):
    """Devices, narrowed."""

    def active(self) -> Self:
        """Without the unpaired."""
        return self.filter(is_active=True)

    def with_presence(self) -> Self:
        """With the rows that tell connectivity, owner and site, in the same query."""
        return self.select_related("presence", "tenant", "site")

    def in_connectivity(self, connectivity: str) -> Self:
        """Only those that are online, offline, or were never connected."""
        if connectivity == Connectivity.ONLINE:
            return self.filter(presence__is_online=True)
        if connectivity == Connectivity.NEVER:
            return self.filter(presence__last_seen_at__isnull=True)
        return self.filter(presence__is_online=False, presence__last_seen_at__isnull=False)

    def search(self, text: str) -> Self:
        """Those whose name, uid, model or hardware id contains the text."""
        return self.filter(
            Q(name__icontains=text)
            | Q(uid__icontains=text)
            | Q(model__icontains=text)
            | Q(hardware_id__icontains=text)
        )

    def with_tag(self, tag: str) -> Self:
        """Those that carry exactly this tag: of `key`, not those with a value of that key."""
        key, value = tag_names.kept(tag)
        return self.filter(tag_rows__key=key, tag_rows__value=value)


class DeviceManager(TenantManager[Any]):
    """Devices with a life going on, within a scope."""

    queryset_class = DeviceQuerySet

    def unscoped(self, why: str) -> DeviceQuerySet:
        """Active devices of all tenants; `why` says what makes that right."""
        found: DeviceQuerySet = super().unscoped(why)
        return found.active()


class AllDeviceManager(TenantManager[Any]):
    """Devices with the unpaired, within a scope."""

    queryset_class = DeviceQuerySet


def connectivity_of(
    *, is_online: bool, last_seen_at: datetime | None, now: datetime, stale_after: timedelta
) -> str:
    """The connectivity that presence facts amount to at a time."""
    if last_seen_at is None:
        return Connectivity.NEVER
    if not is_online:
        return Connectivity.OFFLINE
    return Connectivity.STALE if now - last_seen_at > stale_after else Connectivity.ONLINE
