"""Try again what could not be used, or throw it away, when a person asks for it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from accounts.permissions import require_platform_admin
from audit.services import recording
from devices import permissions
from devices.errors import DeviceUnpaired
from devices.services import sessions
from edge.protocol import codec
from edge.protocol.errors import ProtocolError
from edge.protocol.messages import SensorReport, Telemetry
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.locking import locking
from kernel.row_security import PLATFORM_TENANT
from kernel.unit_of_work import unit_of_work
from telemetry.models import SetAsidePayload
from telemetry.sensor_types import Outcome
from telemetry.services import ingestion, sensing


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What became of a payload that was tried again: of its readings, or of its sensors."""

    stored: int
    duplicates: int
    rejected: int


def replay_payload(*, uid: str, actor: Actor, now: datetime) -> Replayed:
    """Take the payload in as if it came now; a second time it brings nothing new.

    Raises NotFound, PermissionDenied below operator, ValidationFailed for what still cannot be
    understood, DeviceUnpaired after the end of the life, Conflict for a name no device has.
    """
    with unit_of_work():
        _lock_device_of(uid, actor)
        row = _find(uid, actor)
        message = _decode(row)
        if row.device_id is None:
            raise errors.Conflict("No device has the name that the topic of this payload holds.")
        with _scope_of(row):
            if isinstance(message, Telemetry):
                done = _take_readings(row.device_id, _dated(message, row.received_at), now)
            else:
                done = _take_sensors(row.device_id, message, now)
        row.replayed_at = now
        row.save(update_fields=["replayed_at"])
        _record("telemetry.set_aside.replayed", row, actor, now)
    return done


def discard_payload(*, uid: str, actor: Actor, now: datetime) -> None:
    """Delete the payload. Raises NotFound, and PermissionDenied below operator."""
    with unit_of_work():
        row = _find(uid, actor)
        _record("telemetry.set_aside.discarded", row, actor, now)
        row.delete()


def _lock_device_of(uid: str, actor: Actor) -> None:
    """Before the payload: who keeps one that comes again locks them in this order."""
    rows = SetAsidePayload.objects.visible_to(actor).filter(uid=uid, device_id__isnull=False)
    sessions.lock_devices(device_ids=list(rows.values_list("device_id", flat=True)))


def _find(uid: str, actor: Actor) -> SetAsidePayload:
    rows = locking(SetAsidePayload.objects.visible_to(actor).filter(uid=uid))
    row: SetAsidePayload | None = rows.first()
    if row is None:
        raise errors.NotFound
    if row.tenant_id == PLATFORM_TENANT:
        require_platform_admin(actor)
    else:
        permissions.require_operate(actor, row.tenant_id)
    return row


def _decode(row: SetAsidePayload) -> Telemetry | SensorReport:
    try:
        message = codec.decode_up(bytes(row.payload))
    except ProtocolError as refusal:
        raise errors.ValidationFailed(
            "This payload still cannot be understood.",
            details={refusal.field.lstrip("/") or "payload": [refusal.reason or refusal.message]},
        ) from None
    if not isinstance(message, (Telemetry, SensorReport)):
        raise errors.ValidationFailed(
            "This payload holds neither readings nor sensors.",
            details={"type": [message.type]},
        )
    return message


def _scope_of(row: SetAsidePayload) -> AbstractContextManager[None]:
    # Rows of a device without an owner are seen by platform-wide work only.
    if row.tenant_id == PLATFORM_TENANT:
        return row_security.platform_scope("telemetry.replay")
    return nullcontext()


def _dated(telemetry: Telemetry, received_at: datetime) -> Telemetry:
    """Readings of a device without a clock are of the time at which they first came."""
    readings = tuple(
        reading if reading.at else replace(reading, at=received_at)
        for reading in telemetry.readings
    )
    return replace(telemetry, readings=readings)


def _take_readings(device_id: int, telemetry: Telemetry, now: datetime) -> Replayed:
    facts = sessions.lock_session(device_id=device_id)
    if not facts.is_active:
        raise DeviceUnpaired
    taken = ingestion.ingest_readings(
        device_id=device_id, tenant_id=facts.tenant_id, telemetry=telemetry, now=now
    )
    return Replayed(stored=taken.stored, duplicates=taken.duplicates, rejected=taken.rejected)


def _take_sensors(device_id: int, report: SensorReport, now: datetime) -> Replayed:
    outcomes = [
        verdict.outcome
        for verdict in sensing.record_sensor_report(
            device_id=device_id, report=report, now=now
        ).verdicts
    ]
    rejected = outcomes.count(Outcome.REJECTED)
    stored = outcomes.count(Outcome.STORED) + outcomes.count(Outcome.LATE)
    return Replayed(stored=stored, rejected=rejected, duplicates=len(outcomes) - stored - rejected)


def _record(action: str, row: SetAsidePayload, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=row.tenant_id or None,
        action=action,
        actor=actor,
        target_type="device",
        target_id=row.device_uid,
        before=None,
        after={"payload": row.uid, "topic": row.topic, "reason": row.reason},
        now=now,
    )
