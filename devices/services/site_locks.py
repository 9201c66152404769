"""The lock of a site: whoever puts a device there holds it, and so does who removes the site.

The order of locks is: sites by ascending primary key, then the sites' provisioning keys, then
devices by ascending primary key. (A provisioning key of no site comes before all sites.) Whoever
holds a device asks for no site any more.
"""

from __future__ import annotations

from collections.abc import Collection

from devices.models import Site
from kernel import errors
from kernel.locking import lock_rows


def lock_living_sites(*, tenant_id: int, site_pks: Collection[int]) -> dict[int, Site]:
    """Lock sites of the tenant until the unit of work ends; before any device is locked.

    Raises NotFound when one of them is removed, was just removed, or is another tenant's.
    """
    sites = Site.objects.unscoped("the caller names the tenant it may act for")
    locked = lock_rows(sites.filter(pk__in=set(site_pks), tenant_id=tenant_id))
    living = {site.pk: site for site in locked if site.removed_at is None}
    if living.keys() != set(site_pks):
        raise errors.NotFound
    return living
