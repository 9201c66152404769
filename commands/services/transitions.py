"""The one place where a command changes its state."""

from __future__ import annotations

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
    now: datetime,
    **values: Any,
) -> bool:
    """Compare-and-set the command to `target`; False when somebody moved it first.

    Runs within the caller's unit of work. Writes the history row, the live event and, when the
    command settles, tells the waiters after COMMIT. `values` are further columns to set.
    """
    state_machine.require_move(command.state, target)
    before = command.state
    if target in state_machine.FINAL:
        values.setdefault("finished_at", now)
    values |= {"state": target, "reason": reason[:_REASON_LENGTH]}
    if not _IN_STATE.run(where={"pk": command.pk, "state": before}, **values):
        return False
    for name, value in values.items():
        setattr(command, name, value)
    _EVENT.many(
        [
            CommandEvent(
                command=command, from_state=before, to_state=target, reason=command.reason, at=now
            )
        ]
    )
    if target != state_machine.SENT:
        announce(command=command, device_uid=device_uid, now=now)
    if before in state_machine.IN_FLIGHT:
        publish(events.LaneFreed(occurred_at=now, device_id=command.device_id))
    return True


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
