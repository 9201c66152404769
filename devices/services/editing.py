"""Edits of a device by people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from audit.services import recording
from devices import config_rules, events, permissions, selectors
from devices.choices import PowerRestoreMode
from devices.models import LONGEST_TIMEOUT_S, SHORTEST_TIMEOUT_S, Device, Site
from devices.selectors.config import COLUMNS
from devices.services import config, sessions, tag_rows, timeouts
from devices.services.site_locks import lock_living_sites
from devices.types import DeviceChanges
from kernel import errors as kernel_errors
from kernel import live
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

MAX_NAME = 100
_TIMES = frozenset({"offline_after_s", "poll_interval_s"})
_CONFIGURED = frozenset(COLUMNS)


def update_device(
    *, device_uid: str, changes: DeviceChanges, actor: Actor, now: datetime
) -> Device:
    """Change what is given and leave the rest; one audit entry with before and after.

    `relay_names` is merged by relay index; an empty name removes one. `site` is one of the same
    tenant's that the actor may see; an empty one takes the device away from its site. Raises
    NotFound, PermissionDenied, ValidationFailed, DeviceArchived.
    """
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid)
        permissions.require_operate(actor, device.tenant_id)
        # A site is locked before a device, so that it cannot go while somebody moves in.
        moves = {} if changes.site is None else {"site": _destination(device, changes.site, actor)}
        sessions.require_living(sessions.lock_session(device_id=device.pk))
        _reread(device, actor)
        after = _merged(device, changes.given()) | moves
        before = {field: getattr(device, field) for field in after}
        changed = [field for field in after if after[field] != before[field]]
        if not changed:
            return device
        for field in changed:
            setattr(device, field, after[field])
        device.save(update_fields=changed)
        if _TIMES.intersection(changed):
            timeouts.keep(device)
        if "tags" in changed:
            tag_rows.keep([device])
        if not _CONFIGURED.isdisjoint(changed):
            config.note_change(device=device, actor=actor, now=now)
        recording.record(
            tenant_id=device.tenant_id,
            action="devices.device.updated",
            actor=actor,
            target_type="device",
            target_id=device.uid,
            before={field: _told(before[field]) for field in changed},
            after={field: _told(after[field]) for field in changed},
            now=now,
        )
        live.append(
            tenant_id=device.tenant_id,
            kind="device_updated",
            payload={"device_uid": device.uid},
            now=now,
        )
        publish(events.DeviceUpdated(occurred_at=now, device_id=device.pk, fields=tuple(changed)))
    return device


def _destination(device: Device, site_id: str, actor: Actor) -> Site | None:
    """The site to move to, locked; None for no site."""
    if device.tenant_id is None or not (
        site_id or actor.may_see_site(device.tenant_id, None) or device.site_id is None
    ):
        raise _no_such_site()
    if not site_id:
        return None
    try:
        site = selectors.site_in(actor=actor, tenant_id=device.tenant_id, site_id=site_id)
        return lock_living_sites(tenant_id=device.tenant_id, site_pks=[site.pk])[site.pk]
    except kernel_errors.NotFound:
        raise _no_such_site() from None


def _no_such_site() -> kernel_errors.ValidationFailed:
    return kernel_errors.ValidationFailed(details={"site": ["There is no such site."]})


def _reread(device: Device, actor: Actor) -> None:
    """Its columns under the lock. Raises NotFound when it left the actor's sites meanwhile."""
    try:
        device.refresh_from_db(from_queryset=Device.objects.visible_to(actor))
    except Device.DoesNotExist:
        raise kernel_errors.NotFound from None


def _told(value: Any) -> Any:
    return value.site_id if isinstance(value, Site) else value


def _merged(device: Device, given: dict[str, Any]) -> dict[str, Any]:
    wrong = _problems(device, given)
    if wrong:
        raise kernel_errors.ValidationFailed(details=wrong)
    after = {field: value for field, value in given.items() if field != "site"}
    if "name" in after:
        after["name"] = after["name"].strip()
    if "relay_names" in after:
        names = device.relay_names | {
            key: name.strip() for key, name in given["relay_names"].items()
        }
        after["relay_names"] = {key: name for key, name in names.items() if name}
    for name in _TIMES & after.keys():
        after[name] = after[name] or None
    if "tags" in after:
        after["tags"] = tag_rows.checked(given["tags"])
    return after


def _problems(device: Device, given: dict[str, Any]) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {}
    if len(given.get("name", "")) > MAX_NAME:
        wrong["name"] = [f"At most {MAX_NAME} characters."]
    for key, name in given.get("relay_names", {}).items():
        if not key.isdecimal() or int(key) >= device.relay_count:
            wrong["relay_names"] = [f"There is no relay {key!r}."]
        elif len(name) > MAX_NAME:
            wrong["relay_names"] = [f"At most {MAX_NAME} characters."]
    if given.get("power_restore_mode", "off") not in PowerRestoreMode.values:
        wrong["power_restore_mode"] = [f"One of {', '.join(PowerRestoreMode.values)}."]
    wrong |= _wrong_tags(given)
    inputs = given.get("input_config", device.input_config)
    # What is older than the rules may stay as it is.
    if inputs != device.input_config:
        wrong |= config_rules.problems_with_inputs(inputs, relay_count=device.relay_count)
    wrong |= _wrong_times(given)
    return wrong


def _wrong_tags(given: dict[str, Any]) -> dict[str, list[str]]:
    try:
        tag_rows.checked(given.get("tags", []))
    except kernel_errors.ValidationFailed as wrong:
        return wrong.details
    return {}


def _wrong_times(given: dict[str, Any]) -> dict[str, list[str]]:
    shortest = {"offline_after_s": SHORTEST_TIMEOUT_S, "poll_interval_s": 1}
    return {
        name: [f"{least} to {LONGEST_TIMEOUT_S} seconds, or nothing."]
        for name, least in shortest.items()
        if (seconds := given.get(name, 0)) and not least <= seconds <= LONGEST_TIMEOUT_S
    }
