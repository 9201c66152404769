"""Reads about sites."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Count, Q

from accounts.errors import TenantRequired
from devices.models import Device, Site
from devices.types import SiteView
from kernel import errors
from kernel.actors import Actor
from kernel.scoping import TenantQuerySet


def sites_visible_to(actor: Actor) -> TenantQuerySet[Any]:
    """Living sites of the actor's tenants, with their owners; of its own where it is limited."""
    sites: TenantQuerySet[Any] = Site.objects.visible_to(actor)
    if actor.site_limits:
        sites = sites.filter(_within_limits(actor))
    return sites.filter(removed_at__isnull=True).select_related("tenant")


def site_by_id(*, actor: Actor, site_id: str) -> Site:
    """The living site of that id, if the actor may see it.

    Raises NotFound otherwise, and TenantRequired when several of the actor's tenants have one.
    """
    found = list(sites_visible_to(actor).filter(site_id=site_id)[:2])
    if not found:
        raise errors.NotFound
    if len(found) > 1:
        raise TenantRequired
    site: Site = found[0]
    return site


def site_in(*, actor: Actor, tenant_id: int, site_id: str) -> Site:
    """The living site of that id in one tenant, if the actor may see it. Raises NotFound."""
    found: Site | None = (
        sites_visible_to(actor).filter(tenant_id=tenant_id, site_id=site_id).first()
    )
    if found is None:
        raise errors.NotFound
    return found


def site_views(sites: Collection[Site]) -> list[SiteView]:
    """The sites as interfaces show them: all their devices are counted in one query."""
    counts = _device_counts([site.pk for site in sites])
    return [_view(site, counts.get(site.pk, (0, 0, 0, 0))) for site in sites]


def site_pks(*, tenant_id: int, site_ids: Collection[str]) -> dict[str, int]:
    """Primary keys of the tenant's living sites among these, by id; unknown ones are left out."""
    sites = Site.objects.unscoped("the caller names the tenant it may act for")
    living = sites.filter(tenant_id=tenant_id, site_id__in=site_ids, removed_at__isnull=True)
    return dict(living.values_list("site_id", "pk"))


def site_slugs(pks: Collection[int]) -> dict[int, str]:
    """Ids of sites by primary key, removed ones too."""
    sites = Site.objects.unscoped("keys to ids")
    return dict(sites.filter(pk__in=pks).values_list("pk", "site_id"))


def _within_limits(actor: Actor) -> Q:
    limited = actor.tenant_ids & actor.site_limits.keys()
    within = Q(tenant_id__in=actor.tenant_ids - limited)
    for tenant_id in limited:
        within |= Q(tenant_id=tenant_id, pk__in=actor.site_limits[tenant_id])
    return within


def _device_counts(pks: Sequence[int]) -> dict[int, Sequence[int]]:
    """By site: all devices and those online, then the real ones among them and those online."""
    devices = Device.objects.unscoped("the caller has found the sites within its scope")
    rows = (
        devices.filter(site_id__in=pks)
        .order_by()
        .values_list("site_id")
        .annotate(
            devices=Count("pk"),
            online=Count("pk", filter=Q(presence__is_online=True)),
            real=Count("pk", filter=Q(is_simulated=False)),
            real_online=Count("pk", filter=Q(is_simulated=False, presence__is_online=True)),
        )
    )
    return {site_pk: counts for site_pk, *counts in rows}


def _view(site: Site, counts: Sequence[int]) -> SiteView:
    device_count, online_count, real_count, real_online_count = counts
    return SiteView(
        site_id=site.site_id,
        name=site.name,
        address=site.address,
        time_zone=site.time_zone,
        latitude=site.latitude,
        longitude=site.longitude,
        created_at=site.created_at,
        tenant_uid=site.tenant.uid,
        tenant_name=site.tenant.name,
        device_count=device_count,
        online_count=online_count,
        real_count=real_count,
        real_online_count=real_online_count,
        simulated_count=device_count - real_count,
    )
