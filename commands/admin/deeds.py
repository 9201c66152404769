"""Taking commands and batches back, by their services."""

from __future__ import annotations

from typing import Any

from commands.services import batch_control, cancelling
from kernel.admin import deeds
from kernel.admin.deeds import Deed, Doing

_BATCH = "commands.commandbatch"


def _cancel(row: Any, doing: Doing) -> str:
    view = cancelling.cancel_command(command_uid=row.uid, actor=doing.actor, now=doing.now)
    is_over = view.state == "cancelled"
    return f"{row.kind}: {'cancelled' if is_over else 'its device is asked to drop it'}."


def _pause(row: Any, doing: Doing) -> str:
    batch_control.pause_batch(batch_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row.kind}: paused."


def _resume(row: Any, doing: Doing) -> str:
    batch_control.resume_batch(batch_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row.kind}: goes on."


def _cancel_batch(row: Any, doing: Doing) -> str:
    batch_control.cancel_batch(batch_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row.kind}: cancelled; what was asked is being taken back."


deeds.register(
    Deed(
        model="commands.command",
        name="cancel",
        label="Cancel",
        told="What waits is cancelled. What a device may have already, it is asked to drop; what "
        "it answers then counts.",
        act=deeds.each(_cancel),
        applies=lambda row: row.finished_at is None,
    ),
    Deed(
        model=_BATCH,
        name="pause",
        label="Pause",
        told="No further device is asked until the batch is resumed.",
        act=deeds.each(_pause),
        applies=lambda row: row.state == "running",
    ),
    Deed(
        model=_BATCH,
        name="resume",
        label="Resume",
        told="The next devices are asked.",
        act=deeds.each(_resume),
        applies=lambda row: row.state == "paused",
    ),
    Deed(
        model=_BATCH,
        name="cancel",
        label="Cancel",
        told="No further device is asked, and what was asked is taken back as far as it can be.",
        act=deeds.each(_cancel_batch),
        is_grave=True,
        applies=lambda row: row.finished_at is None,
    ),
)
