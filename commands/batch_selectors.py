"""Reads about batches."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from commands import pacing, state_machine
from commands.batch_types import BatchCounts, BatchView
from commands.choices import MemberState
from commands.models import BatchMember, CommandBatch
from devices import selectors as device_selectors
from kernel import errors
from kernel.actors import Actor

_FAILED = frozenset({state_machine.FAILED, state_machine.REJECTED, state_machine.EXPIRED})
_ENDED_OTHERWISE = frozenset({state_machine.CANCELLED, state_machine.SUPERSEDED})


def batches_visible_to(actor: Actor) -> QuerySet[CommandBatch]:
    """Batches of the actor's tenants; who is limited to sites sees those that concern them."""
    found: QuerySet[CommandBatch] = CommandBatch.objects.visible_to(actor)
    if actor.site_limits:
        seen = BatchMember.objects.visible_to(actor).filter(batch=OuterRef("pk"))
        found = found.filter(Exists(seen))
    return found


def has_hidden_members(batch: CommandBatch, actor: Actor) -> bool:
    """Whether the batch has devices of sites that the actor does not see."""
    if batch.tenant_id not in actor.site_limits:
        return False
    members = BatchMember.objects.unscoped("members of a batch that the actor sees")
    seen = BatchMember.objects.visible_to(actor).filter(batch=batch)
    return bool(seen.count() < members.filter(batch=batch).count())


def batch_by_uid(*, actor: Actor, uid: uuid.UUID) -> CommandBatch:
    """The batch, if the actor may see it; NotFound otherwise."""
    found = batches_visible_to(actor).filter(uid=uid).first()
    if found is None:
        raise errors.NotFound
    return found


def members_of(
    *, actor: Actor, uid: uuid.UUID, state: str = "", outcome: str = ""
) -> QuerySet[BatchMember]:
    """Members of a batch whose devices the actor may see. Raises NotFound."""
    batch = batch_by_uid(actor=actor, uid=uid)
    members: QuerySet[BatchMember] = BatchMember.objects.visible_to(actor).filter(batch=batch)
    if state:
        members = members.filter(state=state)
    if outcome:
        members = members.filter(command__state=outcome)
    return members.select_related("device", "command")


def view_of(batch: CommandBatch, actor: Actor) -> BatchView:
    """The batch with the counts of the devices that the actor may see."""
    counts = counts_of(BatchMember.objects.visible_to(actor).filter(batch=batch))
    is_limited = batch.tenant_id in actor.site_limits
    return BatchView(
        id=str(batch.uid),
        kind=batch.kind,
        payload=batch.payload,
        target=_seen_of(batch.target, actor) if is_limited else batch.target,
        delivery=str(batch.delivery),
        lifetime_s=batch.lifetime_s,
        state=str(batch.state),
        reason=batch.reason,
        per_minute=batch.per_minute,
        abort_percent=batch.abort_percent,
        abort_sample=batch.abort_sample,
        total=counts.total if is_limited else batch.total,
        counts=counts,
        seconds_left=pacing.seconds_left(counts.pending, batch.per_minute),
        cause=batch.cause,
        created_by=batch.created_by,
        created_at=batch.created_at,
        paused_at=batch.paused_at,
        finished_at=batch.finished_at,
    )


def _seen_of(target: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """The target without the names of devices that the actor does not see."""
    named = target.get("devices")
    if not isinstance(named, list):
        return target
    rows = device_selectors.devices_visible_to(actor).filter(uid__in=named)
    seen = set(rows.values_list("uid", flat=True))
    return {"devices": [uid for uid in named if uid in seen]}


def counts_of(members: QuerySet[BatchMember]) -> BatchCounts:
    """How many of the members are where, in one statement."""
    counted: Counter[str] = Counter()
    is_open = ExpressionWrapper(Q(command__finished_at__isnull=True), output_field=BooleanField())
    grouped: Any = members.order_by().values_list("state", "command__state", is_open)
    for state, command, has_no_end, count in grouped.annotate(count=Count("pk")):
        for name in _names(state, command, is_open=has_no_end):
            counted[name] += count
    return BatchCounts(**counted)


def _names(state: str, command: str | None, *, is_open: bool) -> tuple[str, ...]:
    if state == MemberState.PENDING:
        return ("pending",)
    if state == MemberState.SKIPPED or command is None:
        return ("skipped",)
    if is_open:
        return ("open",)
    if command == state_machine.SUCCEEDED:
        return ("succeeded",)
    if command in _FAILED:
        return ("failed",)
    return ("cancelled",) if command in _ENDED_OTHERWISE else ("failed", "unknown")
