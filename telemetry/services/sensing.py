"""What sensors say: the newest of each, and every change in order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.services import recording
from devices import permissions, selectors
from devices.errors import DeviceUnpaired
from devices.services import sessions
from devices.types import SessionFacts
from edge.protocol.messages import SensorReading, SensorReport
from kernel import errors, live
from kernel.actors import Actor
from kernel.compiled import Insert, Slot, Update
from kernel.events import publish
from kernel.unit_of_work import require_unit_of_work, unit_of_work
from telemetry import events
from telemetry.models import DeviceSensorEvent, DeviceSensorState
from telemetry.policies import CLOCK_TOLERANCE
from telemetry.sensor_types import (
    MAX_SENSORS,
    TOO_MANY_SENSORS,
    Outcome,
    ReportOutcome,
    Verdict,
    is_same_value,
)
from telemetry.services import attributes

FROM_DEVICE = "device"
FROM_USER = "user"
_NEWS = (Outcome.STORED, Outcome.LATE)
_STATE_COLUMNS = (
    "tenant_id", "kind", "value", "has_text", "unit", "at", "received_at", "is_at_corrected",
    "source", "changed_at", "version",
)  # fmt: skip
_EVENT = Insert(DeviceSensorEvent)
_NEW_STATE = Insert(DeviceSensorState)
_STATE = Update(
    lambda: DeviceSensorState.objects.unscoped("found under the device's lock").filter(
        pk=Slot("pk")
    )
)


def record_sensor_report(
    *, device_id: int, epoch: int | None = None, report: SensorReport, now: datetime
) -> ReportOutcome:
    """Take in what a device reports, in one transaction; bad items never hold up good ones.

    `epoch` is that of its session, None where it has none (HTTP). Raises SessionFenced for a
    session that was replaced and DeviceUnpaired after the end of its life.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        if epoch is not None:
            sessions.require_current(facts, epoch)
        elif not facts.is_active:
            raise DeviceUnpaired
        return _take_in(facts, report, FROM_DEVICE, now)


def record_readings_by_hand(
    *, device_uid: str, report: SensorReport, actor: Actor, now: datetime
) -> ReportOutcome:
    """Take in what a person or a third party read at a device; one audit entry if any is new.

    Raises NotFound, PermissionDenied below operator, DeviceArchived, ValidationFailed for
    attributes: those are the device's own.
    """
    if report.attributes is not None:
        raise errors.ValidationFailed(details={"attributes": ["Only the device itself has those."]})
    with unit_of_work():
        device_id, tenant_id = selectors.device_keys(actor=actor, uid=device_uid)
        permissions.require_operate(actor, tenant_id)
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_living(facts)
        # It may have left the actor's tenant or sites while the lock was waited for.
        selectors.device_keys(actor=actor, uid=facts.device_uid)
        outcome = _take_in(facts, report, FROM_USER, now)
        new = [one for one in outcome.verdicts if one.outcome in _NEWS]
        if new:
            recording.record(
                tenant_id=facts.tenant_id,
                action="telemetry.sensor.entered",
                actor=actor,
                target_type="device",
                target_id=facts.device_uid,
                before=None,
                after={"sensors": sorted({str(one.sensor) for one in new}), "readings": len(new)},
                now=now,
            )
    return outcome


@dataclass(kw_only=True, slots=True)
class _Work:
    """One report on its way: what is known of its sensors, and what is to be written."""

    facts: SessionFacts
    source: str
    now: datetime
    states: dict[str, DeviceSensorState]
    event_ids: set[str]
    sensors: int
    moved: dict[str, DeviceSensorState] = field(default_factory=dict)
    changed: dict[str, DeviceSensorState] = field(default_factory=dict)
    history: list[DeviceSensorEvent] = field(default_factory=list)
    news: list[events.SensorChanged] = field(default_factory=list)


def _take_in(
    facts: SessionFacts, report: SensorReport, source: str, now: datetime
) -> ReportOutcome:
    require_unit_of_work()
    work = _begin(facts, report.sensors, source, now)
    refused = dict(report.rejected_attributes)
    if report.attributes:
        refused |= attributes.keep_attributes(
            device_id=facts.device_id,
            tenant_id=facts.tenant_id,
            attributes=report.attributes,
            now=now,
        )
    judged = [(sent, *_judge(work, sent)) for sent in report.sensors]
    _write(work)
    return ReportOutcome(verdicts=_verdicts(report, judged), refused_attributes=refused)


def _begin(facts: SessionFacts, sent: Sequence[SensorReading], source: str, now: datetime) -> _Work:
    states = DeviceSensorState.objects.unscoped("the device whose lock is held").filter(
        device_id=facts.device_id
    )
    known = DeviceSensorEvent.objects.unscoped("the device whose lock is held").filter(
        device_id=facts.device_id,
        event_id__in=[reading.event_id for reading in sent if reading.event_id is not None],
    )
    names = {reading.sensor for reading in sent}
    by_name = {state.sensor: state for state in states.filter(sensor__in=names)}
    return _Work(
        facts=facts,
        source=source,
        now=now,
        states=by_name,
        event_ids=set(known.values_list("event_id", flat=True)),
        # Whoever names no new sensor cannot have too many.
        sensors=0 if len(by_name) == len(names) else states.count(),
    )


