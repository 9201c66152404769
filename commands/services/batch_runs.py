"""The job that asks the devices of batches, a few at a time.

A step is one transaction: the batch's row, then those of the devices that nobody else holds, then
each command with its member. Killed anywhere, a device has been asked once or not at all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction

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

logger = logging.getLogger(__name__)

RUN_SECONDS: Final = 1.0
# The part of it for taking back: those that only ask have their share.
_TAKE_BACK_SECONDS: Final = 0.5
# So long a step holds the locks of its devices, and one device more.
STEP_SECONDS: Final = 0.05
# A batch that could not be served is left alone for so long.
_REST: Final = timedelta(seconds=30)
_DATABASE_AWAY: Final = (OperationalError, InterfaceError)
Clock = Callable[[], float]
_SYSTEM = Actor.system("batches")
_DEVICE_GONE: Final = "device_unpaired"
_BROKEN: Final = "internal_error"


def run(now: datetime, *, clock: Clock = time.monotonic) -> int:
    """Serve the batches that are due, for about a second; returns how many devices were asked.

    Any number of tickers may run it: a batch whose row another one holds is left to that one.
    """
    began, asked = clock(), 0
    ends_at, taking_ends_at = began + RUN_SECONDS, began + _TAKE_BACK_SECONDS

    def has_more(pk: int) -> bool:
        return judge(batch_id=pk, now=now, may_go_on=lambda: clock() < taking_ends_at)

    def ask(pk: int) -> int:
        return step(batch_id=pk, now=now)

    with row_security.platform_scope("commands.batches"):
        waiting = [pk for pk in _due(now) if _served(has_more, pk, now)]
        while waiting and clock() < ends_at:
            # In turn, so that a large batch does not hold up a small one.
            steps = {pk: _served(ask, pk, now) for pk in waiting}
            asked += sum(steps.values())
            waiting = [pk for pk, count in steps.items() if count]
    return asked


def judge(*, batch_id: int, now: datetime, may_go_on: Callable[[], bool] = lambda: False) -> bool:
    """End a batch whose devices have all answered, or of which too many have failed.

    Returns whether there are devices to ask. One that was called off gets its commands taken back,
    a hundred of them and more for as long as it `may_go_on`.
    """
    with unit_of_work():
        batch = _held(batch_id, now)
        if batch is None:
            return False
        if batch.finished_at is None:
            return _judge(batch, now)
    while batch_control.take_back(batch, actor=_SYSTEM, now=now) and may_go_on():
        pass
    return False


def step(*, batch_id: int, now: datetime) -> int:
    """Ask the next devices of one batch, in one transaction; returns how many.

    Where one of them spoils that, each is asked by itself, and that one is skipped.
    """
    try:
        return _step(batch_id, now, at_most=pacing.MOST_AT_ONCE)
    except _DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  one by one it shows whose it is
        logger.info("Devices could not be asked together: %s", type(error).__name__)
    asked = 0
    while asked < pacing.MOST_AT_ONCE and (count := _step_alone(batch_id, now)):
        asked += count
    return asked


def _step_alone(batch_id: int, now: datetime) -> int:
    try:
        return _step(batch_id, now, at_most=1)
    except _DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("A device of a batch cannot be asked", extra={"batch": batch_id})
        return _step(batch_id, now, at_most=1, instead=_BROKEN)


def _served(work: Callable[[int], int], batch_id: int, now: datetime) -> int:
    """A batch that cannot be served holds up no other."""
    try:
        return work(batch_id)
    except _DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("A batch cannot be served", extra={"batch": batch_id})
        rows = CommandBatch.objects.unscoped("one row by its key")
        rows.filter(pk=batch_id, due_at__isnull=False).update(due_at=now + _REST)
        return 0


def _step(batch_id: int, now: datetime, *, at_most: int, instead: str = "") -> int:
    """Ask the next ones; with `instead` the next are skipped for that reason."""
    with unit_of_work():
        batch = _held(batch_id, now)
        # A kind of a newer release is left to the processes that know it.
        if batch is None or batch.finished_at is not None or not registry.knows(batch.kind):
            return 0
        members = _free(_pending(batch)[:at_most])
        if instead:
            for member in members:
                member.state, member.reason = MemberState.SKIPPED, instead
        else:
            members = _asked(batch, members, now)
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


def _asked(batch: CommandBatch, members: list[BatchMember], now: datetime) -> list[BatchMember]:
    """Those that were asked within the time that others can be kept from their devices."""
    prepares = registry.kind_named(batch.kind).prepare is not None
    until = time.monotonic() + STEP_SECONDS
    for count, member in enumerate(members, 1):
        _ask(batch, member, now, prepares=prepares)
        if time.monotonic() >= until:
            return members[:count]
    return members


def _free(members: list[BatchMember]) -> list[BatchMember]:
    """Those whose devices nobody is busy with; the others have their turn in a later step."""
    free = sessions.lock_free_devices(device_ids={member.device_id for member in members})
    return [member for member in members if member.device_id in free]


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
