"""What becomes of the open commands of devices whose lives end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from commands import state_machine
from commands.models import Command
from commands.services import transitions
from devices.registry import Ended

REASON = "device_unpaired"


def end_open_commands(ended: Sequence[Ended]) -> None:
    """Cancel what was never sent; what was sent stays unknown for good, for nobody may answer.

    Within the unit of work that ends the lives, under the devices' locks.
    """
    lives = {life.device_id: life for life in ended}
    for command in _open(lives):
        life = lives[command.device_id]
        if command.state == state_machine.TIMED_OUT:
            transitions.leave_unknown(
                command=command, device_uid=life.device_uid, reason=REASON, now=life.now
            )
        else:
            _move(command, life.device_uid, life.now)


def snapshot(device_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """The open commands of each device, oldest first, as JSON values."""
    found: dict[int, list[dict[str, Any]]] = {device_id: [] for device_id in device_ids}
    for command in _open(device_ids):
        found[command.device_id].append(
            {
                "id": str(command.uid),
                "kind": command.kind,
                "payload": command.payload,
                "state": str(command.state),
                "created_at": command.created_at.isoformat(),
                "expires_at": command.expires_at.isoformat(),
            }
        )
    return found


def _open(device_ids: Collection[int]) -> list[Command]:
    rows = Command.objects.unscoped("commands of the devices whose locks are held")
    return list(rows.filter(device_id__in=device_ids, finished_at__isnull=True).order_by("pk"))


def _move(command: Command, device_uid: str, now: datetime) -> None:
    is_queued = command.state == state_machine.QUEUED
    transitions.move(
        command=command,
        device_uid=device_uid,
        target=state_machine.CANCELLED if is_queued else state_machine.TIMED_OUT,
        reason=REASON,
        now=now,
        finished_at=now,
    )
