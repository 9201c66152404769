"""Whether this installation runs simulated devices for a tenant, or would."""

from __future__ import annotations

from accounts.permissions import has_role
from fleet.types import SimulatedFleet
from kernel import local_devices
from kernel.actors import Actor


def simulated_fleet(*, actor: Actor) -> SimulatedFleet:
    """What the actor may be offered: to start a simulated fleet, or to remove the one that runs."""
    managed = [
        tenant_id
        for tenant_id in sorted(actor.tenant_ids)
        if has_role(actor, tenant_id, "admin") and actor.may_see_site(tenant_id, None)
    ]
    fleets = local_devices.offered()
    if fleets is None:
        return SimulatedFleet(may_manage=bool(managed))
    running = [fleets.running(tenant_id=tenant_id) for tenant_id in managed]
    return SimulatedFleet(
        may_manage=bool(managed),
        is_offered=True,
        running=sum(fleet.devices for fleet in running if fleet is not None),
    )
