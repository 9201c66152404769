"""Reads about commands."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.errors import TenantRequired
from commands import registry, state_machine
from commands.models import Command, CommandEvent, CustomKind
from commands.registry import Kind
from commands.types import CommandView
from devices import selectors as device_selectors
from kernel import errors
from kernel.actors import Actor
from kernel.compiled import Select, Slot, key_slot


def view_of(command: Command, device_uid: str) -> CommandView:
    """The command as every interface shows it."""
    return CommandView(
        id=str(command.uid),
        device_uid=device_uid,
        kind=command.kind,
        payload=command.payload,
        state=str(command.state),
        reason=command.reason,
        result=command.result,
        error=command.error or None,
        cause=command.cause,
        delivery=str(command.delivery),
        created_at=command.created_at,
        sent_at=command.sent_at,
        acked_at=command.acked_at,
        finished_at=command.finished_at,
        expires_at=command.expires_at,
        progress=command.progress,
        cancel_asked_at=command.cancel_asked_at,
    )


def commands_visible_to(actor: Actor) -> QuerySet[Command]:
    """Commands of the actor's tenants."""
    visible: QuerySet[Command] = Command.objects.visible_to(actor)
    return visible.select_related("device")


def command_by_uid(*, actor: Actor, uid: uuid.UUID) -> CommandView:
    """The command, if the actor may see it; NotFound otherwise."""
    command = commands_visible_to(actor).filter(uid=uid).first()
    if command is None:
        raise errors.NotFound
    return view_of(command, command.device.uid)


def command_for_device(*, device_id: int, uid: uuid.UUID) -> CommandView | None:
    """A command of the device itself, for who has proved to be it."""
    rows = Command.objects.unscoped("the device has proved who it is").select_related("device")
    command = rows.filter(device_id=device_id, uid=uid).first()
    return None if command is None else view_of(command, command.device.uid)


def history_of(*, actor: Actor, uid: uuid.UUID) -> list[CommandEvent]:
    """Each move of a command the actor may see, in order."""
    command = commands_visible_to(actor).filter(uid=uid).first()
    if command is None:
        raise errors.NotFound
    return list(CommandEvent.objects.filter(command=command).order_by("pk"))


def recent_commands(*, actor: Actor, device: Any, limit: int = 20) -> list[CommandView]:
    """The last commands of a device the actor may see, newest first."""
    found = commands_visible_to(actor).filter(device_id=device.pk).order_by("-pk")[:limit]
    return [view_of(command, device.uid) for command in found]


def commands_like(
    *,
    actor: Actor,
    device: str | None = None,
    kind: str | None = None,
    states: Collection[str] | None = None,
    is_open: bool | None = None,
    batch: uuid.UUID | None = None,
    since: datetime | None = None,
) -> QuerySet[Command]:
    """The commands of the actor's tenants to which all of this applies; None leaves a thing open.

    Raises NotFound for a device that the actor may not see.
    """
    found = commands_visible_to(actor)
    if device is not None:
        device_id, _ = device_selectors.device_keys(actor=actor, uid=device, include_archived=True)
        found = found.filter(device_id=device_id)
    if kind is not None:
        found = found.filter(kind=registry.plain_name(kind))
    if states is not None:
        found = found.filter(state__in=states)
        if state_machine.UNFINISHED.issuperset(states):
            # They are few and have an index of their own.
            found = found.filter(finished_at__isnull=True)
    if is_open is not None:
        found = found.filter(finished_at__isnull=is_open)
    if batch is not None:
        found = found.filter(batch_member__batch__uid=batch)
    if since is not None:
        found = found.filter(created_at__gte=since)
    return found


def open_commands(*, device_ids: Collection[int], kinds: Collection[str]) -> list[Command]:
    """Commands of these kinds that have not ended, for the devices, oldest first."""
    rows = Command.objects.unscoped("the caller has found the devices within its scope")
    return list(
        rows.filter(device_id__in=device_ids, kind__in=kinds, finished_at__isnull=True).order_by(
            "pk"
        )
    )


def open_commands_of(device_id: int) -> list[Command]:
    """Every command of the device that has not ended, oldest first."""
    return _OPEN_OF_ONE.rows(device_id=device_id)


