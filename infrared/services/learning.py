"""Codes that devices learn: asked for by an `ir_learn` command, and told by the device."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from audit.services import recording
from commands import selectors as command_selectors
from commands import state_machine
from commands.types import CommandView, Outcome
from devices.services import sessions
from devices.types import SessionFacts
from edge.protocol.messages import IrLearned
from infrared import pronto
from infrared.choices import Source
from infrared.models import DeviceIrCode
from infrared.pronto import Signal
from infrared.selectors import WHY
from infrared.services import codes
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

IR_LEARN = "ir_learn"
# A device whose command nobody wants any more is not believed to have learnt for it.
_MAY_TELL = frozenset(
    {
        state_machine.SENT,
        state_machine.ACKED,
        state_machine.TIMED_OUT,
        state_machine.SUCCEEDED,
    }
)


def record_learned(
    *, device_id: int, epoch: int | None, message: IrLearned, now: datetime
) -> str | None:
    """Keep a code that the device received, once, under the name its `ir_learn` command gave.

    Returns the code's uid; None for a command that did not ask for one. `epoch` is None on wires
    without sessions. Raises SessionFenced, DeviceUnpaired.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        command = _command(facts, message.command_id)
        if command is None:
            return None
        signal = Signal(frequency_hz=message.frequency_hz, timings=tuple(message.timings))
        code = _keep_once(facts, command.id, command.payload, command.cause, signal, now)
        return str(code.uid)


def apply_outcome(outcome: Outcome, now: datetime) -> dict[str, Any] | None:
    """Tell which code an `ir_learn` command has brought, keeping what came with the answer."""
    if outcome.state != state_machine.SUCCEEDED:
        return None
    code = _learned(outcome.device_id, outcome.command_uid)
    if code is None:
        signal = _signal_in(outcome.result or {})
        if signal is None:
            return None
        facts = sessions.lock_session(device_id=outcome.device_id)
        code = _keep_once(facts, outcome.command_uid, outcome.payload, outcome.cause, signal, now)
    return {"code": str(code.uid), "name": code.name}


def _command(facts: SessionFacts, command_id: str) -> CommandView | None:
    """The device's own `ir_learn` command of that id that may still bring something."""
    try:
        found = command_selectors.command_by_uid(
            actor=Actor.system("infrared.learning"), uid=uuid.UUID(command_id)
        )
    except (ValueError, kernel_errors.NotFound):
        return None
    is_its = found.device_uid == facts.device_uid and found.kind == IR_LEARN
    return found if is_its and found.state in _MAY_TELL else None


def _signal_in(result: Any) -> Signal | None:
    frequency_hz, timings = result.get("frequency_hz"), result.get("timings")
    if pronto.problems_with(frequency_hz, timings):
        return None
    return Signal(frequency_hz=frequency_hz, timings=tuple(timings))


def _keep_once(
    facts: SessionFacts,
    command_uid: str,
    payload: dict[str, Any],
    cause: list[dict[str, Any]],
    signal: Signal,
    now: datetime,
) -> DeviceIrCode:
    known = _learned(facts.device_id, command_uid)
    if known is not None:
        return known
    code = codes.keep(
        facts,
        signal,
        {"name": _free_name(facts.device_id, str(payload.get("name", "")))},
        source=Source.LEARNED,
        by=str(cause[-1].get("label", "")) if cause else "",
        learned_by=command_uid,
        now=now,
    )
    device = Actor.device(
        device_id=facts.device_id, uid=facts.device_uid, tenant_id=facts.tenant_id
    )
    recording.record(
        tenant_id=facts.tenant_id,
        action="infrared.code.learned",
        actor=device,
        target_type="device",
        target_id=facts.device_uid,
        before=None,
        after={"id": str(code.uid), "name": code.name, "command": command_uid},
        cause=cause,
        now=now,
    )
    return code


def _learned(device_id: int, command_uid: str) -> DeviceIrCode | None:
    rows = DeviceIrCode.objects.unscoped(WHY)
    found: DeviceIrCode | None = rows.filter(device_id=device_id, learned_by=command_uid).first()
    return found


def _free_name(device_id: int, wanted: str) -> str:
    """The name itself, or with the first number that makes it the device's only one."""
    rows = DeviceIrCode.objects.unscoped(WHY).filter(device_id=device_id)
    taken = set(rows.values_list("name", flat=True))
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted[: codes.MAX_NAME - 5]} {number}"
    return name
