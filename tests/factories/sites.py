"""Sites and their devices, made by the real services, and members of other people's tenants."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Membership, User
from devices.models import Device, Site
from devices.services import site_registration, sites
from devices.services.site_registration import RegisteredDevice
from devices.types import NewSite, SiteDevice
from kernel.actors import Actor
from tests.factories.users import client_of, make_user, sign_in, tenant_of

_addresses = itertools.count(1)


def make_site(owner: Actor, site_id: str) -> Site:
    """A site of the owner's."""
    given = NewSite(name=site_id, site_id=site_id)
    return sites.create_site(given=given, actor=owner, now=timezone.now())


def site_row(owner: Actor, site_id: str) -> Site:
    """The newest site of that id in the owner's tenant, as it is now."""
    rows = Site.objects.unscoped("tests look at everything").select_related("tenant")
    found: Site | None = (
        rows.filter(tenant_id=tenant_of(owner), site_id=site_id).order_by("pk").last()
    )
    assert found is not None
    return found


def living(owner: Actor) -> Any:
    """The paired devices of the owner's tenant."""
    devices = Device.objects.unscoped("tests look at everything")
    return devices.filter(tenant_id=tenant_of(owner))


def devices_at(owner: Actor, site_id: str) -> set[str]:
    """Uids of the devices at a site."""
    return set(living(owner).filter(site=site_row(owner, site_id)).values_list("uid", flat=True))


def register(owner: Actor, site_id: str, device_id: str, **more: Any) -> RegisteredDevice:
    """A device registered at a site by its owner."""
    return site_registration.register_at_site(
        site_id=site_id,
        given=SiteDevice(device_id=device_id, **more),
        actor=owner,
        now=timezone.now(),
    )


def join(owner: Actor, role: str, *, user_id: int | None = None, site_ids: Any = None) -> User:
    """A user (a new one by default) who is a member of the owner's tenant."""
    user = make_user() if user_id is None else User.objects.get(pk=user_id)
    Membership.objects.create(
        user=user,
        tenant_id=tenant_of(owner),
        role=role,
        site_ids=site_ids,
        created_at=timezone.now(),
    )
    return user


def join_as(
    owner: Actor, role: str, *, user_id: int | None = None, site_ids: Any = None
) -> APIClient:
    """The API client of such a member."""
    return client_of(sign_in(join(owner, role, user_id=user_id, site_ids=site_ids)))
