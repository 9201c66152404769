"""Deadlines: every command leaves every state in time, whatever happens to its device."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet

from commands import state_machine
from commands.models import Command
from commands.services import transitions
from devices.services import sessions
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

# Commands moved in one transaction, which holds the locks of their devices meanwhile.
CHUNK = 200
# Commands found by one look; more are due again within a second.
MOST = 20_000
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
    # One look for all: another one after each chunk would find again what could not be moved.
    found = list(due.values_list("pk", "device_id")[:MOST])
    for start in range(0, len(found), CHUNK):
        if time.monotonic() >= until:
            break
        moved += _sweep_some(due, found[start : start + CHUNK], move, now)
    return moved


def _sweep_some(
    due: QuerySet[Command], found: list[tuple[int, int]], move: Mover, now: datetime
) -> int:
    """One that cannot be moved is narrowed down and passed over: the others do not wait for it."""
    try:
        return _sweep_chunk(due, dict(found), move, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(found) == 1:
            logger.exception("A command cannot leave its state", extra={"command": found[0][0]})
            return 0
        logger.info("Commands could not be moved together: %s", type(error).__name__)
    half = len(found) // 2
    return sum(_sweep_some(due, some, move, now) for some in (found[:half], found[half:]))


def _sweep_chunk(due: QuerySet[Command], found: dict[int, int], move: Mover, now: datetime) -> int:
    with unit_of_work():
        # Whoever is busy with a device may be slow, or dead: the rest does not wait for it.
        free = sessions.lock_free_devices(device_ids=set(found.values()))
        keys = [key for key, device_id in found.items() if device_id in free]
        # A statement of its own: others may have moved some before the locks were taken.
        locked = due.filter(pk__in=keys).select_related("device").order_by("pk")
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