def custom_kind(*, tenant_id: int | None, name: str) -> Kind | None:
    """The kind of that name which the tenant has allowed itself."""
    rows = CustomKind.objects.unscoped("the caller has found the tenant within its scope")
    row = rows.filter(tenant_id=tenant_id, name=name).first()
    return None if row is None else kind_of(row)


def custom_kinds_visible_to(actor: Actor) -> QuerySet[CustomKind]:
    """The kinds that the actor's tenants have allowed themselves, by name."""
    visible: QuerySet[CustomKind] = CustomKind.objects.visible_to(actor)
    return visible.select_related("tenant").order_by("name", "pk")


def kinds_usable_by(actor: Actor) -> list[tuple[Kind, str | None]]:
    """Every kind that devices of the actor's tenants may be asked for, by name.

    One that a tenant has allowed itself comes with the uid of that tenant.
    """
    product = [(kind, None) for kind in registry.kinds() if kind.name != "custom"]
    own = [(kind_of(row), row.tenant.uid) for row in custom_kinds_visible_to(actor)]
    return [*product, *own]


def kind_usable_by(*, actor: Actor, name: str) -> tuple[Kind, str | None]:
    """One of these kinds. Raises NotFound, and TenantRequired where two tenants have the name."""
    found = [pair for pair in kinds_usable_by(actor) if pair[0].name == registry.plain_name(name)]
    if len(found) > 1:
        raise TenantRequired
    if not found:
        raise errors.NotFound
    return found[0]


def kind_of(row: CustomKind) -> Kind:
    """A kind of a tenant as everything that asks devices takes it."""
    return replace(
        registry.kind_named(row.name),
        title=row.title,
        schema=row.schema,
        lifetime=timedelta(seconds=row.lifetime_s),
    )


def devices_with_queued(device_ids: Collection[int]) -> set[int]:
    """Those of the devices that are to be handed something: a command, once more, or a cancel."""
    return {found for (found,) in _queued(device_ids).distinct()}


def mqtt_devices_with_queued(limit: int) -> set[int]:
    """The same among all devices that are reached over MQTT; some of them, where they are many."""
    reached = {
        "device__presence__is_online": True,
        "device__presence__client_lost_at__isnull": True,
        "device__session__is_live": False,
    }
    found = _waiting().filter(expires_at__gt=Now(), **reached)
    greeted = found.exclude(device__presence__client_session="")
    return {device_id for (device_id,) in greeted.distinct()[:limit]}


def has_queued(device_id: int) -> bool:
    """Whether the device is to be handed something: a command, once more, or a cancel."""
    return _QUEUED_FOR_ONE.first(key_0=device_id) is not None


def _queued(device_ids: Collection[Any]) -> QuerySet[Command, tuple[int]]:
    return _waiting().filter(device_id__in=device_ids)


def _waiting() -> QuerySet[Command, tuple[int]]:
    rows = Command.objects.unscoped("the caller holds the wires to the devices")
    is_unanswered = Q(state=state_machine.TIMED_OUT, timeout_at__lte=Now())
    is_to_be_cancelled = Q(cancel_asked_at__isnull=False, cancel_sent_at__isnull=True)
    waiting: QuerySet[Command, tuple[int]] = rows.filter(
        Q(state=state_machine.QUEUED) | is_unanswered | is_to_be_cancelled,
        finished_at__isnull=True,
    ).values_list("device_id")
    return waiting


_OPEN_OF_ONE = Select(
    lambda: (
        Command.objects.unscoped("the caller has found the device within its scope")
        .filter(device_id=Slot("device_id"), finished_at__isnull=True)
        .order_by("pk")
    )
)
_QUEUED_FOR_ONE = Select(lambda: _queued([key_slot(0)])[:1])


def states_of_commands(*, device_id: int) -> dict[str, tuple[str, str]]:
    """State and reason of every command of a device by its uid, to be held against the device."""
    rows = Command.objects.unscoped("a comparison of the whole installation")
    found = rows.filter(device_id=device_id).values_list("uid", "state", "reason")
    return {str(uid): (str(state), reason) for uid, state, reason in found}
