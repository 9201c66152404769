"""Whose devices are, for whoever has only their names."""

from __future__ import annotations

from collections.abc import Collection

from devices.models import Device
from devices.types import DeviceOwner


def owners_by_uid(uids: Collection[str]) -> dict[str, DeviceOwner]:
    """The owners of these lives, living or ended, of all tenants."""
    rows = Device.all_objects.unscoped("ingest of messages of all tenants")
    found = rows.filter(uid__in=uids).values_list("uid", "pk", "tenant_id", "is_active")
    return {
        uid: DeviceOwner(device_id=pk, tenant_id=tenant_id, is_active=is_active)
        for uid, pk, tenant_id, is_active in found
    }
