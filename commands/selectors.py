"""Reads about commands."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from commands import state_machine
from commands.choices import State
from commands.models import Command, CommandEvent
from commands.types import CommandView
from devices import selectors as device_selectors
from kernel import errors
from kernel.actors import Actor
from kernel.compiled import Select, key_slot


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


def commands_of_device(*, actor: Actor, device_uid: str) -> QuerySet[Command]:
    """The commands of a device the actor may see. Raises NotFound."""
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    return commands_visible_to(actor).filter(device_id=device.pk)


def open_commands(*, device_ids: Collection[int], kinds: Collection[str]) -> list[Command]:
    """Commands of these kinds that have not ended, for the devices, oldest first."""
    rows = Command.objects.unscoped("the caller has found the devices within its scope")
    return list(
        rows.filter(device_id__in=device_ids, kind__in=kinds, finished_at__isnull=True).order_by(
            "pk"
        )
    )


def devices_with_queued(device_ids: Collection[int]) -> set[int]:
    """Those of the devices for which commands wait to be sent."""
    return {found for (found,) in _queued(device_ids).distinct()}


def has_queued(device_id: int) -> bool:
    """Whether commands wait to be sent to the device."""
    return _QUEUED_FOR_ONE.first(key_0=device_id) is not None


def _queued(device_ids: Collection[Any]) -> QuerySet[Command, tuple[int]]:
    rows = Command.objects.unscoped("the caller holds the devices' sockets")
    waiting: QuerySet[Command, tuple[int]] = rows.filter(
        device_id__in=device_ids, finished_at__isnull=True, state=state_machine.QUEUED
    ).values_list("device_id")
    return waiting


_QUEUED_FOR_ONE = Select(lambda: _queued([key_slot(0)])[:1])


def succeeded_commands(*, device_id: int) -> set[str]:
    """Uids of the commands a device said it had carried out, for who compares the two."""
    rows = Command.objects.unscoped("a comparison of the whole installation")
    done = rows.filter(device_id=device_id, state=State.SUCCEEDED)
    return {str(uid) for uid in done.values_list("uid", flat=True)}
