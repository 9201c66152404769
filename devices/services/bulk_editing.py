"""Many devices at once: moved to a site, or unpaired.

The devices are locked and changed 500 together; the same again does what is left, so one that was
interrupted is simply repeated. A device that may not be changed stops no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from audit.services import recording
from devices import events, permissions, selectors
from devices.choices import LifeEnd
from devices.models import Device, Site
from devices.services import sessions, unpairing
from devices.services.site_locks import lock_living_sites
from kernel import errors, live
from kernel.actors import Actor
from kernel.events import publish_all
from kernel.unit_of_work import unit_of_work

MAX_DEVICES = 10_000
TOGETHER = 500
# By tenant; None where it has no such site.
Sites = dict[int | None, Site | None]
# Why a device stays as it is.
NO_SUCH_SITE = "no_such_site"
ROLE_TOO_LOW = "role_too_low"


@dataclass(kw_only=True, slots=True)
class Edited:
    """How many devices changed, how many were so already, and which could not, by the reason."""

    changed: int = 0
    unchanged: int = 0
    refused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def foresee_move(*, device_ids: Iterable[int], site_id: str, actor: Actor) -> Edited:
    """What `move_devices` would do now; nothing is changed."""
    found = Edited()
    sites: Sites = {}
    for some in _chunks(device_ids):
        devices = _visible(some, actor)
        _learn_sites(sites, devices, site_id, actor)
        for device in devices:
            _sort_in(device, sites, site_id, actor, found)
    return found


def move_devices(*, device_ids: Iterable[int], site_id: str, actor: Actor, now: datetime) -> Edited:
    """Put up to 10,000 devices that the actor may see to the site of that id in their own tenant.

    An empty id takes them away from their sites. Refused one by one are those of a tenant without
    such a site and those the actor may not edit. Raises ValidationFailed for more.
    """
    found = Edited()
    for some in _chunks(device_ids):
        _move_some(some, site_id, found, actor, now)
    return found


def foresee_unpairing(*, device_ids: Iterable[int], actor: Actor) -> Edited:
    """What `unpair_devices` would do now; nothing is changed."""
    found = Edited()
    for some in _chunks(device_ids):
        for device in _visible(some, actor):
            if _is_allowed(permissions.require_own, device, actor):
                found.changed += 1
            else:
                found.refused[ROLE_TOO_LOW].append(device.uid)
    return found


def unpair_devices(*, device_ids: Iterable[int], actor: Actor, now: datetime) -> Edited:
    """End the lives of up to 10,000 devices that the actor may see; ended ones stay ended.

    Refused one by one are those the actor does not manage. Raises ValidationFailed for more.
    """
    found = Edited()
    for some in _chunks(device_ids):
        _unpair_some(some, found, actor, now)
    return found


@unit_of_work()
def _unpair_some(keys: Sequence[int], found: Edited, actor: Actor, now: datetime) -> None:
    sessions.lock_devices(device_ids=keys)
    leaving = []
    for device in _visible(keys, actor):
        if _is_allowed(permissions.require_own, device, actor):
            leaving.append(device.pk)
        else:
            found.refused[ROLE_TOO_LOW].append(device.uid)
    unpairing.end_lives(device_ids=leaving, reason=LifeEnd.UNPAIRED, actor=actor, now=now)
    found.changed += len(leaving)


@unit_of_work()
def _move_some(
    keys: Sequence[int], site_id: str, found: Edited, actor: Actor, now: datetime
) -> None:
    sites: Sites = {}
    _learn_sites(sites, _visible(keys, actor), site_id, actor)
    _lock_sites(sites)
    sessions.lock_devices(device_ids=keys)
    moving = [
        device for device in _visible(keys, actor) if _sort_in(device, sites, site_id, actor, found)
    ]
    for device in moving:
        before, after = device.site, sites.get(device.tenant_id)
        device.site = after
        _record(device, before, after, actor, now)
    if moving:
        Device.objects.unscoped("devices whose locks are held").bulk_update(moving, ["site"])
        _tell(moving, now)


def _visible(keys: Sequence[int], actor: Actor) -> list[Device]:
    visible = Device.objects.visible_to(actor).filter(pk__in=keys)
    return list(visible.select_related("site").order_by("pk"))


def _learn_sites(sites: Sites, devices: Sequence[Device], site_id: str, actor: Actor) -> None:
    """The site that each tenant of these devices has under that id; None where it has none."""
    for tenant_id in {device.tenant_id for device in devices} - sites.keys():
        sites[tenant_id] = None
        if site_id and tenant_id is not None:
            with suppress(errors.NotFound):
                sites[tenant_id] = selectors.site_in(
                    actor=actor, tenant_id=tenant_id, site_id=site_id
                )


def _lock_sites(sites: Sites) -> None:
    """Sites are locked before devices, by their keys; one that was just removed counts as none."""
    wanted = sorted((site.pk, site.tenant_id) for site in sites.values() if site is not None)
    for pk, tenant_id in wanted:
        try:
            sites[tenant_id] = lock_living_sites(tenant_id=tenant_id, site_pks=[pk])[pk]
        except errors.NotFound:
            sites[tenant_id] = None


def _sort_in(device: Device, sites: Sites, site_id: str, actor: Actor, found: Edited) -> bool:
    """Count what becomes of a device; whether it moves."""
    site = sites.get(device.tenant_id)
    sees_all = device.tenant_id is not None and actor.may_see_site(device.tenant_id, None)
    if not _is_allowed(permissions.require_operate, device, actor):
        found.refused[ROLE_TOO_LOW].append(device.uid)
    elif device.site_id == (None if site is None else site.pk) and (
        site is not None or not site_id
    ):
        found.unchanged += 1
    elif site is None and (site_id or not sees_all):
        found.refused[NO_SUCH_SITE].append(device.uid)
    else:
        found.changed += 1
        return True
    return False


def _is_allowed(require: Callable[[Actor, int | None], None], device: Device, actor: Actor) -> bool:
    try:
        require(actor, device.tenant_id)
    except (errors.PermissionDenied, errors.NotFound):
        return False
    return True


def _chunks(device_ids: Iterable[int]) -> Iterator[Sequence[int]]:
    keys = sorted(set(device_ids))
    if len(keys) > MAX_DEVICES:
        raise errors.ValidationFailed(details={"devices": [f"At most {MAX_DEVICES} at once."]})
    return (keys[start : start + TOGETHER] for start in range(0, len(keys), TOGETHER))


def _record(
    device: Device, before: Site | None, after: Site | None, actor: Actor, now: datetime
) -> None:
    recording.record(
        tenant_id=device.tenant_id,
        action="devices.device.updated",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before={"site": None if before is None else before.site_id},
        after={"site": None if after is None else after.site_id},
        now=now,
    )


def _tell(moved: Sequence[Device], now: datetime) -> None:
    for device in moved:
        live.append(
            tenant_id=device.tenant_id,
            kind="device_updated",
            payload={"device_uid": device.uid},
            now=now,
        )
    publish_all(
        [
            events.DeviceUpdated(occurred_at=now, device_id=device.pk, fields=("site",))
            for device in moved
        ]
    )
