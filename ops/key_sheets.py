"""Read models of one provisioning key: what it is good for, and who came in with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import selectors as audit
from audit.types import Wanted
from devices import selectors as devices
from kernel.actors import Actor
from ops.places import Key, key_of

_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """A device that came in with a key; `is_here` while the viewer still has it."""

    device_uid: str
    name: str
    is_here: bool
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySheet:
    """Everything the page of a key shows; `uses` are the newest of them."""

    key: Key
    created_at: datetime
    left: int
    uses: Sequence[Use]


def key_sheet(*, actor: Actor, uid: str, now: datetime) -> KeySheet:
    """One key of a tenant the viewer administers. Raises NotFound, PermissionDenied."""
    row = devices.provisioning_key_by_uid(actor=actor, uid=uid)
    key = key_of(row, now)
    return KeySheet(
        key=key,
        created_at=row.created_at,
        left=max(0, row.max_devices - row.used),
        uses=_uses(actor, uid),
    )


def _uses(actor: Actor, uid: str) -> list[Use]:
    wanted = Wanted(
        target_type="provisioning_key", target_id=uid, action="devices.provisioning_key.used"
    )
    entries = audit.entries_matching(actor=actor, wanted=wanted).order_by("-pk")[:_SHOWN]
    told = [(entry.after.get("device", ""), entry.at) for entry in entries if entry.after]
    names = _names(actor, {device for device, _ in told if device})
    return [
        Use(device_uid=device, name=names.get(device, device), is_here=device in names, at=at)
        for device, at in told
        if device
    ]


def _names(actor: Actor, uids: set[str]) -> dict[str, str]:
    found: Any = devices.devices_visible_to(actor).filter(uid__in=uids).select_related(None)
    rows = found.values_list("uid", "name", "device_id")
    return {uid: name or device_id or uid for uid, name, device_id in rows}
