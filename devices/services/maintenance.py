"""Maintenance windows: times in which a device, a site or a whole tenant may be away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from accounts.permissions import one_tenant
from audit.services import recording
from devices import permissions, selectors
from devices.models import Device, MaintenanceWindow, Site
from kernel import tokens
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

LONGEST = timedelta(days=31)
_MAX_REASON = 200
_record = partial(recording.record_of, "devices.maintenance_window", "maintenance_window")


def create_window(
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    site_id: str | None = None,
    device_uid: str | None = None,
    actor: Actor,
    now: datetime,
) -> MaintenanceWindow:
    """Announce a time of maintenance for a device, a site, or with neither for the tenant.

    It may lie in the past: what was down then was not down unexpectedly. A member who is limited
    to sites does it for those. Raises TenantRequired, PermissionDenied below operator,
    ValidationFailed.
    """
    tenant_id = one_tenant(actor)
    permissions.require_operate(actor, tenant_id)
    _check(starts_at, ends_at, reason)
    if site_id and device_uid:
        raise ValidationFailed(details={"device": ["One of device and site."]})
    device = _device(actor, tenant_id, device_uid)
    site = _site(actor, tenant_id, site_id) if device is None else device.site
    if not actor.may_see_site(tenant_id, None if site is None else site.pk):
        raise PermissionDenied("You maintain devices of your sites only: name one of them.")
    with unit_of_work():
        window = MaintenanceWindow.objects.create(
            uid=tokens.new_public_id(),
            tenant_id=tenant_id,
            site=site,
            device=device,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason.strip(),
            created_at=now,
            created_by=actor.label[:200],
        )
        _record(window, "created", None, _facts(window), actor, now)
    return window


def update_window(
    *, window_uid: str, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> MaintenanceWindow:
    """Change its start, end or reason. Raises NotFound, PermissionDenied, ValidationFailed."""
    with unit_of_work():
        window = _locked(window_uid, actor)
        before = _facts(window)
        for name in {"starts_at", "ends_at", "reason"} & changes.keys():
            setattr(window, name, changes[name])
        _check(window.starts_at, window.ends_at, window.reason)
        if _facts(window) != before:
            window.save(update_fields=["starts_at", "ends_at", "reason"])
            _record(window, "updated", before, _facts(window), actor, now)
    return window


def delete_window(*, window_uid: str, actor: Actor, now: datetime) -> None:
    """Take it back, as if it had never been agreed. Raises NotFound, PermissionDenied."""
    with unit_of_work():
        window = _locked(window_uid, actor)
        _record(window, "deleted", _facts(window), None, actor, now)
        rows = MaintenanceWindow.objects.unscoped("a window whose lock is held")
        rows.filter(pk=window.pk).delete()


def _locked(window_uid: str, actor: Actor) -> MaintenanceWindow:
    found = selectors.maintenance_window_by_uid(actor=actor, uid=window_uid)
    permissions.require_operate(actor, found.tenant_id)
    rows = MaintenanceWindow.objects.unscoped("found within the actor's scope")
    locked = lock_rows(rows.filter(pk=found.pk).select_related("tenant", "site", "device"))
    if not locked:
        raise NotFound
    window: MaintenanceWindow = locked[0]
    return window


def _device(actor: Actor, tenant_id: int, device_uid: str | None) -> Device | None:
    if not device_uid:
        return None
    try:
        device = selectors.device_by_uid(actor=actor, uid=device_uid)
    except NotFound:
        device = None
    if device is None or device.tenant_id != tenant_id:
        raise ValidationFailed(details={"device": ["There is no such device."]})
    return device


def _site(actor: Actor, tenant_id: int, site_id: str | None) -> Site | None:
    if not site_id:
        return None
    try:
        return selectors.site_in(actor=actor, tenant_id=tenant_id, site_id=site_id)
    except NotFound:
        raise ValidationFailed(details={"site": ["There is no such site."]}) from None


def _check(starts_at: datetime, ends_at: datetime, reason: str) -> None:
    wrong: dict[str, list[str]] = {}
    if not timedelta(0) < ends_at - starts_at <= LONGEST:
        wrong["ends_at"] = [f"Later than starts_at, by at most {LONGEST.days} days."]
    if len(reason) > _MAX_REASON:
        wrong["reason"] = [f"At most {_MAX_REASON} characters."]
    if wrong:
        raise ValidationFailed(details=wrong)


def _facts(window: MaintenanceWindow) -> dict[str, Any]:
    device, site = window.device, window.site
    return {
        "device": None if device is None else device.uid,
        "site": None if site is None or device is not None else site.site_id,
        "starts_at": window.starts_at.isoformat(),
        "ends_at": window.ends_at.isoformat(),
        "reason": window.reason,
    }
