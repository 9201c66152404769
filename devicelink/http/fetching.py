"""What a device that fetches its commands over HTTP is given, and what it answers to them.

Both doors of the route go through here: the raw one and the view that is its reference.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from commands import selectors as command_selectors
from commands.services import delivery, results
from commands.types import CommandView
from devicelink import documents
from devicelink.documents import Document
from devices.choices import Wire
from devices.services import contacts, timeouts
from devices.types import KnownCaller, SessionFacts
from edge.protocol import codec
from edge.protocol.errors import ProtocolError
from edge.protocol.messages import Ack, Config, DownMessage, TwinDesired
from kernel import errors, row_security
from kernel.unit_of_work import unit_of_work

MAX_WAIT_S: Final = 25.0
MAX_LIMIT: Final = 16
# How soon a device comes back that does not wait here, where nobody said how often it calls.
_USUAL_INTERVAL_S: Final = 10
_FIELDS: Final = ("relays", "error", "progress", "state_seq")
# How others say it; the protocol's own words are among them.
_STATUSES: Final = {
    **dict.fromkeys(("accepted", "acknowledged", "acked", "started", "running"), "accepted"),
    **dict.fromkeys(("in_progress", "executing", "pending"), "accepted"),
    **dict.fromkeys(("succeeded", "success", "completed", "complete", "done", "ok"), "succeeded"),
    **dict.fromkeys(("failed", "failure", "error"), "failed"),
    **dict.fromkeys(("rejected", "refused", "unsupported"), "rejected"),
    **dict.fromkeys(("cancelled", "canceled"), "cancelled"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a device asks for: so many commands at most, and how long it would wait for one."""

    wait_s: float = 0.0
    limit: int = MAX_LIMIT


@dataclass(frozen=True, slots=True)
class Fetched:
    """What there is for a device; the commands are marked as sent to it."""

    commands: list[DownMessage]
    documents: list[Document] = field(default_factory=list)
    is_cut: bool = False
    interval_s: int | None = None
    # So long it may wait here without being taken for silent.
    patience_s: float = MAX_WAIT_S

    def body(self, asked: Asked, now: datetime) -> dict[str, Any]:
        """The answer."""
        by_type = {one.type: _plain(one) for one in self.documents}
        return {
            "commands": [_plain(command) for command in self.commands],
            "config": by_type.get(Config.type),
            "twin_desired": by_type.get(TwinDesired.type),
            "server_time": codec.format_moment(now),
            "next_poll_s": self._next_poll_s(asked),
        }

    def _next_poll_s(self, asked: Asked) -> int:
        if self.is_cut:
            return 0
        if self.interval_s is not None:
            return self.interval_s
        return 0 if asked.wait_s else _USUAL_INTERVAL_S


def read_query(query: str) -> Asked:
    """What the address asks for. Raises ValidationFailed."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    wrong: dict[str, list[str]] = {}
    wait_s = _number(given.get("wait", "0"), highest=MAX_WAIT_S)
    if wait_s is None:
        wrong["wait"] = [f"Seconds from 0 to {MAX_WAIT_S:g}."]
    limit = _number(given.get("limit", str(MAX_LIMIT)), highest=MAX_LIMIT)
    if limit is None or limit < 1 or limit != int(limit):
        wrong["limit"] = [f"A whole number from 1 to {MAX_LIMIT}."]
    if wait_s is None or limit is None or wrong:
        raise errors.ValidationFailed(details=wrong)
    return Asked(wait_s, int(limit))


def fetch(caller: KnownCaller, asked: Asked, now: datetime) -> Fetched | None:
    """Take what there is for the device, in one transaction; None for a key that is void.

    Runs on a database thread.
    """
    with row_security.device_scope(caller.tenant_id):
        with unit_of_work():
            facts = contacts.confirm_fetch(caller=caller, now=now)
            if facts is None:
                return None
            has_come_back = not facts.beside.is_polling(now)
            commands = delivery.claim_deliverable(
                device_id=caller.device_id,
                epoch=None,
                wire=Wire.HTTP,
                now=now,
                reconnect=has_come_back,
                limit=asked.limit,
            )
        found = documents.unapplied([caller.device_id], has_connected=has_come_back)
    return Fetched(
        commands,
        found.get(caller.device_id, []),
        is_cut=len(commands) >= asked.limit,
        interval_s=facts.beside.poll_interval_s,
        patience_s=_patience_s(facts),
    )


def read_result(command_id: str, body: Mapping[str, Any]) -> Ack:
    """What the device says of a command. Raises ValidationFailed with a pointer to the member."""
    said = {name: body[name] for name in _FIELDS if body.get(name) is not None}
    said |= {"type": Ack.type, "command_id": command_id, "status": _status(body.get("status"))}
    if (result := body.get("result")) is not None:
        said["result"] = result if isinstance(result, Mapping) else {"value": result}
    try:
        ack = codec.decode_up(json.dumps(said))
    except ProtocolError as error:
        named = error.field or "body"
        raise errors.ValidationFailed(details={named: [error.reason or error.message]}) from None
    if not isinstance(ack, Ack):
        raise errors.InternalError
    return ack


def record_result(caller: KnownCaller, command_id: str, ack: Ack, now: datetime) -> CommandView:
    """Keep what the device says and return the command as it is then; twice is fine.

    Raises NotFound for a command that is not the device's, InvalidCredentials for a void key.
    """
    uid = _uid_of(command_id)
    with unit_of_work():
        if not contacts.confirm_callers(callers={caller}, now=now):
            raise errors.InvalidCredentials
        if command_selectors.command_for_device(device_id=caller.device_id, uid=uid) is None:
            raise errors.NotFound
        results.record_ack(device_id=caller.device_id, epoch=None, ack=ack, now=now)
        command = command_selectors.command_for_device(device_id=caller.device_id, uid=uid)
    if command is None:
        raise errors.NotFound
    return command


def _status(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    return _STATUSES.get(given.strip().lower().replace("-", "_").replace(" ", "_"), given)


def _uid_of(command_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(command_id)
    except ValueError:
        raise errors.NotFound from None


def _patience_s(facts: SessionFacts) -> float:
    return min(MAX_WAIT_S, timeouts.in_force(facts.offline_after_s) / 2)


def _plain(message: DownMessage) -> Any:
    return json.loads(codec.encode(message))


def _number(text: str, *, highest: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= highest else None
