"""Starting and removing the simulated fleet that an installation runs for a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from accounts.permissions import one_tenant
from audit.services import recording
from devices import permissions
from devices import selectors as devices
from devices.choices import LifeEnd
from devices.services import unpairing
from fleet.errors import NoSimulator
from kernel import errors, local_devices
from kernel.actors import Actor
from kernel.local_devices import LocalFleets
from kernel.unit_of_work import unit_of_work

DEVICES: Final = 24
_TOGETHER: Final = 500


def start_fleet(*, actor: Actor, now: datetime) -> None:
    """Have a simulated fleet run for the actor's tenant; twice is fine.

    Its devices register and are claimed within seconds. Raises TenantRequired, PermissionDenied
    below admin and for a member limited to sites, NoSimulator, Conflict where too many run.
    """
    tenant_id, fleets = _managed(actor)
    if actor.user_id is None:
        raise errors.PermissionDenied
    if fleets.running(tenant_id=tenant_id) is not None:
        return
    fleets.start(tenant_id=tenant_id, user_id=actor.user_id, devices=DEVICES)
    with unit_of_work():
        _record(tenant_id, "fleet.simulated.started", DEVICES, actor, now)


def remove_fleet(*, actor: Actor, now: datetime) -> int:
    """Stop the simulated fleet of the actor's tenant and unpair its devices; returns how many.

    Twice is fine. Raises TenantRequired, PermissionDenied, NoSimulator.
    """
    tenant_id, fleets = _managed(actor)
    running = fleets.running(tenant_id=tenant_id)
    if running is None:
        return 0
    # Silent first: a device that is unpaired while it runs would be told to register again.
    fleets.stop(tenant_id=tenant_id)
    found = devices.devices_visible_to(actor).filter(
        tenant_id=tenant_id,
        is_simulated=True,
        hardware_id__startswith=running.hardware_prefix,
    )
    keys = list(found.select_related(None).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _TOGETHER):
        with unit_of_work():
            unpairing.end_lives(
                device_ids=keys[start : start + _TOGETHER],
                reason=LifeEnd.UNPAIRED,
                actor=actor,
                now=now,
            )
    with unit_of_work():
        _record(tenant_id, "fleet.simulated.removed", len(keys), actor, now)
    # Last: who was interrupted finds it still there, and removes the rest.
    fleets.forget(tenant_id=tenant_id)
    return len(keys)


def _managed(actor: Actor) -> tuple[int, LocalFleets]:
    tenant_id = one_tenant(actor)
    permissions.require_own(actor, tenant_id)
    if not actor.may_see_site(tenant_id, None):
        raise errors.PermissionDenied("You are limited to some sites.")
    fleets = local_devices.offered()
    if fleets is None:
        raise NoSimulator
    return tenant_id, fleets


def _record(tenant_id: int, action: str, number: int, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=tenant_id,
        action=action,
        actor=actor,
        target_type="fleet",
        target_id="simulated",
        before=None,
        after={"devices": number},
        now=now,
    )
