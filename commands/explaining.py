"""Gathers what is known of one command, for whoever asks why it is where it is."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from audit import selectors as audit_selectors
from commands import explanation, explanation_facts, lanes, registry, state_machine
from commands.models import BatchMember, Command, CommandEvent
from commands.selectors import commands_visible_to, open_commands_of, view_of
from commands.types import CommandView, Effect
from devices import selectors as device_selectors
from devices.choices import Connectivity
from kernel import errors
from kernel.actors import Actor

_BY_WHOM = {
    "commands.command.cancelled": "cancelled_by",
    "commands.command.cancel_asked": "cancel_asked_by",
}
_THERE = {Connectivity.ONLINE, Connectivity.STALE}


def explain_command(
    *, actor: Actor, uid: uuid.UUID, now: datetime
) -> explanation_facts.Explanation:
    """What happened to a command, what it waits for, and what led to what. Raises NotFound."""
    command = commands_visible_to(actor).filter(uid=uid).first()
    if command is None:
        raise errors.NotFound
    view = view_of(command, command.device.uid)
    is_open = command.finished_at is None
    return explanation.explain(
        explanation_facts.Facts(
            command=view,
            moves=_moves(command, actor),
            device=_standing(command, actor, now),
            sends=command.sends,
            max_sends=_max_sends(command.kind),
            timeout_at=command.timeout_at,
            is_worn_out=_is_worn_out(command),
            is_cancel_sent=command.cancel_sent_at is not None,
            blocker=_blocker(command, now) if is_open else None,
            batch=_batch(command),
            effects=_effects(command, view, actor),
            now=now,
        )
    )


def _moves(command: Command, actor: Actor) -> list[explanation_facts.Move]:
    names = _names(command, actor)
    return [
        explanation_facts.Move(
            from_state=event.from_state,
            to_state=event.to_state,
            note=event.reason,
            at=event.at,
            by=names.get(event.reason.partition(":")[0], ""),
        )
        for event in CommandEvent.objects.filter(command=command).order_by("pk")
    ]


def _names(command: Command, actor: Actor) -> dict[str, str]:
    """Who took the command back, as the audit log names them."""
    entries = audit_selectors.entries_visible_to(actor).filter(
        target_type="command", target_id=str(command.uid), action__in=_BY_WHOM
    )
    return {_BY_WHOM[entry.action]: entry.actor_label for entry in entries}


def _standing(command: Command, actor: Actor, now: datetime) -> explanation_facts.Standing:
    found = device_selectors.statuses(actor=actor, uids=[command.device.uid], now=now)
    if not found:
        return explanation_facts.Standing(is_online=False, is_paired=False, since=None)
    (status,) = found
    return explanation_facts.Standing(
        is_online=status.connectivity in _THERE,
        is_paired=True,
        since=None if status.connectivity == Connectivity.NEVER else status.since,
    )


def _max_sends(kind: str) -> int:
    return registry.kind_named(kind).max_sends if registry.knows(kind) else 1


def _is_worn_out(command: Command) -> bool:
    return registry.knows(command.kind) and registry.kind_named(command.kind).is_worn_out(
        command.sends
    )


def _blocker(command: Command, now: datetime) -> explanation_facts.Blocker | None:
    """What goes first: a command on its way, or the last of those that wait before it."""
    if command.state != state_machine.QUEUED:
        return None
    others = [
        other
        for other in open_commands_of(command.device_id)
        if other.pk != command.pk
        and other.expires_at > now
        and lanes.exclude(other.lane, command.lane)
    ]
    on_their_way = [other for other in others if other.is_on_its_way(now)]
    waiting = [
        other for other in others if other.state == state_machine.QUEUED and other.pk < command.pk
    ]
    if not on_their_way and not waiting:
        return None
    first = (on_their_way or waiting)[-1]
    return explanation_facts.Blocker(
        id=str(first.uid), kind=first.kind, state=str(first.state), sent_at=first.sent_at
    )


def _batch(command: Command) -> dict[str, Any] | None:
    members = BatchMember.objects.unscoped("the caller has found the command within its scope")
    member = members.filter(command=command).select_related("batch").first()
    if member is None:
        return None
    return {"id": str(member.batch.uid), "total": member.batch.total}


def _effects(command: Command, view: CommandView, actor: Actor) -> list[Effect]:
    found = [
        effect
        for effects_of in registry.effects().values()
        for effect in effects_of(view, command.device_id)
    ]
    return found + _recorded(command, actor)


def _recorded(command: Command, actor: Actor) -> list[Effect]:
    """Audit entries that were written in the transaction of its outcome."""
    if command.finished_at is None:
        return []
    entries = audit_selectors.entries_visible_to(actor).filter(
        target_type="device", target_id=command.device.uid, at=command.finished_at
    )
    return [
        Effect(
            code=entry.action,
            text=f"Recorded in the audit log as {entry.action}.",
            at=entry.at,
            facts={
                "id": entry.entry_hash,
                "seq": entry.seq,
                "before": entry.before,
                "after": entry.after,
            },
        )
        for entry in entries.order_by("pk")
        if entry.cause == command.cause
    ]
