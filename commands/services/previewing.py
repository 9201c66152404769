"""What would happen: a request is carried out and undone, so that no rule is told twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from commands import lanes, registry, selectors, state_machine
from commands.models import Command
from commands.services import kinds, requesting
from commands.types import OtherCommand, Preview, Terms
from devices import selectors as device_selectors
from devices.errors import DeviceArchived
from devices.services import sessions
from devices.types import SessionFacts
from kernel.actors import Actor
from kernel.errors import HomepotError
from kernel.unit_of_work import rehearsal

SEND = "sent_now"
QUEUE = "queued"
REFUSE = "refused"


def preview_command(
    *,
    device_uid: str,
    kind: str,
    payload: dict[str, Any],
    delivery: str | None = None,
    expires_in_s: int | None = None,
    coalesce: bool | None = None,
    actor: Actor,
    now: datetime,
) -> Preview:
    """Tell what `request_command` would do now, without doing it.

    Holds the device's lock as the request would. Not for inside a unit of work. Raises NotFound
    for a device that the actor may not see.
    """
    try:
        device_id, tenant_id = device_selectors.device_keys(actor=actor, uid=device_uid)
    except DeviceArchived as refusal:
        return _refused(kind, refusal)
    try:
        found, payload = kinds.check(kind=kind, payload=payload, tenant_id=tenant_id, actor=actor)
        with rehearsal():
            facts = sessions.lock_session(device_id=device_id)
            before = selectors.open_commands_of(device_id)
            command = requesting.request_checked(
                facts=facts,
                kind=found,
                payload=payload,
                terms=Terms(delivery, expires_in_s, coalesce),
                actor=actor,
                now=now,
            )
            return _told(facts, command, before, selectors.open_commands_of(device_id), now)
    except HomepotError as refusal:
        return _refused(kind, refusal)


def _refused(kind: str, refusal: HomepotError) -> Preview:
    return Preview(
        verdict=REFUSE,
        message=refusal.message,
        kind=registry.plain_name(kind),
        code=refusal.code,
        status=refusal.status,
        details=refusal.details,
    )


def _told(
    facts: SessionFacts,
    command: Command,
    before: list[Command],
    after: list[Command],
    now: datetime,
) -> Preview:
    still_open = {other.pk for other in after}
    gone = [other for other in before if other.pk not in still_open]
    ahead = [other for other in after if other.pk < command.pk and _holds_up(other, command)]
    is_reachable = facts.is_reachable(command.expires_at - now, now=now)
    is_sent = is_reachable and not ahead
    return Preview(
        verdict=SEND if is_sent else QUEUE,
        message=_sentence(facts, command, ahead, is_reachable=is_reachable),
        kind=command.kind,
        delivery=str(command.delivery),
        payload=command.payload,
        lane=command.lane,
        expires_at=command.expires_at,
        is_reachable=is_reachable,
        last_seen_at=facts.last_seen_at,
        waits_for=tuple(_shown(other) for other in ahead),
        supersedes=tuple(_shown(other) for other in gone),
    )


def _holds_up(other: Command, command: Command) -> bool:
    """An unknown outcome has freed its lane; see lanes.deliverable."""
    return other.state != state_machine.TIMED_OUT and lanes.exclude(other.lane, command.lane)


def _sentence(
    facts: SessionFacts, command: Command, ahead: list[Command], *, is_reachable: bool
) -> str:
    until = f"until {_moment(command.expires_at)}"
    if not is_reachable:
        seen = facts.last_seen_at
        since = "never" if seen is None else f"last at {_moment(seen)}"
        return f"It waits {until} for the device, which is not connected (heard {since})."
    if ahead:
        first = ahead[-1]
        return f"It waits {until} for {first.kind} ({first.state}), which goes before it."
    return "It goes to the device at once."


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _shown(command: Command) -> OtherCommand:
    return OtherCommand(
        id=str(command.uid),
        kind=command.kind,
        state=str(command.state),
        created_at=command.created_at,
    )
