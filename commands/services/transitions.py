"""The one place where a command changes its state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from commands import events, state_machine
from commands.models import Command, CommandEvent
from commands.selectors import view_of
from kernel import live
from kernel.compiled import Insert, Slot, Update
from kernel.events import publish

_IN_STATE = Update(
    lambda: Command.objects.unscoped("compare-and-set of one row by its key").filter(
        pk=Slot("pk"), state=Slot("state")
    )
)
_EVENT = Insert(CommandEvent)
_REASON_LENGTH = 60


def move(
    *,
    command: Command,
    device_uid: str,
    target: str,
    reason: str = "",
    note: str = "",
    now: datetime,
    **values: Any,
) -> bool:
    """Compare-and-set the command to `target`; False when somebody moved it first.

    Runs within the caller's unit of work. Writes the history row, the live event and, when the
    command settles, tells the waiters after COMMIT. `values` are further columns to set; `note`
    is what the history says instead of the reason.
    """
    state_machine.require_move(command.state, target)
    before = command.state
    if target in state_machine.FINAL:
        values.setdefault("finished_at", now)
    values |= {"state": target, "reason": reason[:_REASON_LENGTH]}
    if not _IN_STATE.run(where={"pk": command.pk, "state": before}, **values):
        return False
    _EVENT.many([_taken_over(command, before, values, note, now)])
    if target != state_machine.SENT:
        announce(command=command, device_uid=device_uid, now=now)
    _free_lane(command, before, now)
    return True


def move_together(
    *, commands: Sequence[Command], target: str, reason: str, now: datetime, **values: Any
) -> int:
    """Move commands of one state as `move` does, with few statements; returns how many moved.

    Within the caller's unit of work, which holds the locks of all their devices: nobody else can
    have moved them since they were read. Their devices are loaded.
    """
    before = commands[0].state
    state_machine.require_move(before, target)
    values |= {"state": target, "reason": reason}
    rows = Command.objects.unscoped("commands of devices whose locks are held")
    rows.filter(pk__in=[command.pk for command in commands], state=before).update(**values)
    _EVENT.many([_taken_over(command, before, values, "", now) for command in commands])
    for command in commands:
        announce(command=command, device_uid=command.device.uid, now=now)
        _free_lane(command, before, now)
    return len(commands)


def change(*, command: Command, now: datetime, note: str = "", **values: Any) -> bool:
    """Set columns of a command that stays in its state; False when somebody moved it first.

    Runs within the caller's unit of work; with a `note` the history tells of it.
    """
    if not _IN_STATE.run(where={"pk": command.pk, "state": command.state}, **values):
        return False
    event = _taken_over(command, command.state, values, note, now)
    if note:
        _EVENT.many([event])
    return True


def _taken_over(
    command: Command, before: str, values: dict[str, Any], note: str, now: datetime
) -> CommandEvent:
    for name, value in values.items():
        setattr(command, name, value)
    return CommandEvent(
        command=command,
        from_state=before,
        to_state=command.state,
        reason=(note or command.reason)[:_REASON_LENGTH],
        at=now,
    )


def _free_lane(command: Command, before: str, now: datetime) -> None:
    if before in state_machine.AWAITING and command.state not in state_machine.IN_FLIGHT:
        publish(events.LaneFreed(occurred_at=now, device_id=command.device_id))


def leave_unknown(*, command: Command, device_uid: str, reason: str, now: datetime) -> bool:
    """End a command whose outcome nobody will tell any more; False when somebody moved it first.

    Runs within the caller's unit of work. It stays `timed_out`, and is finished.
    """
    rows = Command.objects.unscoped("compare-and-set of one row by its key")
    unknown = rows.filter(pk=command.pk, state=state_machine.TIMED_OUT, finished_at__isnull=True)
    if not unknown.update(finished_at=now, reason=reason):
        return False
    command.finished_at, command.reason = now, reason
    announce(command=command, device_uid=device_uid, now=now)
    return True


def announce(*, command: Command, device_uid: str, now: datetime) -> None:
    """Tell browsers, and those who wait for the outcome, what has become of the command."""
    shown = view_of(command, device_uid).as_json()
    live.append(
        tenant_id=command.tenant_id, kind="command_updated", payload={"command": shown}, now=now
    )
    if command.state in state_machine.FINAL or command.state == state_machine.TIMED_OUT:
        publish(
            events.CommandSettled(
                occurred_at=now,
                device_id=command.device_id,
                command_uid=str(command.uid),
                kind=command.kind,
                state=command.state,
                seconds=(now - command.created_at).total_seconds(),
                command=shown,
            )
        )
