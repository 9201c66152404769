"""What devices say of themselves becomes the reported document of their twins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from devices.errors import DeviceUnpaired
from devices.services import sessions
from devices.types import SessionFacts
from edge.protocol.merge_patch import apply_patch
from edge.protocol.messages import TwinAck, TwinReported
from kernel.actors import Actor
from kernel.errors import NotFound, ValidationFailed
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from twins import documents
from twins.choices import Origin
from twins.models import Twin
from twins.services.keeping import Keeper
from twins.types import Reception

# No device drives our count of versions to where it ends.
_HIGHEST: Final = 2**53


def record_report(
    *, device_id: int, epoch: int | None, report: TwinReported, now: datetime
) -> TwinAck | None:
    """Keep what the device is like; returns the acknowledgement that a `report_id` asks for.

    `epoch` is the session the report came over, None on wires without sessions. One that is
    older than what is known changes nothing and is acknowledged. Raises SessionFenced,
    DeviceUnpaired, and ValidationFailed for what would be no document.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        actor = Actor.device(device_id=device_id, uid=facts.device_uid, tenant_id=facts.tenant_id)
        received = _receive(facts, epoch, report, actor, now)
        failpoint("twins.report.written")
    if report.report_id is None:
        return None
    return TwinAck(report_id=report.report_id, reported_version=received.reported_version)


def patch_reported(
    *,
    device_uid: str,
    patch: dict[str, Any],
    desired_version: int | None = None,
    actor: Actor,
    now: datetime,
) -> Reception:
    """Merge a patch into what is reported, for the device itself over HTTP.

    Raises NotFound for any other caller, and as `record_report` does.
    """
    if actor.kind != "device" or actor.device_id is None or actor.id != device_uid:
        raise NotFound
    report = TwinReported(patch=patch, desired_version=desired_version)
    with unit_of_work():
        facts = sessions.lock_session(device_id=actor.device_id)
        return _receive(facts, None, report, actor, now)


def _receive(
    facts: SessionFacts, epoch: int | None, report: TwinReported, actor: Actor, now: datetime
) -> Reception:
    if epoch is not None:
        sessions.require_current(facts, epoch)
    elif not facts.is_active:
        raise DeviceUnpaired
    keeper = Keeper(facts, now, unread="desired_stamps")
    twin = keeper.twin
    if not _is_news(twin, epoch, report):
        return _reception(twin, is_changed=False, is_outdated=True)
    document = _reported(twin, report)
    cause = [actor.as_cause()]
    origin = Origin.PATCH if report.document is None else Origin.REPLACE
    changes = keeper.report(document, by=actor.label, cause=cause, origin=origin)
    if report.seq is not None:
        keeper.set(reported_seq=report.seq)
    if epoch is not None:
        keeper.set(reported_epoch=epoch)
    _note_applied(keeper, report.desired_version, actor, now)
    keeper.forget_removals()
    keeper.save()
    return _reception(twin, is_changed=bool(changes), is_outdated=False)


def _is_news(twin: Twin, epoch: int | None, report: TwinReported) -> bool:
    """Whether the report is newer than all that were kept; one without a number always is.

    A device that has lost its count begins it anew with its whole document in a new session.
    """
    if report.seq is None or twin.reported_seq is None or report.seq > twin.reported_seq:
        return True
    return report.document is not None and epoch is not None and epoch > twin.reported_epoch


def _reported(twin: Twin, report: TwinReported) -> dict[str, Any]:
    if report.document is not None:
        document: dict[str, Any] = documents.normal(report.document)
    elif report.patch is not None:
        document = apply_patch(twin.reported, documents.normal(report.patch))
    else:
        document = twin.reported
    refused = documents.refusal(document)
    if refused is not None:
        raise ValidationFailed(details=refused)
    return document


def _note_applied(keeper: Keeper, version: int | None, actor: Actor, now: datetime) -> None:
    """Believe which desired version the device works by.

    It may be an older one than before: a device that was reset has lost what it had taken over.
    One above ours is of before a backup was restored here, or of a former owner. Devices take
    newer versions only, so that ours gets a number above it: nothing else would ever reach it.
    """
    twin = keeper.twin
    if version is None or version == twin.applied_version:
        return
    if version <= twin.desired_version:
        keeper.set(applied_version=version, applied_at=now)
    elif version < _HIGHEST and twin.tenant_id is not None:
        keeper.outbid(version, by=actor.label, cause=[actor.as_cause()])


def _reception(twin: Twin, *, is_changed: bool, is_outdated: bool) -> Reception:
    return Reception(
        is_changed=is_changed,
        is_outdated=is_outdated,
        reported_version=twin.reported_version,
        desired_version=twin.desired_version,
        applied_version=twin.applied_version,
    )
