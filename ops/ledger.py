"""Read models of commands: those of a device, and why one is where it is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from accounts.permissions import has_role
from commands import explaining
from commands import selectors as commands
from commands.registry import Kind
from devices import permissions
from devices import selectors as devices
from kernel.actors import Actor
from ops import documents, selectors, wording

if TYPE_CHECKING:
    from commands.explanation_facts import Explanation
    from commands.types import CommandView

PAGE_SIZE = 30
# Which commands of a device the list shows, by the word in the address.
NARROWED: dict[str, dict[str, Any]] = {
    "open": {"is_open": True},
    "failed": {"states": ("failed", "rejected", "expired")},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandsPage:
    """The commands of a device; `next_before` continues the list."""

    card: selectors.DeviceCard
    may_ask: bool
    kinds: Sequence[Kind]
    actions: Sequence[selectors.Action]
    next_before: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSheet:
    """One command and everything that is known about why it is where it is."""

    card: selectors.DeviceCard
    command: CommandView
    action: selectors.Action
    explanation: Explanation
    may_cancel: bool
    payload_text: str
    result_text: str


def commands_page(
    *, actor: Actor, uid: str, shown: str, before: str, now: datetime
) -> CommandsPage:
    """The commands of a device of the viewer, newest first. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    card = selectors.device_card(device, now=now)
    found = commands.commands_like(actor=actor, device=device.uid, **NARROWED.get(shown, {}))
    if last := _key_of(found, before):
        found = found.filter(pk__lt=last)
    rows = list(found.order_by("-pk")[: PAGE_SIZE + 1])
    names = relay_names(card)
    page = rows[:PAGE_SIZE]
    may_ask = device.is_active and has_role(actor, device.tenant_id, "operator")
    return CommandsPage(
        card=card,
        may_ask=may_ask,
        kinds=kinds_for(actor=actor, device=device) if may_ask else (),
        actions=[
            selectors.action_of(commands.view_of(row, device.uid), relay_names=names)
            for row in page
        ],
        next_before=str(page[-1].uid) if len(rows) > PAGE_SIZE else None,
    )


def kinds_for(*, actor: Actor, device: Any) -> list[Kind]:
    """What the viewer may ask of the device, by title; not what it has said it cannot do."""
    owner = device.tenant.uid if device.tenant else ""
    known = devices.capabilities_of(device.pk)
    usable = [
        kind
        for kind, tenant in commands.kinds_usable_by(actor)
        if tenant in {None, owner}
        and has_role(actor, device.tenant_id, kind.role)
        and not (kind.capability and known and kind.capability not in known)
    ]
    return sorted(usable, key=lambda kind: kind.title or kind.name)


def require_asker(*, actor: Actor, uid: str) -> Any:
    """The device, for an operator of it. Raises NotFound, PermissionDenied."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    permissions.require_operate(actor, device.tenant_id)
    return device


def command_sheet(*, actor: Actor, uid: uuid.UUID, now: datetime) -> CommandSheet:
    """A command of the viewer's, and why it is where it is. Raises NotFound."""
    command = commands.command_by_uid(actor=actor, uid=uid)
    device = devices.device_by_uid(actor=actor, uid=command.device_uid, include_archived=True)
    card = selectors.device_card(device, now=now)
    is_open = command.finished_at is None and command.cancel_asked_at is None
    return CommandSheet(
        card=card,
        command=command,
        action=selectors.action_of(command, relay_names=relay_names(card)),
        explanation=explaining.explain_command(actor=actor, uid=uid, now=now),
        may_cancel=is_open and has_role(actor, device.tenant_id, "operator"),
        payload_text=documents.written(command.payload) if command.payload else "",
        result_text=documents.written(command.result) if command.result else "",
    )


def relay_names(card: selectors.DeviceCard) -> dict[int, str]:
    """What the relays of a device are called."""
    return {relay.relay_index: relay.name for relay in card.relays}


def kind_title(kind: Kind) -> str:
    """A kind of command as people call it."""
    return kind.title or wording.plain(kind.name.removeprefix("custom.")).capitalize()


def _key_of(found: Any, uid: str) -> int | None:
    try:
        named = uuid.UUID(uid)
    except ValueError:
        return None
    key: int | None = found.filter(uid=named).values_list("pk", flat=True).first()
    return key
