"""Asking many devices for the same: the batch and its members are written before any is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from audit.services import recording
from commands import batch_selectors, errors, pacing, registry
from commands.batch_types import BatchOrder, BatchPreview, BatchView
from commands.choices import BatchState, Delivery
from commands.models import BatchMember, CommandBatch
from commands.registry import Kind, TargetDevices
from commands.services import kinds
from devices import selectors as device_selectors
from kernel import errors as kernel_errors
from kernel import live
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

MAX_MEMBERS: Final = 100_000
MAX_NAMED: Final = 10_000
_CHUNK: Final = 1_000
_SHOWN: Final = 10
_SHOW_COLUMNS = ("uid", "name")


def create_batch(
    *,
    order: BatchOrder,
    cause: list[dict[str, Any]] | None = None,
    actor: Actor,
    now: datetime,
) -> BatchView:
    """Write down whom to ask for what; a job asks them, at the pace the order gives.

    The devices are those the target names now. Raises ValidationFailed, UnknownKind, NotFound,
    PermissionDenied, EmptyTarget.
    """
    # Before the lock of SQLite, which is everybody's: a query over a fleet takes its time.
    found, kind, payload = _checked(order, actor)
    device_ids = _fixed(found)
    with unit_of_work():
        batch = CommandBatch.objects.create(
            tenant_id=found.tenant_id,
            kind=kind.name,
            payload=payload,
            delivery=order.delivery or kind.delivery,
            lifetime_s=kinds.lifetime_s(kind, order.expires_in_s),
            target=order.target,
            state=BatchState.RUNNING,
            per_minute=order.per_minute,
            abort_percent=order.abort_percent,
            abort_sample=order.abort_sample,
            cause=[*(cause or []), actor.as_cause()],
            created_by=actor.label[:200],
            created_at=now,
            due_at=now,
        )
        batch.total = _add_members(batch, device_ids)
        batch.save(update_fields=["total"])
        recording.record(
            tenant_id=batch.tenant_id,
            action="commands.batch.created",
            actor=actor,
            target_type="command_batch",
            target_id=str(batch.uid),
            before=None,
            after={"kind": batch.kind, "target": found.label, "total": batch.total},
            cause=cause,
            now=now,
        )
        announce(batch, now)
    return batch_selectors.view_of(batch, actor)


def preview_batch(*, order: BatchOrder, actor: Actor) -> BatchPreview:
    """Tell whom the order means now and what would become of it. Raises as `create_batch`."""
    found, kind, _ = _checked(order, actor)
    preview = BatchPreview(
        target=found.label,
        total=0,
        online=0,
        refused_offline=0,
        without_capability=0,
        first=[],
        seconds=None,
    )
    for chunk in _chunks(found.device_ids, _CHUNK):
        preview = _with_chunk(preview, kind, chunk, actor)
    if not preview.total:
        raise errors.EmptyTarget
    is_now = (order.delivery or kind.delivery) == Delivery.NOW
    return replace(
        preview,
        refused_offline=preview.total - preview.online if is_now else 0,
        seconds=pacing.seconds_left(preview.total, order.per_minute),
    )


def announce(batch: CommandBatch, now: datetime) -> None:
    """Tell browsers that the batch has moved, within the caller's unit of work."""
    live.append(
        tenant_id=batch.tenant_id,
        kind="batch_updated",
        payload={"batch": str(batch.uid), "state": str(batch.state)},
        now=now,
    )


def _checked(order: BatchOrder, actor: Actor) -> tuple[TargetDevices, Kind, dict[str, Any]]:
    found = _resolved(order.target, actor)
    kind, payload = kinds.check(
        kind=order.kind, payload=order.payload, tenant_id=found.tenant_id, actor=actor
    )
    return found, kind, payload


def _resolved(target: dict[str, Any], actor: Actor) -> TargetDevices:
    resolvers = {"devices": _named, **registry.targets()}
    if len(target) != 1 or not target.keys() <= resolvers.keys():
        raise kernel_errors.ValidationFailed(
            details={"target": [f"Exactly one of {', '.join(sorted(resolvers))}."]}
        )
    ((name, value),) = target.items()
    return resolvers[name](actor, value)


def _named(actor: Actor, value: Any) -> TargetDevices:
    """Devices by their uids, all of them the actor's and of one tenant."""
    if not isinstance(value, list) or not value or len(value) > MAX_NAMED:
        raise _refused("/target/devices", f"A list of 1 to {MAX_NAMED} uids.")
    found: dict[str, tuple[int, int | None]] = {}
    for chunk in _chunks(value, _CHUNK):
        rows = device_selectors.devices_visible_to(actor).filter(
            uid__in=[one for one in chunk if isinstance(one, str)]
        )
        found |= {uid: (pk, tenant) for uid, pk, tenant in rows.values_list("uid", "pk", "tenant")}
    for place, uid in enumerate(value):
        if not isinstance(uid, str) or uid not in found:
            raise _refused(f"/target/devices/{place}", "There is no such device.")
    tenants = {tenant for _, tenant in found.values()}
    tenant_id = tenants.pop()
    if tenants or tenant_id is None:
        raise _refused("/target/devices", "All devices of a batch belong to one tenant.")
    return TargetDevices(
        tenant_id=tenant_id,
        device_ids=[pk for pk, _ in found.values()],
        label=f"{len(found)} devices by name",
    )


def _refused(pointer: str, why: str) -> kernel_errors.ValidationFailed:
    return kernel_errors.ValidationFailed(details={pointer: [why]})


def _fixed(found: TargetDevices) -> list[int]:
    # In the order of the devices' locks: a step takes several at once.
    device_ids = sorted(set(islice(found.device_ids, MAX_MEMBERS + 1)))
    if len(device_ids) > MAX_MEMBERS:
        raise _refused("/target", f"At most {MAX_MEMBERS} devices at once.")
    if not device_ids:
        raise errors.EmptyTarget
    return device_ids


def _add_members(batch: CommandBatch, device_ids: list[int]) -> int:
    for chunk in _chunks(device_ids, _CHUNK):
        BatchMember.objects.bulk_create(
            [
                BatchMember(batch=batch, tenant_id=batch.tenant_id, device_id=device_id)
                for device_id in chunk
            ]
        )
    return len(device_ids)


def _with_chunk(
    preview: BatchPreview, kind: Kind, chunk: Sequence[int], actor: Actor
) -> BatchPreview:
    rows = device_selectors.devices_visible_to(actor).filter(pk__in=chunk)
    total = online = without = 0
    first = list(preview.first)
    columns = rows.order_by("pk").values_list(*_SHOW_COLUMNS, "presence__is_online", "capabilities")
    for uid, name, is_online, capabilities in columns:
        total += 1
        online += bool(is_online)
        # One that never said what it can do is asked.
        without += bool(kind.capability and capabilities) and kind.capability not in capabilities
        if len(first) < _SHOWN:
            first.append({"uid": uid, "name": name})
    return replace(
        preview,
        total=preview.total + total,
        online=preview.online + online,
        without_capability=preview.without_capability + without,
        first=first,
    )


def _chunks(values: Any, size: int) -> Iterator[list[Any]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
