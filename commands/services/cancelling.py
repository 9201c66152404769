"""Taking a command back: at once while nobody has it, else by the word of its device."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from audit.services import recording
from commands import errors, events, state_machine
from commands.choices import State
from commands.models import Command
from commands.selectors import commands_visible_to, view_of
from commands.services import transitions
from commands.types import CommandView
from devices import permissions
from devices.services import sessions
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

CHUNK = 100


def cancel_command(*, command_uid: uuid.UUID, actor: Actor, now: datetime) -> CommandView:
    """Cancel a command that waits; ask its device to, where the device may have it already.

    What the device answers then counts: `cancelled`, or the outcome it had. Asking twice is
    asking once. Raises NotFound, PermissionDenied, CommandFinished.
    """
    with unit_of_work():
        place = commands_visible_to(actor).filter(uid=command_uid)
        found = place.values_list("device_id", "tenant_id").first()
        if found is None:
            raise kernel_errors.NotFound
        device_id, tenant_id = found
        permissions.require_operate(actor, tenant_id)
        facts = sessions.lock_session(device_id=device_id)
        command = place.get()
        if command.finished_at is not None and command.state != State.CANCELLED:
            raise errors.CommandFinished(details={"state": str(command.state)})
        cancel_one(command=command, device_uid=facts.device_uid, actor=actor, now=now)
    return view_of(command, facts.device_uid)


def cancel_one(*, command: Command, device_uid: str, actor: Actor, now: datetime) -> bool:
    """Cancel, or ask to; False for one that has ended or is being cancelled already.

    Within the caller's unit of work, under the device's lock, by someone who may.
    """
    if command.finished_at is not None or command.cancel_asked_at is not None:
        return False
    by, before = f"{actor.kind}:{actor.id}", str(command.state)
    if command.state == state_machine.QUEUED:
        action = "commands.command.cancelled"
        transitions.move(
            command=command,
            device_uid=device_uid,
            target=state_machine.CANCELLED,
            reason="cancelled",
            note=f"cancelled_by:{by}",
            now=now,
            cancel_asked_at=now,
        )
    else:
        action = "commands.command.cancel_asked"
        transitions.change(
            command=command, now=now, note=f"cancel_asked_by:{by}", cancel_asked_at=now
        )
        transitions.announce(command=command, device_uid=device_uid, now=now)
        publish(
            events.CancelAsked(
                occurred_at=now, device_id=command.device_id, command_uid=str(command.uid)
            )
        )
    _record(command, action, before, actor, now)
    return True


def cancel_open(
    *,
    device_ids: Collection[int] | None = None,
    batch_id: int | None = None,
    limit: int = CHUNK,
    actor: Actor,
    now: datetime,
) -> int:
    """Cancel the open commands of these devices, or of this batch: the next `limit` of them.

    The caller has found them within the actor's scope. Returns how many were cancelled or asked
    for; call it again until it returns 0. One transaction for all of a call, which passes over
    the commands of devices that others are busy with.
    """
    rows = Command.objects.unscoped("the caller has found them within the actor's scope").filter(
        finished_at__isnull=True, cancel_asked_at__isnull=True
    )
    if device_ids is not None:
        rows = rows.filter(device_id__in=device_ids)
    if batch_id is not None:
        rows = rows.filter(batch_member__batch_id=batch_id)
    if device_ids is None and batch_id is None:
        raise ValueError("Name devices or a batch.")
    chosen = dict(rows.order_by("pk").values_list("pk", "device_id")[:limit])
    if not chosen:
        return 0
    with unit_of_work():
        free = sessions.lock_free_devices(device_ids=set(chosen.values()))
        keys = [key for key, device_id in chosen.items() if device_id in free]
        locked = rows.filter(pk__in=keys).select_related("device").order_by("pk")
        return sum(
            cancel_one(command=command, device_uid=command.device.uid, actor=actor, now=now)
            for command in locked
        )


def _record(command: Command, action: str, before: str, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=command.tenant_id,
        action=action,
        actor=actor,
        target_type="command",
        target_id=str(command.uid),
        before={"state": before},
        after={"kind": command.kind, "device_uid": command.device.uid},
        cause=command.cause,
        now=now,
    )
