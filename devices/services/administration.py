"""What the platform's administrators see of all devices; every look leaves an audit entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

from accounts.permissions import require_platform_admin
from accounts.services import administration
from devices.models import Device
from devices.querysets import DeviceQuerySet
from kernel import row_security
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSearch:
    """Which devices; what is left empty narrows nothing."""

    search: str = ""
    pairing: str = ""
    tenant: str = ""


def look_at_devices(
    *, wanted: DeviceSearch, take: Callable[[DeviceQuerySet], T], actor: Actor, now: datetime
) -> T:
    """What `take` makes of all lives of all tenants that fit; it is called where they may be read.

    Raises PermissionDenied for everyone but platform administrators.
    """
    require_platform_admin(actor)
    with row_security.platform_scope("admin.devices"), unit_of_work():
        administration.record_look(what="devices", wanted=asdict(wanted), actor=actor, now=now)
        return take(_devices(wanted))


def _devices(wanted: DeviceSearch) -> DeviceQuerySet:
    lives: DeviceQuerySet = Device.all_objects.unscoped("who runs the platform sees all devices")
    found = lives.with_presence()
    if wanted.search:
        found = found.search(wanted.search)
    if wanted.pairing:
        found = found.filter(pairing=wanted.pairing)
    if wanted.tenant:
        found = found.filter(tenant__uid=wanted.tenant)
    return found
