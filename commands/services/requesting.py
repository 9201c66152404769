"""Asking a device for anything: one way in for people, automations and batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from commands import errors, selectors, state_machine
from commands.choices import Delivery
from commands.models import Command
from commands.registry import Kind
from commands.services import kinds, queueing
from commands.types import CommandView, Order, Terms
from devices import selectors as device_selectors
from devices.services import sessions
from devices.types import SessionFacts
from kernel.actors import Actor
from kernel.errors import NotFound, ValidationFailed
from kernel.unit_of_work import require_unit_of_work, unit_of_work

# As many times the limit of a device may be open with those that only wait for a late answer.
_GIVEN_UP_SHARE = 4


def request_command(
    *,
    device_uid: str,
    kind: str,
    payload: dict[str, Any],
    delivery: str | None = None,
    expires_in_s: int | None = None,
    coalesce: bool | None = None,
    cause: list[dict[str, Any]] | None = None,
    actor: Actor,
    now: datetime,
) -> CommandView:
    """Ask a device for something of any kind, in any spelling of its name.

    What is not given is as the kind has it. Raises NotFound and what `request_for` raises.
    """
    device_id, tenant_id = device_selectors.device_keys(actor=actor, uid=device_uid)
    # Before the lock: on SQLite it is everybody's.
    found, payload = kinds.check(kind=kind, payload=payload, tenant_id=tenant_id, actor=actor)
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        if facts.tenant_id != tenant_id:
            raise NotFound
        command = request_checked(
            facts=facts,
            kind=found,
            payload=payload,
            terms=Terms(delivery, expires_in_s, coalesce),
            cause=cause,
            actor=actor,
            now=now,
        )
    return selectors.view_of(command, facts.device_uid)


def request_for(
    *,
    facts: SessionFacts,
    kind: str,
    payload: dict[str, Any],
    delivery: str | None = None,
    expires_in_s: int | None = None,
    coalesce: bool | None = None,
    cause: list[dict[str, Any]] | None = None,
    actor: Actor,
    now: datetime,
) -> Command:
    """Write a command of any kind for the device whose lock the caller holds.

    Within the caller's unit of work; a refusal has written nothing. Raises UnknownKind,
    NotFound, PermissionDenied, InvalidPayload, ValidationFailed, DeviceArchived, NotSupported,
    DeviceOffline, QueueFull, and what the kind itself refuses.
    """
    sessions.require_living(facts)
    found, payload = kinds.check(kind=kind, payload=payload, tenant_id=facts.tenant_id, actor=actor)
    return request_checked(
        facts=facts,
        kind=found,
        payload=payload,
        terms=Terms(delivery, expires_in_s, coalesce),
        cause=cause,
        actor=actor,
        now=now,
    )


def request_checked(
    *,
    facts: SessionFacts,
    kind: Kind,
    payload: dict[str, Any],
    terms: Terms,
    cause: list[dict[str, Any]] | None = None,
    actor: Actor,
    now: datetime,
) -> Command:
    """The same for a kind and a payload that `kinds.check` has let through for this tenant."""
    require_unit_of_work()
    sessions.require_living(facts)
    order = Order(
        kind=kind.name,
        payload=payload,
        lane=kind.lane(payload),
        delivery=_delivery(kind, terms.delivery),
        lifetime=timedelta(seconds=kinds.lifetime_s(kind, terms.expires_in_s)),
        coalesce=kind.coalesce if terms.coalesce is None else terms.coalesce,
    )
    _require_capability(facts, kind)
    queueing.require_reachable(facts, order, now)
    _require_place(facts, order)
    return queueing.enqueue(
        facts=facts,
        order=_prepared(facts, kind, order, actor, now),
        actor=actor,
        cause=cause,
        now=now,
    )


def _delivery(kind: Kind, wanted: str | None) -> str:
    if wanted is None:
        return kind.delivery
    if wanted not in Delivery.values:
        raise ValidationFailed(details={"delivery": [f"One of {', '.join(Delivery.values)}."]})
    return wanted


def _require_capability(facts: SessionFacts, kind: Kind) -> None:
    if not kind.capability:
        return
    known = device_selectors.capabilities_of(facts.device_id)
    if known and kind.capability not in known:
        raise errors.NotSupported(
            f"This device cannot do that: it has no {kind.capability}.",
            details={"capability": kind.capability, "capabilities": sorted(known)},
        )


def _require_place(facts: SessionFacts, order: Order) -> None:
    """Commands that this one makes superfluous give their place to it.

    So do, up to a point, those of which nothing more is done than to wait for a late answer: a
    device that never answers one kind must not be closed to the others until those expire.
    """
    limit = settings.COMMAND_QUEUE_LIMIT
    open_now = selectors.open_commands_of(facts.device_id)
    kept = [
        command
        for command in open_now
        if command.state != state_machine.QUEUED or not queueing.makes_pointless(order, command)
    ]
    busy = [command for command in kept if not _is_given_up(command)]
    if len(busy) < limit and len(kept) < limit * _GIVEN_UP_SHARE:
        return
    oldest = kept[0]
    since = oldest.created_at.isoformat(timespec="seconds")
    raise errors.QueueFull(
        f"{len(kept)} commands are open for this device, and {limit} may be. The oldest is "
        f"{oldest.kind}, {oldest.state} since {since}. Nothing was queued.",
        details={
            "open": len(kept),
            "limit": limit,
            "oldest": {
                "id": str(oldest.uid),
                "kind": oldest.kind,
                "state": str(oldest.state),
                "created_at": oldest.created_at.isoformat(),
            },
        },
    )


def _is_given_up(command: Command) -> bool:
    return command.state == state_machine.TIMED_OUT and command.timeout_at is None


def _prepared(facts: SessionFacts, kind: Kind, order: Order, actor: Actor, now: datetime) -> Order:
    if kind.prepare is None:
        return order
    try:
        payload = kind.prepare(facts, order.payload, actor, now)
    except errors.InvalidPayload:
        raise
    except ValidationFailed as refusal:
        raise errors.InvalidPayload(details=_within_payload(refusal.details)) from None
    return replace(order, payload=payload)


def _within_payload(details: dict[str, Any]) -> dict[str, Any]:
    """Kinds tell of the payload itself; callers sent a request that holds it."""
    return {
        f"/payload{name if name.startswith('/') or not name else f'/{name}'}": said
        for name, said in details.items()
    }
