"""Frames to messages and back, identical on every wire.

Unknown members are ignored, so that either end may be newer; an unknown type is an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from edge.protocol import (
    documents,
    fields,
    limits,
    messages,
    outcomes,
    readings,
    sensors,
    strict_json,
)
from edge.protocol.errors import MALFORMED, TOO_LARGE, UNKNOWN_TYPE, ProtocolError
from edge.protocol.messages import DownMessage, Message, UpMessage

__all__ = ["ProtocolError", "decode_down", "decode_up", "encode", "format_moment"]

_M = TypeVar("_M")


def decode_up(frame: str | bytes) -> UpMessage:
    """Return what a device said, or raise ``ProtocolError``."""
    return _decode(frame, _UP)


def decode_readings(
    body: str | bytes, *, max_bytes: int = limits.MAX_HTTP_INFLATED_BYTES
) -> messages.Telemetry:
    """Return the readings of an HTTP body, which needs no ``type``, or raise ``ProtocolError``.

    Without a ``boot_id`` the device has no counter: the ``boot_id`` is then empty and the number
    of each reading its place in the body.
    """
    members = _object_in(body, max_bytes)
    if members.get("type", messages.Telemetry.type) != messages.Telemetry.type:
        raise fields.invalid("/type", f"{messages.Telemetry.type!r} or none")
    boot_id = fields.optional_reference(members, "boot_id")
    accepted, rejected = readings.telemetry(members, is_counted=boot_id is not None)
    return messages.Telemetry(
        boot_id=boot_id or "",
        readings=accepted,
        rejected=rejected,
        attributes=sensors.usable_attributes(members),
    )


def decode_down(frame: str | bytes) -> DownMessage:
    """Return what the server said, or raise ``ProtocolError``."""
    return _decode(frame, _DOWN)


def encode(message: Message) -> str:
    """Return the frame of a message; members that are None are left out."""
    return strict_json.dumps({"type": message.type, **_members(message)})


def format_moment(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC with Z; a naive one is a programming error."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone cannot be sent")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _object_in(frame: str | bytes, max_bytes: int) -> dict[str, Any]:
    try:
        body = strict_json.loads(frame, max_bytes=max_bytes)
    except strict_json.StrictJSONError as refusal:
        code = TOO_LARGE if refusal.reason == strict_json.TOO_LARGE else MALFORMED
        raise ProtocolError(
            code, f"the frame is not acceptable JSON: {refusal.reason}", reason=refusal.reason
        ) from None
    if not isinstance(body, dict):
        raise ProtocolError(MALFORMED, "a frame is a JSON object")
    return body


def _require_short(frame: str | bytes) -> None:
    size = len(frame.encode() if isinstance(frame, str) else frame)
    if size > limits.MAX_FRAME_BYTES:
        reason = strict_json.TOO_LARGE
        raise ProtocolError(TOO_LARGE, f"the frame is not acceptable JSON: {reason}", reason=reason)


def _decode(frame: str | bytes, decoders: Mapping[str, Callable[[fields.Body], _M]]) -> _M:
    body = _object_in(frame, limits.MAX_DOCUMENT_FRAME_BYTES)
    kind = body.get("type")
    if len(frame) > _SURELY_SHORT and kind not in _CARRY_DOCUMENTS:
        _require_short(frame)
    if not isinstance(kind, str):
        raise fields.invalid("/type", "a string")
    decoder = decoders.get(kind)
    if decoder is None:
        raise ProtocolError(UNKNOWN_TYPE, f"unknown type: {kind[:64]!r}", field="/type")
    return decoder(body)


def _auth(body: fields.Body) -> messages.Auth:
    return messages.Auth(uid=fields.uid(body, "uid"), token=fields.token(body, "token"))


def _heartbeat(_: fields.Body) -> messages.Heartbeat:
    return messages.Heartbeat()


def _ack(body: fields.Body) -> messages.Ack:
    return messages.Ack(
        command_id=fields.uid(body, "command_id"),
        status=outcomes.status(body),
        relays=readings.optional_relays(body, "relays"),
        error=fields.optional_text(body, "error", longest=limits.MAX_ERROR_CHARS),
        state_seq=_state_seq(body),
        result=outcomes.optional_result(body),
        progress=outcomes.optional_progress(body),
    )


def _state_seq(body: fields.Body) -> int | None:
    return _optional_count(body, "state_seq")


def _optional_count(body: fields.Body, name: str) -> int | None:
    return None if body.get(name) is None else _count(body, name)


def _count(body: fields.Body, name: str) -> int:
    return fields.integer(body, name, lowest=0, highest=limits.INT64_MAX)


def _state_report(body: fields.Body) -> messages.StateReport:
    return messages.StateReport(
        relays=readings.relays(body, "relays"),
        firmware_version=fields.optional_text(
            body, "firmware_version", longest=limits.MAX_FIRMWARE_VERSION_CHARS
        ),
        boot_id=fields.optional_reference(body, "boot_id"),
        state_seq=_state_seq(body),
    )


def _input_event(body: fields.Body) -> messages.InputEvent:
    return messages.InputEvent(
        input_index=fields.integer(body, "input_index", lowest=0, highest=limits.MAX_INPUT_INDEX),
        kind=fields.kind(body, "kind"),
        event_id=fields.reference(body, "event_id"),
        at=fields.optional_moment(body, "at"),
    )


def _telemetry(body: fields.Body) -> messages.Telemetry:
    accepted, rejected = readings.telemetry(body)
    return messages.Telemetry(
        boot_id=fields.reference(body, "boot_id"),
        readings=accepted,
        rejected=rejected,
        attributes=sensors.usable_attributes(body),
    )


def _status(body: fields.Body) -> messages.Status:
    status = body.get("status")
    if not isinstance(status, str) or status not in _LINK_STATUSES:
        raise fields.invalid("/status", "one of " + ", ".join(_LINK_STATUSES))
    return messages.Status(
        status=messages.LinkStatus(status), session=fields.reference(body, "session")
    )


def _twin_reported(body: fields.Body) -> messages.TwinReported:
    parts = {
        name: documents.read(body, name)
        for name in ("patch", "document")
        if body.get(name) is not None
    }
    if len(parts) != 1:
        raise fields.invalid("/document", "a document, or a patch instead")
    return messages.TwinReported(
        patch=parts.get("patch"),
        document=parts.get("document"),
        seq=_optional_count(body, "seq"),
        desired_version=_optional_count(body, "desired_version"),
        report_id=fields.optional_reference(body, "report_id"),
    )


def _config_applied(body: fields.Body) -> messages.ConfigApplied:
    return messages.ConfigApplied(
        version=_count(body, "version"),
        error=fields.optional_text(body, "error", longest=limits.MAX_ERROR_CHARS),
    )


def _welcome(body: fields.Body) -> messages.Welcome:
    version_bounds = {"lowest": 0, "highest": limits.INT64_MAX, "default": 0}
    return messages.Welcome(
        session_epoch=_count(body, "session_epoch"),
        server_time=fields.moment(body, "server_time"),
        heartbeat_s=fields.integer(
            body,
            "heartbeat_s",
            lowest=limits.MIN_HEARTBEAT_SECONDS,
            highest=limits.MAX_HEARTBEAT_SECONDS,
        ),
        config_version=fields.optional_integer(body, "config_version", **version_bounds),
        desired_version=fields.optional_integer(body, "desired_version", **version_bounds),
    )


def _set_relay(body: fields.Body) -> messages.SetRelay:
    return messages.SetRelay(
        command_id=fields.uid(body, "command_id"),
        relay_index=fields.integer(body, "relay_index", lowest=0, highest=limits.MAX_RELAY_INDEX),
        is_on=fields.boolean(body, "is_on"),
        expires_at=fields.moment(body, "expires_at"),
    )


def _set_all_relays(body: fields.Body) -> messages.SetAllRelays:
    return messages.SetAllRelays(
        command_id=fields.uid(body, "command_id"),
        is_on=fields.boolean(body, "is_on"),
        expires_at=fields.moment(body, "expires_at"),
    )


def _command(body: fields.Body) -> messages.Command:
    return messages.Command(
        command_id=fields.uid(body, "command_id"),
        kind=fields.kind(body, "kind"),
        payload=fields.document(body, "payload"),
        expires_at=fields.moment(body, "expires_at"),
    )


def _cancel(body: fields.Body) -> messages.Cancel:
    return messages.Cancel(command_id=fields.uid(body, "command_id"))


def _config(body: fields.Body) -> messages.Config:
    return messages.Config(version=_count(body, "version"), config=documents.read(body, "config"))


def _twin_desired(body: fields.Body) -> messages.TwinDesired:
    return messages.TwinDesired(
        version=_count(body, "version"), desired=documents.read(body, "desired")
    )


def _twin_ack(body: fields.Body) -> messages.TwinAck:
    return messages.TwinAck(
        report_id=fields.reference(body, "report_id"),
        reported_version=_count(body, "reported_version"),
    )


def _telemetry_ack(body: fields.Body) -> messages.TelemetryAck:
    return messages.TelemetryAck(
        boot_id=fields.reference(body, "boot_id"),
        acked_seq=fields.integer(body, "acked_seq", lowest=-1, highest=limits.INT64_MAX),
    )


def _sensor_ack(body: fields.Body) -> messages.SensorAck:
    return messages.SensorAck(report_id=fields.reference(body, "report_id"))


def _error(body: fields.Body) -> messages.Error:
    return messages.Error(
        code=fields.kind(body, "code"),
        message=fields.text(body, "message", longest=limits.MAX_ERROR_CHARS),
        retry_after=fields.optional_seconds(body, "retry_after"),
    )


# A character has at most four bytes in UTF-8.
_SURELY_SHORT = limits.MAX_FRAME_BYTES // 4
_CARRY_DOCUMENTS = frozenset(
    kind.type
    for kind in (messages.TwinReported, messages.Command, messages.Config, messages.TwinDesired)
)
_LINK_STATUSES = tuple(status.value for status in messages.LinkStatus)

_UP: dict[str, Callable[[fields.Body], UpMessage]] = {
    messages.Auth.type: _auth,
    messages.Heartbeat.type: _heartbeat,
    messages.Ack.type: _ack,
    messages.StateReport.type: _state_report,
    messages.InputEvent.type: _input_event,
    messages.Telemetry.type: _telemetry,
    messages.SensorReport.type: sensors.report,
    messages.Status.type: _status,
    messages.TwinReported.type: _twin_reported,
    messages.ConfigApplied.type: _config_applied,
    messages.IrLearned.type: outcomes.ir_learned,
}

_DOWN: dict[str, Callable[[fields.Body], DownMessage]] = {
    messages.Welcome.type: _welcome,
    messages.SetRelay.type: _set_relay,
    messages.SetAllRelays.type: _set_all_relays,
    messages.Command.type: _command,
    messages.Cancel.type: _cancel,
    messages.Config.type: _config,
    messages.TwinDesired.type: _twin_desired,
    messages.TwinAck.type: _twin_ack,
    messages.TelemetryAck.type: _telemetry_ack,
    messages.SensorAck.type: _sensor_ack,
    messages.Error.type: _error,
}

# Verdicts are the receiver's own and never sent.
_VERDICTS = frozenset({"rejected", "rejected_attributes"})
_SENT_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in dataclass_fields(kind) if field.name not in _VERDICTS)
    for kind in (
        *messages.UpMessage.__args__,
        *messages.DownMessage.__args__,
        messages.RelayReading,
        messages.Reading,
        messages.SensorReading,
        messages.Progress,
    )
}


def _members(record: object) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name in _SENT_FIELDS[type(record)]:
        value = getattr(record, name)
        if value is not None:
            members[name] = _plain(value)
    return members


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if type(value) in _SENT_FIELDS:
        return _members(value)
    return value
