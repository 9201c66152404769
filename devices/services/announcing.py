"""Telling browsers and subscribers who came and went; many at once in one frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from devices import events, registry
from devices.choices import Connectivity
from devices.types import Happening, Transition
from kernel import live
from kernel.events import publish_all

# More of a tenant than these in one unit of work are told in one frame.
FEW = 10
# In one such frame at most: it stays small enough for every browser.
MANY = 2_000


def tell(changes: Sequence[Transition]) -> None:
    """Tell of each change once, within the unit of work that made them."""
    publish_all(
        [
            events.PresenceChanged(
                occurred_at=change.at, device_id=change.device_id, is_online=change.is_online
            )
            for change in changes
        ]
    )
    registry.happened([_happening(change) for change in changes if change.tenant_id is not None])
    show_all(changes)


def show_all(changes: Sequence[Transition], *, is_flapping: bool | None = None) -> None:
    """Show browsers how these devices stand, many of a tenant in one frame."""
    grouped: dict[tuple[int | None, bool], list[Transition]] = defaultdict(list)
    for change in changes:
        grouped[change.tenant_id, change.is_online].append(change)
    for (tenant_id, is_online), group in grouped.items():
        if len(group) <= FEW:
            for change in group:
                _show(change, is_flapping)
            continue
        for start in range(0, len(group), MANY):
            _show_many(tenant_id, is_online, is_flapping, group[start : start + MANY])


def _show(change: Transition, is_flapping: bool | None) -> None:
    payload: dict[str, Any] = {
        "device_uid": change.device_uid,
        "connectivity": _word(change.is_online),
        "last_seen_at": _iso(change.last_seen_at),
    }
    if is_flapping is not None:
        payload["flapping"] = is_flapping
    live.append(tenant_id=change.tenant_id, kind="presence", payload=payload, now=change.at)


def _show_many(
    tenant_id: int | None, is_online: bool, is_flapping: bool | None, changes: Sequence[Transition]
) -> None:
    payload: dict[str, Any] = {
        "connectivity": _word(is_online),
        "at": _iso(changes[0].at),
        "devices": [change.device_uid for change in changes],
    }
    if is_flapping is not None:
        payload["flapping"] = is_flapping
    live.append(tenant_id=tenant_id, kind="presence_changed", payload=payload, now=changes[0].at)


def _happening(change: Transition) -> Happening:
    return Happening(
        kind="online" if change.is_online else "offline",
        tenant_id=change.tenant_id or 0,
        at=change.at,
        device_id=change.device_id,
        is_online=change.is_online,
        reason=change.reason,
    )


def _word(is_online: bool) -> str:
    return Connectivity.ONLINE if is_online else Connectivity.OFFLINE


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
