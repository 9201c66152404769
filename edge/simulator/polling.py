"""Asking the server for commands over HTTP, and what a call makes of each message of a device."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from edge.protocol import codec, messages, strict_json
from edge.protocol.fields import parse_moment
from edge.simulator import frames

PENDING_PATH: Final = "/api/v1/devices/pending"
_RESULT_PATH: Final = "/api/v1/devices/commands/{}/result"
_NO_COMMAND: Final = "none"
_CONFIG_PATH: Final = "/api/v1/devices/self/config/applied"
_MERGE_PATCH: Final = "application/merge-patch+json"
_JSON: Final = "application/json"
# By the kind of message; what no decoder may accept goes where it does most harm.
PATHS: Final[Mapping[str, str]] = {
    messages.Telemetry.type: "/api/v1/analytics/device-metrics",
    messages.SensorReport.type: "/api/v1/devices/sensor-report",
    messages.Ack.type: _RESULT_PATH,
    messages.ConfigApplied.type: _CONFIG_PATH,
    messages.TwinReported.type: "/api/v1/devices/{}/twin/reported",
    messages.IrLearned.type: "",
    "": "/api/v1/analytics/device-metrics",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call that says something to the server."""

    kind: str
    path: str
    body: bytes
    method: str = "POST"
    content_type: str = _JSON


class Phrasing:
    """Turns the messages of one device into calls; what has no call of its own waits for one."""

    def __init__(self) -> None:
        self._learned: dict[str, dict[str, Any]] = {}

    def call_for(self, frame: str | bytes, *, uid: str, reported: Mapping[str, Any]) -> Call | None:
        """Return how to say this over HTTP; None for what cannot be said, or not yet.

        ``reported`` is all that the server may have of the device's own state.
        """
        kind = frames.kind_of(frame, PATHS)
        if kind is None:
            return None
        # The body is the frame: the member `type` it has besides is nobody's business there.
        body = frame if isinstance(frame, bytes) else frame.encode()
        plain = frames.plain(frame) or {}
        if kind == messages.IrLearned.type:
            self._learned[plain["command_id"]] = {
                name: plain[name] for name in ("frequency_hz", "timings")
            }
            return None
        if kind == messages.Ack.type:
            return self._result(plain)
        if kind == messages.TwinReported.type:
            return _report(plain, uid, reported)
        return Call(kind, PATHS[kind], body)

    def _result(self, plain: dict[str, Any]) -> Call:
        # What is malformed on purpose may lack anything.
        command_id = str(plain.get("command_id", _NO_COMMAND))
        learned = self._learned.get(command_id)
        if learned is not None and plain.get("status") == messages.AckStatus.SUCCEEDED:
            plain = plain | {"result": learned}
        body = strict_json.dumps(plain).encode()
        return Call(messages.Ack.type, _RESULT_PATH.format(command_id), body)


def _report(plain: dict[str, Any], uid: str, reported: Mapping[str, Any]) -> Call:
    patch = plain.get("patch")
    if patch is None:
        patch = _whole_as_patch(reported, plain["document"])
    path = PATHS[messages.TwinReported.type].format(uid)
    return Call(
        messages.TwinReported.type,
        f"{path}?desired_version={plain.get('desired_version', 0)}",
        strict_json.dumps(patch).encode(),
        method="PATCH",
        content_type=_MERGE_PATCH,
    )


def pending_path(*, wait_s: int) -> str:
    """Return where to ask for what is waiting."""
    return f"{PENDING_PATH}?wait={wait_s}"


def messages_in(body: Any) -> list[messages.DownMessage]:
    """Return what the answer to such a question holds, in the order to act on it."""
    if not isinstance(body, dict):
        return []
    commands = body.get("commands")
    found = list(commands) if isinstance(commands, list) else []
    found += [body[name] for name in ("config", "twin_desired") if body.get(name) is not None]
    return [message for plain in found if (message := _decoded(plain)) is not None]


def server_time_in(body: Any) -> datetime | None:
    """Return the server's time by such an answer."""
    return parse_moment(body.get("server_time")) if isinstance(body, dict) else None


def _decoded(plain: Any) -> messages.DownMessage | None:
    try:
        return codec.decode_down(strict_json.dumps(plain))
    except codec.ProtocolError:
        return None


def _whole_as_patch(known: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch that makes this document of any part of what is known."""
    patch: dict[str, Any] = {name: None for name in known if name not in document}
    for name, value in document.items():
        before = known.get(name)
        both_are_objects = isinstance(before, dict) and isinstance(value, dict)
        patch[name] = _whole_as_patch(before, value) if both_are_objects else value  # type: ignore[arg-type]
    return patch