def _judge(work: _Work, sent: SensorReading) -> tuple[Outcome, str]:
    """Decide about one item and note what is to be written for it."""
    if sent.event_id is not None and sent.event_id in work.event_ids:
        return Outcome.DUPLICATE, ""
    state = work.states.get(sent.sensor)
    if state is None and work.sensors >= MAX_SENSORS:
        return Outcome.REJECTED, TOO_MANY_SENSORS
    is_ahead = sent.at is not None and sent.at > work.now + CLOCK_TOLERANCE
    at = work.now if is_ahead or sent.at is None else sent.at
    is_newest = state is None or at >= state.at
    if not is_newest and sent.event_id is None:
        return Outcome.STALE, ""
    is_news = sent.event_id is not None or state is None or _differs(state, sent)
    if is_news:
        _add_event(work, sent, at, is_ahead)
    if not is_newest:
        return Outcome.LATE, ""
    _move(work, state, sent, at, is_ahead, is_news)
    return (Outcome.STORED if is_news else Outcome.UNCHANGED), ""


def _differs(state: DeviceSensorState, sent: SensorReading) -> bool:
    return (state.kind, state.unit) != (sent.kind, sent.unit or "") or not is_same_value(
        state.value, sent.value
    )


def _add_event(work: _Work, sent: SensorReading, at: datetime, is_ahead: bool) -> None:
    work.history.append(
        DeviceSensorEvent(
            device_id=work.facts.device_id,
            tenant_id=work.facts.tenant_id,
            sensor=sent.sensor,
            received_at=work.now,
            event_id=sent.event_id or "",
            **_said(work, sent, at, is_ahead),
        )
    )
    if sent.event_id is not None:
        work.event_ids.add(sent.event_id)


def _move(
    work: _Work,
    state: DeviceSensorState | None,
    sent: SensorReading,
    at: datetime,
    is_ahead: bool,
    is_news: bool,
) -> None:
    """Make this what the sensor says now."""
    previous = None if state is None else state.value
    if state is None:
        state = DeviceSensorState(
            device_id=work.facts.device_id, sensor=sent.sensor, version=0, changed_at=at
        )
        work.states[sent.sensor] = state
        work.sensors += 1
    if not is_same_value(previous, sent.value):
        state.changed_at = at
    for name, value in _said(work, sent, at, is_ahead).items():
        setattr(state, name, value)
    state.tenant_id = work.facts.tenant_id
    state.received_at = work.now
    work.moved[sent.sensor] = state
    if is_news:
        state.version += 1
        work.changed[sent.sensor] = state
        work.news.append(
            events.SensorChanged(
                occurred_at=work.now,
                device_id=work.facts.device_id,
                sensor=sent.sensor,
                kind=sent.kind,
                value=sent.value,
                previous=previous,
            )
        )


def _said(work: _Work, sent: SensorReading, at: datetime, is_ahead: bool) -> dict[str, Any]:
    return {
        "kind": sent.kind,
        "value": dict(sent.value) if isinstance(sent.value, dict) else sent.value,
        "has_text": isinstance(sent.value, str | dict),
        "unit": sent.unit or "",
        "at": at,
        "is_at_corrected": is_ahead,
        "source": work.source,
    }


def _write(work: _Work) -> None:
    _EVENT.many(work.history)
    _NEW_STATE.many([state for state in work.moved.values() if state.pk is None])
    for state in work.moved.values():
        if state.pk is not None:
            columns = {name: getattr(state, name) for name in _STATE_COLUMNS}
            _STATE.run(where={"pk": state.pk}, **columns)
    if work.changed:
        live.append(
            tenant_id=work.facts.tenant_id,
            kind="sensor_state",
            payload=live_payload(work.facts.device_uid, work.changed.values()),
            now=work.now,
        )
    for event in work.news:
        publish(event)


def live_payload(device_uid: str, states: Any) -> dict[str, Any]:
    """The `sensor_state` event of these sensors."""
    return {
        "device_uid": device_uid,
        "sensors": [
            {
                "sensor": state.sensor,
                "kind": state.kind,
                "value": state.value,
                "unit": state.unit,
                "at": state.at.isoformat(),
                "version": state.version,
                "source": state.source,
            }
            for state in states
        ],
    }


def _verdicts(
    report: SensorReport, judged: list[tuple[SensorReading, Outcome, str]]
) -> tuple[Verdict, ...]:
    """All verdicts at the places that the items had in the report."""
    refused = {
        one.index: Verdict(
            index=one.index, sensor=one.sensor, outcome=Outcome.REJECTED, reason=one.reason
        )
        for one in report.rejected
    }
    rest = iter(judged)
    verdicts = []
    for index in range(len(refused) + len(judged)):
        if index in refused:
            verdicts.append(refused[index])
            continue
        sent, outcome, reason = next(rest)
        verdicts.append(Verdict(index=index, sensor=sent.sensor, outcome=outcome, reason=reason))
    return tuple(verdicts)
