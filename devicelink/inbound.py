"""What devices say in a session: each type of message becomes exactly one service call.

Telemetry goes its own way, with that of all other devices (`devicelink.ingest`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

from django.db import InterfaceError, OperationalError

from commands.services import delivery, results
from devicelink import documents
from devicelink.documents import Told
from devices.choices import Wire
from devices.errors import DeviceUnpaired, SessionFenced
from devices.services import config, inputs
from devices.types import HeldSession
from edge.protocol import messages
from infrared.services import learning
from kernel import errors, row_security
from relays.services import reporting
from telemetry.services import sensing
from twins.services import reporting as twin_reporting

logger = logging.getLogger(__name__)

# Refusals that end the session: whatever this sender says next is refused too.
_ENDING = (SessionFenced, DeviceUnpaired)
_DATABASE_AWAY = (OperationalError, InterfaceError)


class Pull(Enum):
    """What to fetch for the device besides handling what it said."""

    NOTHING = auto()
    QUEUED = auto()
    # A session begins with what former ones were sent and never answered.
    ALSO_UNANSWERED = auto()


@dataclass(kw_only=True, slots=True)
class Outcome:
    """What is to be sent back for a batch of messages, in order, and what ended it early.

    A reply is here only when what it answers is committed. After an `ending` the rest of the
    batch was not touched, and the device will say it again.
    """

    replies: list[messages.DownMessage] = field(default_factory=list)
    ending: Exception | None = None
    has_bug: bool = False


def handle(
    *,
    sender: HeldSession,
    said: Sequence[messages.UpMessage],
    pull: Pull,
    told: Told | None = None,
    now: datetime,
) -> Outcome:
    """Carry out the messages in order, then claim what the device is to be sent.

    With `told`, the documents it works by in other versions are fetched too, as far as they are
    newer. Runs on a database thread. Each message is its own transaction: a refused one changes
    nothing and does not stop its neighbours.
    """
    with row_security.device_scope(sender.tenant_id):
        outcome = _handle(sender, said, pull, now)
        if told is not None and outcome.ending is None:
            _attempt(outcome, lambda: _documents(sender, told, pull))
        return outcome


def _documents(sender: HeldSession, told: Told, pull: Pull) -> Sequence[messages.DownMessage]:
    has_connected = pull is Pull.ALSO_UNANSWERED
    found = documents.unapplied([sender.device_id], has_connected=has_connected)
    return documents.untold(found.get(sender.device_id, ()), told)


def _handle(
    sender: HeldSession, said: Sequence[messages.UpMessage], pull: Pull, now: datetime
) -> Outcome:
    outcome = Outcome()
    for message in said:
        if not _attempt(outcome, lambda: _HANDLERS[type(message)](sender, message, now)):  # noqa: B023
            return outcome
    if pull is not Pull.NOTHING:
        _attempt(
            outcome,
            lambda: delivery.claim_deliverable(
                device_id=sender.device_id,
                epoch=sender.epoch,
                wire=Wire.WEBSOCKET,
                now=now,
                reconnect=pull is Pull.ALSO_UNANSWERED,
            ),
        )
    return outcome


def _attempt(outcome: Outcome, call: Callable[[], Sequence[messages.DownMessage]]) -> bool:
    """Add the replies of one call; False when nothing more may be done for this session."""
    try:
        outcome.replies += call()
    except (*_ENDING, *_DATABASE_AWAY) as ending:
        outcome.ending = ending
        return False
    except errors.HomepotError as refusal:
        outcome.replies.append(messages.Error(refusal.code, refusal.message, refusal.retry_after))
    except Exception:
        logger.exception("A message of a device could not be handled")
        outcome.has_bug = True
        outcome.replies.append(
            messages.Error(errors.InternalError.code, errors.InternalError.default_message)
        )
    return True


def _heartbeat(
    sender: HeldSession, message: messages.Heartbeat | messages.Status, now: datetime
) -> list[Any]:
    return []


def _auth(sender: HeldSession, message: messages.Auth, now: datetime) -> list[Any]:
    raise errors.Conflict("This session is authenticated already.")


def _ack(sender: HeldSession, message: messages.Ack, now: datetime) -> list[Any]:
    results.record_ack(device_id=sender.device_id, epoch=sender.epoch, ack=message, now=now)
    return []


def _state_report(sender: HeldSession, message: messages.StateReport, now: datetime) -> list[Any]:
    reporting.apply_state_report(
        device_id=sender.device_id, epoch=sender.epoch, report=message, now=now
    )
    return []


def _input_event(sender: HeldSession, message: messages.InputEvent, now: datetime) -> list[Any]:
    inputs.record_input_event(
        device_id=sender.device_id, epoch=sender.epoch, event=message, now=now
    )
    return []


def _config_applied(
    sender: HeldSession, message: messages.ConfigApplied, now: datetime
) -> list[Any]:
    config.confirm(device_id=sender.device_id, epoch=sender.epoch, message=message, now=now)
    return []


def _twin_reported(
    sender: HeldSession, message: messages.TwinReported, now: datetime
) -> list[messages.TwinAck]:
    taken = twin_reporting.record_report(
        device_id=sender.device_id, epoch=sender.epoch, report=message, now=now
    )
    return [] if taken is None else [taken]


def _ir_learned(sender: HeldSession, message: messages.IrLearned, now: datetime) -> list[Any]:
    learning.record_learned(
        device_id=sender.device_id, epoch=sender.epoch, message=message, now=now
    )
    return []


def _sensor_report(
    sender: HeldSession, message: messages.SensorReport, now: datetime
) -> list[messages.SensorAck]:
    sensing.record_sensor_report(
        device_id=sender.device_id, epoch=sender.epoch, report=message, now=now
    )
    return [] if message.report_id is None else [messages.SensorAck(message.report_id)]


_HANDLERS: dict[type, Callable[[HeldSession, Any, datetime], Sequence[messages.DownMessage]]] = {
    messages.Heartbeat: _heartbeat,
    messages.Auth: _auth,
    messages.Ack: _ack,
    messages.StateReport: _state_report,
    messages.InputEvent: _input_event,
    messages.SensorReport: _sensor_report,
    messages.ConfigApplied: _config_applied,
    messages.TwinReported: _twin_reported,
    messages.IrLearned: _ir_learned,
    # For MQTT only; a session says by itself that it is there.
    messages.Status: _heartbeat,
}
