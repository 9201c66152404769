"""Which unanswered commands go to their device once more, under the ids they have."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings

from commands import lanes, registry, state_machine
from commands.models import Command
from commands.services import transitions
from commands.services.wires import Way
from edge.protocol.limits import COMMAND_RING_SIZE

# As many as the column counts; a device that reconnects all week must not end the handing out.
_MOST_COUNTED = 32_767
# A device that comes and goes all day fills no history with it.
_MOST_TOLD = 50
# Devices know by their ring what they have done. Half of it: some that went out later were asked
# for earlier.
_SURELY_REMEMBERED = COMMAND_RING_SIZE // 2


def answer_deadline(command: Command, now: datetime) -> datetime:
    """When the outcome of a command that is sent now becomes unknown, unless it is answered."""
    seconds = registry.kind_named(command.kind).answer_s
    if seconds is None:
        seconds = settings.ACK_TIMEOUT_SECONDS
    return min(now + timedelta(seconds=seconds), command.expires_at)


def may_repeat(command: Command) -> bool:
    """Whether the kind lets the command be handed out once more without a new connection."""
    return command.sends < registry.kind_named(command.kind).max_sends


def to_repeat(open_commands: Collection[Command], way: Way, now: datetime) -> list[Command]:
    """Those of the device's open commands that are handed out again, oldest first.

    One of unknown outcome that a newer one has overtaken is not: the device might do it last. Nor
    is one that the device may have done and forgotten over many others, nor one that has gone out
    as often as its kind stands: it would do it twice.
    """
    wanted = [
        command
        for command in open_commands
        if command.state in state_machine.AWAITING
        and command.cancel_asked_at is None
        and not _is_worn_out(command)
        and is_due_again(command, way, now)
    ]
    if not wanted:
        return []
    sent = _sent_after(wanted[0])
    waiting = [command for command in open_commands if command.state == state_machine.QUEUED]
    return [command for command in wanted if not _is_overtaken(command, sent, waiting)]


def is_due_again(command: Command, way: Way, now: datetime) -> bool:
    """Whether nothing but a repetition can tell what became of the command."""
    if not registry.knows(command.kind):
        return False
    if way.is_new:
        # What the device has begun, it need not be given over another wire.
        is_begun = command.state == state_machine.ACKED and not way.is_the_same_wire(command)
        return not is_begun and not way.is_the_same_session(command)
    if command.state == state_machine.TIMED_OUT:
        is_due = command.timeout_at is not None and command.timeout_at <= now
        return is_due and may_repeat(command)
    # Sent in a session that is over, and the device now comes without one.
    is_orphan = way.epoch is None and command.session_epoch is not None
    return is_orphan and command.state == state_machine.SENT


def _is_worn_out(command: Command) -> bool:
    """Whether the command has gone out as often as its kind stands, over however many wires."""
    return registry.knows(command.kind) and registry.kind_named(command.kind).is_worn_out(
        command.sends
    )


def note_repetition(command: Command, way: Way, now: datetime) -> None:
    """Keep that the command is handed out again."""
    transitions.change(
        command=command,
        now=now,
        note=f"sent_again:{way.name}" if command.sends < _MOST_TOLD else "",
        wire=way.wire,
        session_epoch=way.epoch,
        sends=min(command.sends + 1, _MOST_COUNTED),
        timeout_at=answer_deadline(command, now),
    )


def note_cancel_sent(command: Command, way: Way, now: datetime) -> None:
    """Keep that the device is told to cancel the command; told again, it counts as a sending."""
    is_first = command.cancel_sent_at is None
    transitions.change(
        command=command,
        now=now,
        note=f"cancel_sent:{way.name}" if command.sends < _MOST_TOLD else "",
        wire=way.wire,
        session_epoch=way.epoch,
        sends=min(command.sends + (not is_first), _MOST_COUNTED),
        cancel_sent_at=now,
        timeout_at=answer_deadline(command, now),
    )


def give_up_repeating(open_commands: Collection[Command], now: datetime) -> None:
    """Leave alone what is not repeated any more, so that nobody looks for it again."""
    spent = [
        command.pk
        for command in open_commands
        if command.state == state_machine.TIMED_OUT
        and command.timeout_at is not None
        and command.timeout_at <= now
    ]
    if spent:
        rows = Command.objects.unscoped("commands of the device whose lock is held")
        rows.filter(pk__in=spent, state=state_machine.TIMED_OUT).update(timeout_at=None)


def _sent_after(oldest: Command) -> list[Command]:
    """The newest commands that were sent, of those that were asked for after this one."""
    rows = Command.objects.unscoped("commands of the device whose lock is held")
    later = rows.filter(device_id=oldest.device_id, pk__gt=oldest.pk, sent_at__isnull=False)
    return list(later.order_by("-pk").only("pk", "lane")[:_SURELY_REMEMBERED])


def _is_overtaken(
    command: Command, sent: Collection[Command], waiting: Collection[Command]
) -> bool:
    newer = [other for other in sent if other.pk > command.pk]
    if len(newer) >= _SURELY_REMEMBERED:
        return True
    # Only an unknown outcome frees its lane for others before it is answered.
    return command.state == state_machine.TIMED_OUT and (
        any(lanes.exclude(other.lane, command.lane) for other in newer)
        or any(
            other.pk > command.pk and lanes.overtakes(other.lane, command.lane) for other in waiting
        )
    )
