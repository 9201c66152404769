"""Versions of configurations: made by each change, confirmed by the device."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from audit.services import recording
from devices import config_rules, events
from devices.models import Device, DeviceConfig, DeviceConfigRevision
from devices.selectors.config import FREE, WHY, document_of
from devices.services import sessions
from devices.types import SessionFacts
from edge.protocol.merge_patch import apply_patch, are_same
from edge.protocol.messages import ConfigApplied
from kernel import errors as kernel_errors
from kernel import live
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import require_unit_of_work, unit_of_work

Cause = list[dict[str, Any]]
# Versions beyond the newest so many are forgotten.
KEPT_REVISIONS = 200
# A device cannot push our count of versions to where it ends.
_HIGHEST = 2**53


def note_change(*, device: Device, actor: Actor, now: datetime, cause: Cause | None = None) -> int:
    """Make a version of what the columns of the device say by now; returns the present version.

    Within the caller's unit of work, under the device's lock, after the columns were changed. A
    device without an owner has no versions yet: 0.
    """
    require_unit_of_work()
    if device.tenant_id is None:
        return 0
    kept = kept_of(device.pk)
    document = document_of(device, {} if kept is None else kept.document.get(FREE, {}))
    # The columns were judged where they were changed; together they may still be too large.
    require_valid(device, document, document)
    return write(device=device, document=document, actor=actor, now=now, cause=cause).version


def merge_config(
    *,
    facts: SessionFacts,
    patch: dict[str, Any],
    actor: Actor,
    now: datetime,
    cause: Cause | None = None,
) -> tuple[int, dict[str, Any]]:
    """Apply a merge patch (RFC 7396) to the free part of a configuration.

    Within the caller's unit of work, under the device's lock. Returns the version and the whole
    document; a patch that changes nothing makes no new version. Raises ValidationFailed with
    pointers into the document, DeviceArchived, NotFound for a device without an owner.
    """
    require_unit_of_work()
    sessions.require_living(facts)
    if facts.tenant_id is None:
        raise kernel_errors.NotFound
    devices = Device.objects.unscoped("the device whose lock is held")
    device: Device = devices.get(pk=facts.device_id)
    kept = kept_of(device.pk)
    former = {} if kept is None else kept.document.get(FREE, {})
    document = document_of(device, apply_patch(former, patch))
    require_valid(device, document, document_of(device, former))
    before = 0 if kept is None else kept.version
    kept = write(device=device, document=document, actor=actor, now=now, cause=cause)
    if kept.version != before:
        record_change(device, before, kept.version, sorted(patch), actor, now)
    return kept.version, kept.document


def confirm(*, device_id: int, epoch: int | None, message: ConfigApplied, now: datetime) -> bool:
    """Keep what a device says of its configuration; False for a version that never was.

    Its newest word is believed, also when it says that it went back. `epoch` is None on wires
    without sessions. Raises SessionFenced, DeviceUnpaired.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        return record_answer(
            device_id=device_id,
            device_uid=facts.device_uid,
            version=message.version,
            error=message.error,
            now=now,
        )


def record_answer(
    *, device_id: int, device_uid: str, version: int, error: str | None, now: datetime
) -> bool:
    """Do what `confirm` does, within the caller's unit of work and under the device's lock."""
    require_unit_of_work()
    kept = kept_of(device_id)
    if version >= _HIGHEST:
        return False
    if version > (0 if kept is None else kept.version):
        _outbid(kept, device_id, version, now)
        return False
    if kept is None:
        return True
    changed = _refuse(kept, version, error) if error else _accept(kept, version, now)
    if changed:
        kept.save(update_fields=changed)
        _tell_confirmed(kept, device_uid, is_applied=not error, now=now)
    return True


def record_command_answer(*, device_id: int, device_uid: str, version: int, now: datetime) -> None:
    """Keep that a command which brought a version has succeeded, under the device's lock.

    Such an answer may come late, after newer words of the device: it never takes it back.
    """
    require_unit_of_work()
    kept = kept_of(device_id)
    if kept is not None and kept.applied_version < version <= kept.version:
        record_answer(
            device_id=device_id, device_uid=device_uid, version=version, error=None, now=now
        )


def kept_of(device_id: int) -> DeviceConfig | None:
    """The row of a device whose lock is held."""
    found: DeviceConfig | None = (
        DeviceConfig.objects.unscoped(WHY).filter(device_id=device_id).first()
    )
    return found


def require_valid(device: Device, document: dict[str, Any], former: dict[str, Any]) -> None:
    """Refuse what no device could take. Raises ValidationFailed with a pointer per wrong part.

    Members that are as they were are not judged again: their rules may be younger than they.
    """
    wrong = config_rules.problems_with(document, relay_count=device.relay_count, former=former)
    if wrong:
        raise kernel_errors.ValidationFailed(details=wrong)


