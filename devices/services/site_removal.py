"""The end of a site, in one transaction with what becomes of its devices."""

from __future__ import annotations

from datetime import datetime

from audit.services import recording
from devices import errors, events, permissions, selectors
from devices.choices import LifeEnd
from devices.models import Device, DeviceSession, ProvisioningKey, Site
from devices.services import unpairing
from devices.services.site_locks import lock_living_sites
from devices.services.sites import facts_of
from devices.types import RemovedSite
from kernel import errors as kernel_errors
from kernel import live
from kernel.actors import Actor
from kernel.events import publish
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work


def remove_site(
    *, site_id: str, unpair: bool = False, move_to: str = "", actor: Actor, now: datetime
) -> RemovedSite:
    """Remove a site; its devices are unpaired or moved to another site of the tenant.

    Its id is free again, its provisioning keys are void. A second call finds no site. Raises
    NotFound, TenantRequired, PermissionDenied below admin, SiteHasDevices when there are some
    and nothing was said, ValidationFailed for a place they cannot move to; then nothing changed.
    """
    found = selectors.site_by_id(actor=actor, site_id=site_id)
    permissions.require_own(actor, found.tenant_id)
    target = _target(found, unpair, move_to, actor)
    with unit_of_work():
        wanted = [found.pk] if target is None else [found.pk, target.pk]
        site = lock_living_sites(tenant_id=found.tenant_id, site_pks=wanted)[found.pk]
        # No device comes to a site without its lock: from here on they only get fewer.
        present = len(_living_at(site))
        if present and not (unpair or target):
            raise _undecided(present)
        keys_revoked = _revoke_keys(site, actor, now)
        left = _move(site, target, actor, now) if target else _unpair(site, actor, now)
        removed = RemovedSite(
            site_id=site.site_id,
            devices_unpaired=0 if target else left,
            devices_moved=left if target else 0,
            moved_to=target.site_id if target else None,
            keys_revoked=keys_revoked,
        )
        _end(site, removed, actor, now)
        publish(
            events.SiteRemoved(
                occurred_at=now,
                site_pk=site.pk,
                tenant_id=site.tenant_id,
                moved_to=target.pk if target else None,
            )
        )
    return removed


def _target(site: Site, unpair: bool, move_to: str, actor: Actor) -> Site | None:
    if unpair and move_to:
        raise kernel_errors.ValidationFailed(details={"devices": ["One of unpair and move_to."]})
    if not move_to:
        return None
    try:
        target = selectors.site_in(actor=actor, tenant_id=site.tenant_id, site_id=move_to)
    except kernel_errors.NotFound:
        raise kernel_errors.ValidationFailed(
            details={"devices": [f"There is no site {move_to!r} to move them to."]}
        ) from None
    if target.pk == site.pk:
        raise kernel_errors.ValidationFailed(
            details={"devices": ["They cannot move to the site that is removed."]}
        )
    return target


def _undecided(devices: int) -> errors.SiteHasDevices:
    return errors.SiteHasDevices(
        f"This site has {devices} devices. Say whether they are unpaired or move to another.",
        details={"device_count": devices, "devices": ["unpair", "move_to:<site_id>"]},
    )


def _living_at(site: Site) -> list[tuple[int, str]]:
    """Key and uid of each living device there, in the order of their locks."""
    devices = Device.objects.unscoped("the site whose lock is held")
    return list(devices.filter(site_id=site.pk).order_by("pk").values_list("pk", "uid"))


def _lock_devices(site: Site) -> list[tuple[int, str]]:
    """Lock the devices at the site, all in one statement; those that are still there by then."""
    lock_rows(DeviceSession.objects.filter(device__site_id=site.pk, device__is_active=True))
    return _living_at(site)


def _unpair(site: Site, actor: Actor, now: datetime) -> int:
    leaving = [device_id for device_id, _ in _lock_devices(site)]
    unpairing.end_lives(device_ids=leaving, reason=LifeEnd.SITE_REMOVED, actor=actor, now=now)
    return len(leaving)


def _move(site: Site, target: Site, actor: Actor, now: datetime) -> int:
    leaving = _lock_devices(site)
    devices = Device.objects.unscoped("the site whose lock is held")
    devices.filter(site_id=site.pk).update(site_id=target.pk)
    for device_id, uid in leaving:
        recording.record(
            tenant_id=site.tenant_id,
            action="devices.device.updated",
            actor=actor,
            target_type="device",
            target_id=uid,
            before={"site": site.site_id},
            after={"site": target.site_id},
            now=now,
        )
        live.append(
            tenant_id=site.tenant_id, kind="device_updated", payload={"device_uid": uid}, now=now
        )
        publish(events.DeviceUpdated(occurred_at=now, device_id=device_id, fields=("site",)))
    return len(leaving)


def _revoke_keys(site: Site, actor: Actor, now: datetime) -> int:
    keys = ProvisioningKey.objects.unscoped("the site whose lock is held")
    live_keys = lock_rows(keys.filter(site_id=site.pk, revoked_at__isnull=True))
    for key in live_keys:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        recording.record(
            tenant_id=site.tenant_id,
            action="devices.provisioning_key.revoked",
            actor=actor,
            target_type="provisioning_key",
            target_id=key.uid,
            before={"revoked_at": None},
            after={"revoked_at": now.isoformat(), "reason": LifeEnd.SITE_REMOVED.value},
            now=now,
        )
    return len(live_keys)


def _end(site: Site, removed: RemovedSite, actor: Actor, now: datetime) -> None:
    before = facts_of(site, ("site_id", "name", "address", "time_zone", "latitude", "longitude"))
    site.removed_at = now
    site.save(update_fields=["removed_at"])
    recording.record(
        tenant_id=site.tenant_id,
        action="devices.site.removed",
        actor=actor,
        target_type="site",
        target_id=site.site_id,
        before=before,
        after={
            "removed_at": now.isoformat(),
            "devices_unpaired": removed.devices_unpaired,
            "devices_moved": removed.devices_moved,
            "moved_to": removed.moved_to,
            "keys_revoked": removed.keys_revoked,
        },
        now=now,
    )
