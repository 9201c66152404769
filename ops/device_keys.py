"""The keys of a device as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devices import selectors as devices
from devices.choices import KeyRole
from devices.selectors.broker_accounts import broker_account_of
from devices.selectors.credentials import keys_of
from kernel.actors import Actor
from ops import device_timeline, lifecycle, selectors, wording
from timeline import selectors as timeline

if TYPE_CHECKING:
    from devices.types import KeyView

HISTORY: int = 20
_TITLES = {
    KeyRole.CURRENT: "In use",
    KeyRole.PENDING: "Waiting for its first use",
    KeyRole.RETIRING: "The old one, still good",
}
_ORDER = {KeyRole.CURRENT: 0, KeyRole.PENDING: 1, KeyRole.RETIRING: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyCard:
    """One key: what it is for now, and where it was last seen."""

    view: KeyView
    title: str
    tone: str
    wire: str
    is_former: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account of a device at the MQTT broker, without its password."""

    username: str
    state: str
    tone: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysPage:
    """The keys of a device, its broker account, and what happened to them."""

    card: selectors.DeviceCard
    standing: lifecycle.Standing
    keys: Sequence[KeyCard]
    former: Sequence[KeyCard]
    old_key: KeyCard | None
    old_key_used_since: bool
    account: Account | None
    days: Sequence[device_timeline.Day]


def keys_page(*, actor: Actor, uid: str, now: datetime) -> KeysPage:
    """The keys of a device of the viewer. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    card = selectors.device_card(device, now=now)
    views = [_card(view) for view in keys_of(device)]
    living = sorted(
        (key for key in views if not key.is_former), key=lambda key: _ORDER[KeyRole(key.view.role)]
    )
    old = next((key for key in living if key.view.role == KeyRole.RETIRING), None)
    current = next((key for key in living if key.view.role == KeyRole.CURRENT), None)
    _, history = timeline.timeline_of(
        actor=actor, device_uid=device.uid, sources=("keys",), limit=HISTORY, now=now
    )
    zone = device_timeline.zone_of(device)
    return KeysPage(
        card=card,
        standing=lifecycle.standing_of(actor=actor, device=device),
        keys=living,
        former=[key for key in views if key.is_former],
        old_key=old,
        old_key_used_since=_is_used_since(old, current),
        account=_account(device),
        days=device_timeline.days_of(history.entries, card=card, zone=zone, now=now),
    )


def _card(view: KeyView) -> KeyCard:
    is_former = view.revoked_at is not None
    tones = {KeyRole.CURRENT: "good", KeyRole.PENDING: "busy", KeyRole.RETIRING: "warn"}
    return KeyCard(
        view=view,
        title="Ended" if is_former else _TITLES[KeyRole(view.role)],
        tone="idle" if is_former else tones[KeyRole(view.role)],
        wire=wording.WIRES.get(view.last_used_over, view.last_used_over),
        is_former=is_former,
    )


def _is_used_since(old: KeyCard | None, current: KeyCard | None) -> bool:
    """Whether the old key was used after the new one was."""
    if old is None or current is None:
        return False
    used, replaced = old.view.last_used_at, current.view.first_used_at
    return used is not None and replaced is not None and used > replaced


def _account(device: Any) -> Account | None:
    account = broker_account_of(device)
    if account is None or account.removed_at is not None:
        return None
    if account.revoked_at is not None:
        return Account(
            username=account.username, state="Ending", tone="warn", since=account.revoked_at
        )
    if account.lost_at is not None:
        return Account(
            username=account.username,
            state="Lost by the broker",
            tone="bad",
            since=account.lost_at,
        )
    if account.applied_at is None:
        return Account(
            username=account.username, state="On its way to the broker", tone="busy", since=None
        )
    return Account(username=account.username, state="In use", tone="good", since=account.applied_at)
