"""Holding a batch up, letting it go on, and calling it off."""

from __future__ import annotations

import uuid
from datetime import datetime

from audit.services import recording
from commands import batch_selectors, errors
from commands.batch_types import BatchView
from commands.choices import BatchState, MemberState
from commands.models import BatchMember, Command, CommandBatch
from commands.services import batching, cancelling
from devices import permissions
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work


def pause_batch(*, batch_uid: uuid.UUID, actor: Actor, now: datetime) -> BatchView:
    """Ask no further device until the batch is resumed; what was asked goes on.

    Raises NotFound, PermissionDenied, and BatchIsOver.
    """
    with unit_of_work():
        batch = _locked(batch_uid, actor)
        if batch.state == BatchState.RUNNING:
            _move(batch, BatchState.PAUSED, "", actor, now)
            batch.paused_at, batch.due_at = now, None
            batch.save(update_fields=["paused_at", "due_at"])
    return batch_selectors.view_of(batch, actor)


def resume_batch(*, batch_uid: uuid.UUID, actor: Actor, now: datetime) -> BatchView:
    """Go on asking. Raises as `pause_batch` does."""
    with unit_of_work():
        batch = _locked(batch_uid, actor)
        if batch.state == BatchState.PAUSED:
            _move(batch, BatchState.RUNNING, "", actor, now)
            batch.paused_at, batch.due_at = None, now
            batch.save(update_fields=["paused_at", "due_at"])
    return batch_selectors.view_of(batch, actor)


def cancel_batch(*, batch_uid: uuid.UUID, actor: Actor, now: datetime) -> BatchView:
    """Ask no further device, and take back what was asked, as far as the devices still can.

    The job of the batches takes back. Raises as `pause_batch` does.
    """
    with unit_of_work():
        batch = _locked(batch_uid, actor)
        end(batch, BatchState.CANCELLED, "cancelled", actor=actor, now=now)
    return batch_selectors.view_of(batch, actor)


def end(
    batch: CommandBatch, state: BatchState, reason: str, *, actor: Actor, now: datetime
) -> None:
    """End a batch that is open, within the caller's unit of work, under its lock."""
    members = BatchMember.objects.unscoped("members of the batch whose lock is held")
    pending = members.filter(batch=batch, state=MemberState.PENDING)
    pending.update(state=MemberState.SKIPPED, reason=reason)
    _move(batch, state, reason, actor, now)
    # What is called off has commands to take back, which the job does when it is due.
    batch.finished_at, batch.paused_at = now, None
    batch.due_at = None if state == BatchState.DONE else now
    batch.save(update_fields=["finished_at", "due_at", "paused_at"])


def take_back(batch: CommandBatch, *, actor: Actor, now: datetime) -> int:
    """Cancel the next open commands of a batch that was called off; returns how many.

    Once none is left the batch is not due any more. Those of devices that others are busy with
    are left for the next time.
    """
    taken = cancelling.cancel_open(batch_id=batch.pk, actor=actor, now=now)
    rows = Command.objects.unscoped("commands of the batch that is being called off")
    left = rows.filter(
        batch_member__batch=batch, finished_at__isnull=True, cancel_asked_at__isnull=True
    )
    if not left.exists():
        batches = CommandBatch.objects.unscoped("one row by its key")
        batches.filter(pk=batch.pk).update(due_at=None)
    return taken


def _locked(batch_uid: uuid.UUID, actor: Actor) -> CommandBatch:
    found = batch_selectors.batch_by_uid(actor=actor, uid=batch_uid)
    permissions.require_operate(actor, found.tenant_id)
    if batch_selectors.has_hidden_members(found, actor):
        raise kernel_errors.PermissionDenied("Devices beyond your sites are part of this batch.")
    rows = CommandBatch.objects.unscoped("one row by its key")
    batch: CommandBatch
    (batch,) = lock_rows(rows.filter(pk=found.pk))
    if batch.finished_at is not None:
        raise errors.BatchIsOver
    return batch


def _move(batch: CommandBatch, state: BatchState, reason: str, actor: Actor, now: datetime) -> None:
    before = str(batch.state)
    batch.state, batch.reason = state, reason
    batch.save(update_fields=["state", "reason"])
    recording.record(
        tenant_id=batch.tenant_id,
        action=f"commands.batch.{state}",
        actor=actor,
        target_type="command_batch",
        target_id=str(batch.uid),
        before={"state": before},
        after={"state": str(state), "reason": reason},
        now=now,
    )
    batching.announce(batch, now)
