"""Deadlines: every command leaves every state in time, whatever happens to its device."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from commands import state_machine
from commands.models import Command
from commands.services import transitions
from devices.services import sessions
from kernel.unit_of_work import unit_of_work

CHUNK = 200


def sweep(now: datetime) -> int:
    """Expire what was never sent, call unknown what was never answered; returns how many moved.

    Safe to run in any number of processes: each move is a compare-and-set.
    """
    return _sweep_timeouts(now) + _sweep_expired(now)


def _sweep_timeouts(now: datetime) -> int:
    rows = Command.objects.unscoped("deadlines are the platform's matter")
    due = rows.filter(state__in=state_machine.IN_FLIGHT, timeout_at__lte=now)
    return _move_each(due.order_by("timeout_at")[:CHUNK], now)


def _sweep_expired(now: datetime) -> int:
    rows = Command.objects.unscoped("deadlines are the platform's matter")
    due = rows.filter(finished_at__isnull=True, expires_at__lte=now)
    return _move_each(due.order_by("expires_at")[:CHUNK], now)


def _move_each(due: object, now: datetime) -> int:
    by_device: dict[int, list[int]] = defaultdict(list)
    for command in due:  # type: ignore[attr-defined]
        by_device[command.device_id].append(command.pk)
    return sum(_move_of(device_id, pks, now) for device_id, pks in by_device.items())


def _move_of(device_id: int, pks: list[int], now: datetime) -> int:
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        rows = Command.objects.unscoped("commands of the device whose lock is held")
        return sum(
            _move_one(command, facts.device_uid, now)
            for command in rows.filter(pk__in=pks, finished_at__isnull=True)
        )


def _move_one(command: Command, device_uid: str, now: datetime) -> bool:
    has_expired = command.expires_at <= now
    if command.state == state_machine.QUEUED:
        return has_expired and transitions.move(
            command=command,
            device_uid=device_uid,
            target=state_machine.EXPIRED,
            reason="never_sent",
            now=now,
        )
    if command.state in state_machine.IN_FLIGHT:
        if command.timeout_at is None or command.timeout_at > now:
            return False
        return transitions.move(
            command=command,
            device_uid=device_uid,
            target=state_machine.TIMED_OUT,
            reason="outcome_unknown" if has_expired else "no_answer_yet",
            now=now,
            finished_at=now if has_expired else None,
        )
    return has_expired and _give_up(command, device_uid, now)


def _give_up(command: Command, device_uid: str, now: datetime) -> bool:
    """The time for a late answer is over: the outcome stays unknown."""
    return transitions.leave_unknown(
        command=command, device_uid=device_uid, reason="outcome_unknown", now=now
    )
