"""Deadlines: every command leaves every state in time, whatever happens to its device."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from commands import state_machine
from commands.models import Command
from commands.services import transitions
from devices.services import sessions
from kernel.unit_of_work import unit_of_work

# Commands moved in one transaction, which holds the locks of their devices meanwhile.
CHUNK = 200
# After so many seconds other jobs have their turn; the rest is due again at once.
PATIENCE_S = 2.0

Mover = Callable[[list[Command], datetime], int]


def sweep(now: datetime) -> int:
    """Expire what was never sent, call unknown what was never answered; returns how many moved.

    Safe to run in any number of processes: each chunk is judged again under its devices' locks.
    """
    rows = Command.objects.unscoped("deadlines are the platform's matter")
    unanswered = rows.filter(state__in=state_machine.IN_FLIGHT, timeout_at__lte=now)
    expired = rows.filter(finished_at__isnull=True, expires_at__lte=now)
    return _sweep_all(unanswered.order_by("timeout_at"), _call_unknown, now) + _sweep_all(
        expired.order_by("expires_at"), _end, now
    )


def _sweep_all(due: QuerySet[Command], move: Mover, now: datetime) -> int:
    moved, until = 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = dict(due.values_list("pk", "device_id")[:CHUNK])
        # A whole chunk that nobody could move would be found again and again.
        if not found or not (step := _sweep_chunk(due, found, move, now)):
            break
        moved += step
    return moved


def _sweep_chunk(due: QuerySet[Command], found: dict[int, int], move: Mover, now: datetime) -> int:
    with unit_of_work():
        sessions.lock_devices(device_ids=set(found.values()))
        # A statement of its own: others may have moved some while the locks were waited for.
        locked = due.filter(pk__in=found).select_related("device").order_by("pk")
        return move(list(locked), now)


def _call_unknown(commands: list[Command], now: datetime) -> int:
    over = [command for command in commands if command.expires_at <= now]
    still_open = [command for command in commands if command.expires_at > now]
    return _move(over, state_machine.TIMED_OUT, "outcome_unknown", now, finished_at=now) + _move(
        still_open, state_machine.TIMED_OUT, "no_answer_yet", now
    )


def _end(commands: list[Command], now: datetime) -> int:
    """The time is over: for who was never asked, and for late answers."""
    by_state: dict[str, list[Command]] = defaultdict(list)
    for command in commands:
        by_state[command.state].append(command)
    moved = _move(
        by_state.pop(state_machine.QUEUED, []),
        state_machine.EXPIRED,
        "never_sent",
        now,
        finished_at=now,
    )
    for command in by_state.pop(state_machine.TIMED_OUT, []):
        moved += transitions.leave_unknown(
            command=command, device_uid=command.device.uid, reason="outcome_unknown", now=now
        )
    for in_flight in by_state.values():
        moved += _move(in_flight, state_machine.TIMED_OUT, "outcome_unknown", now, finished_at=now)
    return moved


def _move(
    commands: Collection[Command], target: str, reason: str, now: datetime, **values: Any
) -> int:
    """Move all of them, those of one state at a time."""
    by_state: dict[str, list[Command]] = defaultdict(list)
    for command in commands:
        by_state[command.state].append(command)
    return sum(
        transitions.move_together(commands=alike, target=target, reason=reason, now=now, **values)
        for alike in by_state.values()
    )
