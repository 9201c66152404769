"""What becomes of the messages of each channel: each is one service call for its device."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from commands.services import results
from devicelink.mqtt.together import SETTLED, Outcome, Result, Together
from devices.errors import DeviceUnpaired
from devices.services import config, contacts, inputs
from edge.protocol.messages import (
    Ack,
    ConfigApplied,
    InputEvent,
    IrLearned,
    LinkStatus,
    SensorAck,
    SensorReport,
    StateReport,
    Status,
    TwinReported,
)
from edge.protocol.topics import UpChannel
from infrared.services import learning
from kernel import errors
from kernel.unit_of_work import unit_of_work
from relays.services import reporting
from telemetry.services import sensing
from twins.services import reporting as twin_reporting


def sensors() -> Together:
    """Sensor reports, answered where they ask for that."""
    return Together(UpChannel.SENSOR, {SensorReport: record_sensors})


def statuses(on_greeted: Callable[[str], None] | None = None) -> Together:
    """Greetings and goodbyes of devices' connections to the broker."""
    return Together(UpChannel.STATUS, {Status: note_status}, on_greeted=on_greeted)


def acks() -> Together:
    """What became of commands and configurations on the devices."""
    return Together(UpChannel.ACK, {Ack: _record_ack, ConfigApplied: _confirm_config})


def states() -> Together:
    """The relay boards as the devices see them."""
    return Together(UpChannel.STATE, {StateReport: _apply_state})


def happenings() -> Together:
    """What happens at the devices themselves."""
    return Together(UpChannel.EVENT, {InputEvent: _record_input, IrLearned: _record_learned})


def twin_reports() -> Together:
    """What devices are like, answered where they ask for that."""
    return Together(UpChannel.TWIN_REPORTED, {TwinReported: _record_twin})


def record_sensors(uid: str, report: SensorReport, now: datetime) -> Result:
    with unit_of_work():
        sensing.record_sensor_report(device_id=_speaker(uid, now), report=report, now=now)
    if report.report_id is None:
        return SETTLED
    return Result(Outcome.SETTLE, SensorAck(report.report_id))


def note_status(uid: str, status: Status, now: datetime) -> Result:
    try:
        if status.status is LinkStatus.ONLINE:
            is_here = contacts.greet(device_uid=uid, client_session=status.session, now=now)
            return Result(Outcome.SETTLE, greeted=uid if is_here else "")
        contacts.say_goodbye(device_uid=uid, client_session=status.session, now=now)
    except (errors.NotFound, DeviceUnpaired):
        # The will of a device that was unpaired a moment ago: there is nothing to try again.
        return SETTLED
    return SETTLED


def _record_ack(uid: str, ack: Ack, now: datetime) -> Result:
    with unit_of_work():
        results.record_ack(device_id=_speaker(uid, now), epoch=None, ack=ack, now=now)
    return SETTLED


def _confirm_config(uid: str, message: ConfigApplied, now: datetime) -> Result:
    with unit_of_work():
        config.confirm(device_id=_speaker(uid, now), epoch=None, message=message, now=now)
    return SETTLED


def _apply_state(uid: str, report: StateReport, now: datetime) -> Result:
    with unit_of_work():
        reporting.apply_state_report(
            device_id=_speaker(uid, now), epoch=None, report=report, now=now
        )
    return SETTLED


def _record_input(uid: str, event: InputEvent, now: datetime) -> Result:
    with unit_of_work():
        inputs.record_input_event(device_id=_speaker(uid, now), epoch=None, event=event, now=now)
    return SETTLED


def _record_learned(uid: str, message: IrLearned, now: datetime) -> Result:
    with unit_of_work():
        learning.record_learned(device_id=_speaker(uid, now), epoch=None, message=message, now=now)
    return SETTLED


def _record_twin(uid: str, report: TwinReported, now: datetime) -> Result:
    with unit_of_work():
        reply = twin_reporting.record_report(
            device_id=_speaker(uid, now), epoch=None, report=report, now=now
        )
    return Result(Outcome.SETTLE, reply)


def _speaker(uid: str, now: datetime) -> int:
    """The device of that name, locked and noted as heard. Raises NotFound."""
    known = contacts.confirm_publishers(device_uids={uid}, now=now)
    if uid not in known:
        raise errors.NotFound
    return known[uid].device_id
