"""Edits of configurations by people: all of one, a part of it, or back to an earlier version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from devices import events, permissions, selectors
from devices.config_types import ConfigView
from devices.models import Device
from devices.selectors.config import COLUMNS, FREE, config_revision, document_of, view_of
from devices.services import config, sessions
from edge.protocol.merge_patch import apply_patch, are_same
from kernel import errors, live, preconditions
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

Document = dict[str, Any]
# What a member is that nobody set.
_EMPTY: Document = {
    "relay_names": {}, "input_config": {}, "power_restore_mode": "off", FREE: {},
}  # fmt: skip


def patch_config(
    *, device_uid: str, patch: Document, if_match: str | None, actor: Actor, now: datetime
) -> ConfigView:
    """Apply a merge patch (RFC 7396) to a device's configuration; null resets a member.

    A patch that changes nothing makes no version. People name the version they have read. Raises
    NotFound, PermissionDenied, DeviceArchived, ValidationFailed with a pointer per wrong part,
    PreconditionRequired, PreconditionFailed.
    """
    with unit_of_work():
        device = _locked(device_uid, actor)
        return _write(device, lambda held: _EMPTY | apply_patch(held, patch), if_match, actor, now)


def replace_config(
    *, device_uid: str, document: Document, if_match: str | None, actor: Actor, now: datetime
) -> ConfigView:
    """Put a whole configuration in the place of the present one. Raises as `patch_config` does."""
    with unit_of_work():
        device = _locked(device_uid, actor)
        return _write(device, lambda held: document, if_match, actor, now)


def restore_config(
    *, device_uid: str, version: int, if_match: str | None, actor: Actor, now: datetime
) -> ConfigView:
    """Make an earlier version the next one, and so the present one sent again.

    Always makes a version. Raises as `patch_config` does.
    """
    with unit_of_work():
        device = _locked(device_uid, actor)
        wanted = _kept(device, actor, version)
        return _write(device, lambda held: wanted, if_match, actor, now, is_forced=True)


def _locked(device_uid: str, actor: Actor) -> Device:
    device = selectors.device_by_uid(actor=actor, uid=device_uid)
    permissions.require_operate(actor, device.tenant_id)
    sessions.require_living(sessions.lock_session(device_id=device.pk))
    # Under the lock: it may have changed, or left the sites that the actor sees.
    found: Device | None = Device.objects.visible_to(actor).filter(pk=device.pk).first()
    if found is None or found.tenant_id is None:
        raise errors.NotFound
    return found


def _kept(device: Device, actor: Actor, version: int) -> Document:
    try:
        document: Document = config_revision(device, actor, version).document
    except errors.NotFound:
        problem = "This version is not kept."
        raise errors.ValidationFailed(details={"/version": [problem]}) from None
    return document


def _write(
    device: Device,
    change: Callable[[Document], Document],
    if_match: str | None,
    actor: Actor,
    now: datetime,
    *,
    is_forced: bool = False,
) -> ConfigView:
    kept = config.kept_of(device.pk)
    before = view_of(device, kept)
    _require_version(before, if_match, actor)
    held = document_of(device, before.document.get(FREE, {}))
    wanted = change(held)
    config.require_valid(device, wanted, held)
    changed = [name for name in wanted if not are_same(wanted[name], held[name])]
    if not changed and not is_forced:
        return before
    _keep_columns(device, wanted, changed, now)
    made = config.write(device=device, document=wanted, actor=actor, now=now, is_forced=is_forced)
    config.record_change(device, before.version, made.version, sorted(changed), actor, now)
    return view_of(device, made)


def _require_version(held: ConfigView, if_match: str | None, actor: Actor) -> None:
    if if_match is None and actor.kind == "user":
        raise errors.PreconditionRequired
    tag = preconditions.version_tag(held.version)
    try:
        holds = preconditions.if_match_holds(if_match, tag)
    except preconditions.MalformedPrecondition:
        raise errors.ValidationFailed(details={"If-Match": ["Send entity tags, or *."]}) from None
    if not holds:
        current = {"version": held.version, "config": held.document}
        raise errors.PreconditionFailed(etag=str(tag), current=current)


def _keep_columns(device: Device, document: Document, changed: list[str], now: datetime) -> None:
    columns = [name for name in COLUMNS if name in changed]
    if not columns:
        return
    for name in columns:
        setattr(device, name, document[name])
    device.save(update_fields=columns)
    live.append(
        tenant_id=device.tenant_id,
        kind="device_updated",
        payload={"device_uid": device.uid},
        now=now,
    )
    publish(events.DeviceUpdated(occurred_at=now, device_id=device.pk, fields=tuple(columns)))
