"""Read model of what devices sent that could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from accounts.permissions import has_role
from kernel.actors import Actor
from kernel.row_security import PLATFORM_TENANT
from ops import wording
from telemetry import selectors as telemetry

PAGE_SIZE: Final = 20
KEPT_DAYS: Final = 14
_MAX_DIGITS = 18
_REASONS: Final = {
    "unknown_device": "No device has the name in its topic.",
    "device_unpaired": "The life of this device had ended.",
    "wrong_channel": "It came on a topic that is for something else.",
    "not_stored": "It could not be stored when it came.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """One payload that was set aside, and why."""

    uid: str
    device_uid: str
    has_device: bool
    topic: str
    reason: str
    why: str
    detail: str
    count: int
    size: int
    received_at: datetime
    last_received_at: datetime
    replayed_at: datetime | None
    text: str
    may_act: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAsidePage:
    """The newest payloads first; `next_before` continues them."""

    payloads: Sequence[Payload]
    device: str
    reason: str
    reasons: Sequence[tuple[str, str]]
    next_before: str
    is_later_page: bool


def set_aside_page(*, actor: Actor, device: str, reason: str, before: str) -> SetAsidePage:
    """What devices of the viewer sent that could not be used; the platform's with no owner too."""
    found = telemetry.set_aside_visible_to(actor, device_uid=device, reason=reason)
    if before.isascii() and before.isdigit() and len(before) <= _MAX_DIGITS:
        found = found.filter(pk__lt=int(before))
    rows = list(found.order_by("-pk")[: PAGE_SIZE + 1])
    return SetAsidePage(
        payloads=[_payload(row, actor) for row in rows[:PAGE_SIZE]],
        device=device,
        reason=reason,
        reasons=[(name, wording.plain(name)) for name in telemetry.set_aside_reasons_of(actor)],
        next_before=str(rows[PAGE_SIZE - 1].pk) if len(rows) > PAGE_SIZE else "",
        is_later_page=bool(before),
    )


def _payload(row: Any, actor: Actor) -> Payload:
    is_of_nobody = row.tenant_id == PLATFORM_TENANT
    may_act = (
        actor.is_platform_admin if is_of_nobody else has_role(actor, row.tenant_id, "operator")
    )
    return Payload(
        uid=row.uid,
        device_uid=row.device_uid,
        has_device=row.device_id is not None,
        topic=row.topic,
        reason=row.reason,
        why=_REASONS.get(row.reason, "It could not be understood."),
        detail=row.detail,
        count=row.count,
        size=row.size,
        received_at=row.received_at,
        last_received_at=row.last_received_at,
        replayed_at=row.replayed_at,
        text=row.text,
        may_act=bool(may_act),
    )
