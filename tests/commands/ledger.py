"""A device's side of the ledger without a wire, and a look at the ledger's rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.models import AuditEntry
from commands import lanes
from commands.choices import Delivery
from commands.models import Command
from commands.services import delivery, queueing, results
from commands.types import Order
from devices.choices import Wire
from devices.services import sessions
from edge.protocol.messages import Ack, AckStatus, RelayReading, StateReport
from kernel.actors import Actor
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from relays.services import reporting
from tests.factories.devices import Board

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
OK = AckStatus.SUCCEEDED


def at(seconds: float) -> datetime:
    """That long after the start."""
    return START + timedelta(seconds=seconds)


def readings(*positions: tuple[int, bool]) -> tuple[RelayReading, ...]:
    """Positions as the wire tells them."""
    return tuple(RelayReading(index, is_on) for index, is_on in positions)


def pull(board: Board, now: datetime, *, reconnect: bool = False) -> list[Any]:
    """What the device's socket is handed."""
    return delivery.claim_deliverable(
        device_id=board.device_id, epoch=board.epoch, now=now, reconnect=reconnect
    )


def poll(
    board: Board,
    now: datetime,
    *,
    wire: str = Wire.HTTP,
    greets: bool = False,
    limit: int | None = None,
) -> list[Any]:
    """What the device is handed over a wire without sessions."""
    return delivery.claim_deliverable(
        device_id=board.device_id, epoch=None, wire=wire, now=now, reconnect=greets, limit=limit
    )


def ask(
    owner: Actor,
    board: Board,
    kind: str,
    now: datetime,
    *,
    lane: str = lanes.SYSTEM,
    lifetime_s: float = 3600,
    payload: dict[str, Any] | None = None,
) -> str:
    """Have a command wait for the device; returns its id."""
    with unit_of_work():
        command = queueing.enqueue(
            facts=sessions.lock_session(device_id=board.device_id),
            order=Order(
                kind=kind,
                payload=payload or {},
                lane=lane,
                delivery=Delivery.QUEUE,
                lifetime=timedelta(seconds=lifetime_s),
                coalesce=False,
            ),
            actor=owner,
            now=now,
        )
    return str(command.uid)


def hung_up(board: Board, now: datetime) -> Board:
    """The same device without its socket."""
    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason="closed_by_device", now=now
    )
    return replace(board, epoch=None)  # type: ignore[arg-type]


def ids(messages: list[Any]) -> list[str]:
    """The ids of handed out messages, in order."""
    return [message.command_id for message in messages]


def answer(
    board: Board,
    command_id: str,
    now: datetime,
    *positions: tuple[int, bool],
    status: AckStatus = OK,
    state_seq: int | None = None,
    error: str | None = None,
    **said: Any,
) -> bool:
    """The device acknowledges a command."""
    ack = Ack(
        command_id=command_id,
        status=status,
        relays=readings(*positions) or None,
        error=error,
        state_seq=state_seq,
        **said,
    )
    return results.record_ack(device_id=board.device_id, epoch=board.epoch, ack=ack, now=now)


def report(
    board: Board, positions: list[bool], now: datetime, *, state_seq: int | None = None
) -> int:
    """The device reports its whole board."""
    said = StateReport(relays=readings(*enumerate(positions)), state_seq=state_seq)
    return reporting.apply_state_report(
        device_id=board.device_id, epoch=board.epoch, report=said, now=now
    )


def row_of(command_id: str) -> Command:
    """The command as the ledger has it now."""
    found: Command = Command.objects.unscoped("tests look at everything").get(uid=command_id)
    return found


def commands_of(board: Board) -> list[Command]:
    """All commands of a device, oldest first."""
    rows = Command.objects.unscoped("tests look at everything")
    return list(rows.filter(device_id=board.device_id).order_by("pk"))


def moves_of(command_id: str) -> list[tuple[str, str]]:
    """The history of a command, as (state, reason)."""
    events = row_of(command_id).events.order_by("pk")
    return [(event.to_state, event.reason) for event in events]


def switch_entries(board: Board) -> list[AuditEntry]:
    """Audit entries about switched relays of the device."""
    entries = AuditEntry.objects.unscoped("tests look at everything")
    return list(entries.filter(action="relays.relay.switched", target_id=board.uid).order_by("pk"))


def live_kinds(tenant_id: int) -> list[str]:
    """Kinds of the tenant's live events, in order."""
    events = LiveEvent.objects.filter(tenant_id=tenant_id).order_by("seq")
    return list(events.values_list("kind", flat=True))
