"""The job that asks the devices of batches, a few at a time.

A step is one transaction: the batch's row, then the devices' in the order of their keys, then
each command with its member. Killed anywhere, a device has been asked once or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from commands import batch_selectors, pacing, registry
from commands.choices import BatchState, MemberState
from commands.models import BatchMember, CommandBatch
from commands.services import batch_control, batching, requesting
from devices.services import sessions
from kernel import row_security
from kernel.actors import Actor
from kernel.errors import HomepotError
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work

RUN_SECONDS: Final = 1.0
Clock = Callable[[], float]
_SYSTEM = Actor.system("batches")
_DEVICE_GONE: Final = "device_unpaired"


def run(now: datetime, *, clock: Clock = time.monotonic) -> int:
    """Serve the batches that are due, for about a second; returns how many devices were asked.

    Any number of tickers may run it: a batch whose row another one holds is left to that one.
    """
    ends_at, asked = clock() + RUN_SECONDS, 0
    with row_security.platform_scope("commands.batches"):
        waiting = [pk for pk in _due(now) if judge(batch_id=pk, now=now)]
        while waiting and clock() < ends_at:
            # In turn, so that a large batch does not hold up a small one.
            steps = {pk: step(batch_id=pk, now=now) for pk in waiting}
            asked += sum(steps.values())
            waiting = [pk for pk, count in steps.items() if count]
    return asked


def judge(*, batch_id: int, now: datetime) -> bool:
    """End a batch whose devices have all answered, or of which too many have failed.

    Returns whether there are devices to ask. One that was called off gets its commands taken back.
    """
    with unit_of_work():
        batch = _held(batch_id, now)
        if batch is None:
            return False
        if batch.finished_at is None:
            return _judge(batch, now)
    batch_control.take_back(batch, actor=_SYSTEM, now=now)
    return False


def step(*, batch_id: int, now: datetime) -> int:
    """Ask the next devices of one batch, in one transaction; returns how many."""
    with unit_of_work():
        batch = _held(batch_id, now)
        if batch is None or batch.finished_at is not None:
            return 0
        members = _pending(batch)
        prepares = bool(members) and registry.kind_named(batch.kind).prepare is not None
        for member in members:
            _ask(batch, member, now, prepares=prepares)
        if members:
            rows = BatchMember.objects.unscoped("members of the batch whose lock is held")
            rows.bulk_update(members, ["state", "reason", "command"])
            batch.due_at = pacing.next_due(
                due_at=batch.due_at or now,
                now=now,
                asked=len(members),
                per_minute=batch.per_minute,
            )
            batch.save(update_fields=["due_at"])
            batching.announce(batch, now)
        failpoint("commands.batch.written")
    return len(members)


def _due(now: datetime) -> list[int]:
    rows = CommandBatch.objects.unscoped("jobs work for all tenants")
    due = rows.filter(due_at__lte=now).order_by("due_at")
    return list(due.values_list("pk", flat=True)[:50])


def _held(batch_id: int, now: datetime) -> CommandBatch | None:
    rows = CommandBatch.objects.unscoped("one row by its key").filter(pk=batch_id, due_at__lte=now)
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, no_key=True)
    found: CommandBatch | None = rows.first()
    return found


def _pending(batch: CommandBatch) -> list[BatchMember]:
    members = BatchMember.objects.unscoped("members of the batch whose lock is held")
    waiting = members.filter(batch=batch, state=MemberState.PENDING).order_by("pk")
    return list(waiting[: pacing.step_size(batch.per_minute)])


def _ask(batch: CommandBatch, member: BatchMember, now: datetime, *, prepares: bool) -> None:
    """One that cannot be asked says why, and stops no other."""
    facts = sessions.lock_session(device_id=member.device_id)
    member.state = MemberState.ASKED
    if not facts.is_active or facts.tenant_id != batch.tenant_id:
        member.state, member.reason = MemberState.SKIPPED, _DEVICE_GONE
    else:
        try:
            # A kind that prepares its payload may have written before it is refused.
            with transaction.atomic() if prepares else nullcontext():
                member.command = requesting.request_for(
                    facts=facts,
                    kind=batch.kind,
                    payload=batch.payload,
                    delivery=batch.delivery,
                    expires_in_s=batch.lifetime_s,
                    coalesce=None,
                    cause=batch.cause,
                    actor=_actor_of(batch),
                    now=now,
                )
        except HomepotError as refusal:
            member.state, member.reason = MemberState.SKIPPED, refusal.code[:60]


def _actor_of(batch: CommandBatch) -> Actor:
    """What stands last in the chain of causes of each command."""
    return Actor(kind="system", id=str(batch.uid), label=f"batch of {batch.total}", via="system")


def _judge(batch: CommandBatch, now: datetime) -> bool:
    members = BatchMember.objects.unscoped("members of the batch whose lock is held")
    counts = batch_selectors.counts_of(members.filter(batch=batch))
    if not counts.pending and not counts.open:
        batch_control.end(batch, BatchState.DONE, "", actor=_SYSTEM, now=now)
        return False
    if pacing.must_abort(
        finished=counts.finished,
        failed=counts.failed,
        percent=batch.abort_percent,
        sample=batch.abort_sample,
    ):
        batch_control.end(batch, BatchState.ABORTED, "too_many_failures", actor=_SYSTEM, now=now)
        return False
    if not counts.pending:
        batch.due_at = now + pacing.watch_again_after(now - batch.created_at)
        batch.save(update_fields=["due_at"])
    return bool(counts.pending)
