"""What the first page of a device adds to its sheet: why it is so, and what happened last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from devices import selectors as devices
from kernel.actors import Actor
from ops import device_timeline, selectors, wording
from timeline import explaining

if TYPE_CHECKING:
    from commands.types import CommandView
    from relays.types import RelayView

# What could be done with a life while it went on: icon, name, and why no longer.
ENDED_DEEDS: Final = (
    ("key", "New key", "Its keys ended with this life.", "Renew…"),
    (
        "transfer",
        "Hand to another owner",
        "Only a life that goes on can be handed over.",
        "Transfer…",
    ),
    ("release", "Release", "It is nobody's any more.", "Release…"),
    ("link-off", "Unpair", "It is unpaired already.", "Unpair…"),
)
_NOT_DONE: Final = frozenset({"failed", "rejected", "expired", "timed_out"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """The last try to switch a relay, which did not come off: why, and the command to look at."""

    command_id: str
    text: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Insight:
    """The answers about a device, its last days, and what its relays were last asked in vain."""

    answers: Sequence[device_timeline.Told]
    days: Sequence[device_timeline.Day]
    tries: Mapping[int, Try]


def insight_of(*, actor: Actor, sheet: selectors.DeviceSheet, now: datetime) -> Insight:
    """Why a device of the viewer is as it is, and what happened to it last. Raises NotFound."""
    card = sheet.card
    device = devices.device_by_uid(actor=actor, uid=card.uid, include_archived=True)
    answers = explaining.explain_found(device=device, actor=actor, now=now)
    return Insight(
        answers=device_timeline.told(answers, card=card),
        days=device_timeline.recent_days(actor=actor, device=device, card=card, now=now),
        tries=_tries(sheet),
    )


def _tries(sheet: selectors.DeviceSheet) -> Mapping[int, Try]:
    """For each relay whose last switching came to nothing: what became of it."""
    card = sheet.card
    if card.is_archived:
        return {}
    tried = ((relay, _last_of(relay, sheet.recent)) for relay in card.relays)
    return {
        relay.relay_index: Try(
            command_id=last.id,
            text=wording.outcome(state=last.state, reason=last.reason, error=last.error),
            at=last.finished_at or last.created_at,
        )
        for relay, last in tried
        if last is not None and last.state in _NOT_DONE
    }


def _last_of(relay: RelayView, recent: Sequence[CommandView]) -> CommandView | None:
    """The newest switching of a relay that is younger than the position it is in."""
    for command in recent:
        is_of_all = command.kind == "set_all_relays"
        is_of_it = command.kind == "set_relay" and (
            command.payload.get("relay_index") == relay.relay_index
        )
        if is_of_all or is_of_it:
            is_younger = relay.changed_at is None or command.created_at > relay.changed_at
            return command if is_younger else None
    return None