def write(
    *,
    device: Device,
    document: dict[str, Any],
    actor: Actor,
    now: datetime,
    cause: Cause | None = None,
    is_forced: bool = False,
) -> DeviceConfig:
    """Make the next version of a document, unless it is the present one (or it is forced)."""
    kept = kept_of(device.pk)
    if kept is not None and not is_forced and are_same(kept.document, document):
        return kept
    if kept is None:
        if device.tenant_id is None:
            raise kernel_errors.NotFound
        kept = DeviceConfig(device=device, tenant_id=device.tenant_id)
    return _advance(kept, device.uid, document, actor, [*(cause or []), actor.as_cause()], now)


def _advance(
    kept: DeviceConfig,
    device_uid: str,
    document: dict[str, Any],
    actor: Actor,
    cause: Cause,
    now: datetime,
) -> DeviceConfig:
    kept.version += 1
    kept.document, kept.changed_at, kept.changed_by = document, now, actor.label[:200]
    kept.drift_since = kept.drift_since or now
    kept.refused_version, kept.error = None, ""
    kept.save()
    DeviceConfigRevision.objects.create(
        device_id=kept.device_id,
        tenant_id=kept.tenant_id,
        version=kept.version,
        document=document,
        at=now,
        by=actor.label[:200],
        cause=cause,
    )
    _forget_old(kept.device_id)
    live.append(
        tenant_id=kept.tenant_id,
        kind="config_changed",
        payload={"device_uid": device_uid, "version": kept.version},
        now=now,
    )
    publish(events.ConfigChanged(occurred_at=now, device_id=kept.device_id, version=kept.version))
    return kept


def _forget_old(device_id: int) -> None:
    revisions = DeviceConfigRevision.objects.unscoped(WHY).filter(device_id=device_id)
    surplus = revisions.order_by("-version").values_list("version", flat=True)
    last = surplus[KEPT_REVISIONS : KEPT_REVISIONS + 1].first()
    if last is not None:
        revisions.filter(version__lte=last).delete()


def _outbid(kept: DeviceConfig | None, device_id: int, version: int, now: datetime) -> None:
    """Make a version above one that we do not know of: of a former owner, or of before a restore.

    Devices take newer versions only, so that nothing else would ever reach it.
    """
    devices = Device.objects.unscoped("the device whose lock is held")
    device: Device = devices.get(pk=device_id)
    if device.tenant_id is None:
        return
    if kept is None:
        kept = DeviceConfig(
            device=device, tenant_id=device.tenant_id, document=document_of(device, {})
        )
    # One such line is enough: a device that goes on so must not push people's edits out of the list.
    revisions = DeviceConfigRevision.objects.unscoped(WHY).filter(device_id=device_id)
    actor = Actor.device(device_id=device_id, uid=device.uid, tenant_id=device.tenant_id)
    revisions.filter(cause=[actor.as_cause()]).delete()
    kept.version, kept.applied_version = version, 0
    _advance(kept, device.uid, kept.document, actor, [actor.as_cause()], now)


def _accept(kept: DeviceConfig, version: int, now: datetime) -> list[str]:
    """What changes when the device works by a version."""
    drift_since = None if version == kept.version else kept.drift_since or now
    after = {
        "applied_version": version, "drift_since": drift_since, "refused_version": None,
        "error": "",
    }  # fmt: skip
    changed = [name for name, value in after.items() if getattr(kept, name) != value]
    for name in changed:
        setattr(kept, name, after[name])
    if changed:
        kept.applied_at = now
        changed.append("applied_at")
    return changed


def _refuse(kept: DeviceConfig, version: int, error: str) -> list[str]:
    """What changes when the device cannot take a version; of an older one, nothing."""
    if version != kept.version or version == kept.applied_version:
        return []
    if (kept.refused_version, kept.error) == (version, error[:500]):
        return []
    kept.refused_version, kept.error = version, error[:500]
    return ["refused_version", "error"]


def _tell_confirmed(
    kept: DeviceConfig, device_uid: str, *, is_applied: bool, now: datetime
) -> None:
    live.append(
        tenant_id=kept.tenant_id,
        kind="config_confirmed",
        payload={
            "device_uid": device_uid,
            "version": kept.version,
            "applied_version": kept.applied_version,
            "error": kept.error,
        },
        now=now,
    )
    publish(
        events.ConfigConfirmed(
            occurred_at=now,
            device_id=kept.device_id,
            version=kept.applied_version if is_applied else kept.version,
            is_applied=is_applied,
        )
    )


def record_change(
    device: Device, before: int, after: int, members: list[str], actor: Actor, now: datetime
) -> None:
    """The audit entry of a new version; its document is among the revisions."""
    recording.record(
        tenant_id=device.tenant_id,
        action="devices.config.changed",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before={"version": before},
        after={"version": after, "members": members},
        now=now,
    )
