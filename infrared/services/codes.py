"""Codes that people bring, change and remove."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from audit.services import recording
from devices import permissions
from devices import selectors as device_selectors
from devices.services import sessions
from devices.types import SessionFacts
from infrared import errors, pronto
from infrared.choices import Source
from infrared.models import DeviceIrCode
from infrared.pronto import Signal
from infrared.selectors import WHY, view_of
from infrared.types import IrCodeInput, IrCodeView
from kernel import errors as kernel_errors
from kernel import live
from kernel.actors import Actor
from kernel.unit_of_work import require_unit_of_work, unit_of_work

MAX_CODES = 200
MAX_NAME = 100
MAX_PROTOCOL = 40
MAX_REPEAT = 20


def create_code(*, device_uid: str, given: IrCodeInput, actor: Actor, now: datetime) -> IrCodeView:
    """Keep a code for a device, as Pronto hex or as a carrier with its timings.

    Raises NotFound, PermissionDenied, DeviceArchived, ValidationFailed with a pointer per wrong
    part, IrCodeExists, TooManyIrCodes.
    """
    signal = signal_in(given)
    plain = _checked({"name": ""} | given.plain())
    with unit_of_work():
        facts = lock_device(device_uid, actor)
        require_room(facts.device_id)
        _require_free(facts.device_id, plain["name"])
        code = keep(facts, signal, plain, source=Source.IMPORTED, by=actor.label, now=now)
        _record("created", facts, code, actor, None, _told(code), now)
    return view_of(code)


def update_code(
    *, device_uid: str, uid: uuid.UUID, given: IrCodeInput, actor: Actor, now: datetime
) -> IrCodeView:
    """Change what is given of a code; a signal is replaced as a whole. Raises as `create_code`."""
    signal = signal_in(given) if given.has_signal else None
    plain = _checked(given.plain())
    with unit_of_work():
        facts = lock_device(device_uid, actor)
        code = _code(facts.device_id, uid)
        if plain.get("name", code.name) != code.name:
            _require_free(facts.device_id, plain["name"])
        before = _told(code)
        for name, value in (plain | _columns(signal)).items():
            setattr(code, name, value)
        if _told(code) != before or signal is not None:
            code.updated_at = now
            code.save()
            _record("updated", facts, code, actor, before, _told(code), now)
    return view_of(code)


def remove_code(*, device_uid: str, uid: uuid.UUID, actor: Actor, now: datetime) -> None:
    """Forget a code. Raises NotFound, PermissionDenied, DeviceArchived."""
    with unit_of_work():
        facts = lock_device(device_uid, actor)
        code = _code(facts.device_id, uid)
        _record("removed", facts, code, actor, _told(code), None, now)
        code.delete()


def lock_device(device_uid: str, actor: Actor) -> SessionFacts:
    """The living device, locked, for an actor who may operate it.

    Raises NotFound, PermissionDenied, DeviceArchived.
    """
    require_unit_of_work()
    device_id, tenant_id = device_selectors.device_keys(actor=actor, uid=device_uid)
    permissions.require_operate(actor, tenant_id)
    facts = sessions.lock_session(device_id=device_id)
    sessions.require_living(facts)
    return facts


def require_room(device_id: int) -> None:
    """Raises TooManyIrCodes for a device that has as many codes as one may have."""
    if DeviceIrCode.objects.unscoped(WHY).filter(device_id=device_id).count() >= MAX_CODES:
        raise errors.TooManyIrCodes(details={"limit": MAX_CODES})


def keep(
    facts: SessionFacts,
    signal: Signal,
    plain: dict[str, Any],
    *,
    source: Source,
    by: str,
    learned_by: str = "",
    now: datetime,
) -> DeviceIrCode:
    """Write a code of the device whose lock is held, and tell the browsers."""
    if facts.tenant_id is None:
        raise kernel_errors.NotFound
    code = DeviceIrCode(
        device_id=facts.device_id,
        tenant_id=facts.tenant_id,
        source=source,
        learned_by=learned_by,
        created_at=now,
        created_by=by[:200],
        updated_at=now,
        **plain,
        **_columns(signal),
    )
    code.save(force_insert=True)
    tell(facts, now)
    return code


def tell(facts: SessionFacts, now: datetime) -> None:
    """Have the browsers fetch the device's codes again."""
    live.append(
        tenant_id=facts.tenant_id,
        kind="ir_codes_changed",
        payload={"device_uid": facts.device_uid},
        now=now,
    )


def signal_in(given: IrCodeInput) -> Signal:
    """The signal that is given. Raises ValidationFailed with a pointer per wrong part."""
    if given.pronto is not None:
        if given.frequency_hz is not None or given.timings is not None:
            problem = "Send either pronto, or frequency_hz with timings."
            raise kernel_errors.ValidationFailed(details={"/pronto": [problem]})
        try:
            return pronto.from_pronto(given.pronto)
        except pronto.NotPronto as wrong:
            raise kernel_errors.ValidationFailed(details={"/pronto": [str(wrong)]}) from None
    found = pronto.problems_with(given.frequency_hz, given.timings)
    if not found:
        found = pronto.problem_with_repeat(given.repeat_from, len(given.timings))
    if found:
        raise kernel_errors.ValidationFailed(details=found)
    return Signal(
        frequency_hz=given.frequency_hz,
        timings=tuple(given.timings),
        repeat_from=given.repeat_from,
    )


def _checked(plain: dict[str, Any]) -> dict[str, Any]:
    wrong: dict[str, list[str]] = {}
    if "name" in plain:
        plain = plain | {"name": plain["name"].strip()}
        if not 0 < len(plain["name"]) <= MAX_NAME:
            wrong["/name"] = [f"1 to {MAX_NAME} characters."]
    if len(plain.get("protocol", "")) > MAX_PROTOCOL:
        wrong["/protocol"] = [f"At most {MAX_PROTOCOL} characters."]
    if not 1 <= plain.get("repeat", 1) <= MAX_REPEAT:
        wrong["/repeat"] = [f"1 to {MAX_REPEAT} times."]
    if wrong:
        raise kernel_errors.ValidationFailed(details=wrong)
    return plain


def _columns(signal: Signal | None) -> dict[str, Any]:
    if signal is None:
        return {}
    return {
        "frequency_hz": signal.frequency_hz,
        "timings": list(signal.timings),
        "repeat_from": signal.repeat_from,
    }


def _code(device_id: int, uid: uuid.UUID) -> DeviceIrCode:
    codes = DeviceIrCode.objects.unscoped(WHY)
    found: DeviceIrCode | None = codes.filter(device_id=device_id, uid=uid).first()
    if found is None:
        raise kernel_errors.NotFound
    return found


def _require_free(device_id: int, name: str) -> None:
    codes = DeviceIrCode.objects.unscoped(WHY)
    if codes.filter(device_id=device_id, name=name).exists():
        raise errors.IrCodeExists(details={"/name": [f"There is a code {name!r} already."]})


def _told(code: DeviceIrCode) -> dict[str, Any]:
    return {
        "id": str(code.uid),
        "name": code.name,
        "frequency_hz": code.frequency_hz,
        "length": len(code.timings),
        "protocol": code.protocol,
        "repeat": code.repeat,
    }


def _record(
    what: str,
    facts: SessionFacts,
    code: DeviceIrCode,
    actor: Actor,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=facts.tenant_id,
        action=f"infrared.code.{what}",
        actor=actor,
        target_type="device",
        target_id=facts.device_uid,
        before=before,
        after=after,
        now=now,
    )
    tell(facts, now)
