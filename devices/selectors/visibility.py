"""Which devices and sites a member who is limited to some sites may hear of."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from devices.models import Device, Site


def uids_within(tenant_id: int, site_pks: Collection[int]) -> QuerySet[Device, str]:
    """Public ids of the tenant's devices at those sites, with those whose lives have ended."""
    devices = Device.all_objects.unscoped("the caller names tenant and sites")
    found: QuerySet[Device, str] = devices.filter(
        tenant_id=tenant_id, site_id__in=site_pks
    ).values_list("uid", flat=True)
    return found


def site_ids_within(tenant_id: int, site_pks: Collection[int]) -> QuerySet[Site, str]:
    """Ids of those of the tenant's living sites; another may have the id of a removed one."""
    sites = Site.objects.unscoped("the caller names tenant and sites")
    found: QuerySet[Site, str] = sites.filter(
        tenant_id=tenant_id, pk__in=site_pks, removed_at__isnull=True
    ).values_list("site_id", flat=True)
    return found
