"""What a member is told by mail: their own channel in one home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from accounts import selectors as accounts
from kernel.actors import Actor
from notifications import selectors as notifications
from notifications.choices import ChannelState, Transport
from notifications.services import channels
from notifications.types import ChannelWish

NAME: Final = "My mail"
_DEFAULTS: Final = {"topics": ["offline", "online"], "after_s": 300}


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """Whether the viewer is told anything, and why not."""

    address: str
    can_send: bool
    is_on: bool
    is_stopped: bool
    uid: str
    shown: Mapping[str, Any]


def telling(*, actor: Actor) -> Telling:
    """How the viewer, who acts in one home, is told of things."""
    channel = _own(actor)
    address = accounts.user_by_id(actor.user_id).email if actor.user_id is not None else ""
    is_on = channel is not None and channel.state == ChannelState.ACTIVE
    return Telling(
        address=address,
        can_send=settings.EMAIL_CONFIGURED,
        is_on=is_on,
        is_stopped=channel is not None and channel.state == ChannelState.DISABLED,
        uid=channel.uid if channel is not None else "",
        shown=_DEFAULTS if channel is None else _shown(channel, is_on=is_on),
    )


def choose(
    *, given: Mapping[str, Any], offered: frozenset[str], actor: Actor, now: datetime
) -> None:
    """Have the viewer told of what they chose; of nothing: the channel is paused.

    What the page does not offer stays as it is. Raises as the services of notifications.
    """
    channel = _own(actor)
    topics = list(given["topics"])
    if channel is None and not topics:
        return
    wish = ChannelWish(
        name=NAME if channel is None else None,
        topics=[*topics, *_kept(channel, offered)] if topics else None,
        after_s=given["after_s"],
        quiet_hours=_quiet(given),
        is_paused=None if channel is None else not topics,
    )
    if channel is None:
        channels.create_channel(
            transport=Transport.EMAIL, is_own=True, wish=wish, actor=actor, now=now
        )
    else:
        channels.update_channel(channel_uid=channel.uid, wish=wish, actor=actor, now=now)


def _own(actor: Actor) -> Any:
    if actor.user_id is None:
        return None
    found = notifications.channels_visible_to(actor).filter(
        user_id=actor.user_id, transport=Transport.EMAIL
    )
    return found.order_by("pk").first()


def _kept(channel: Any, offered: frozenset[str]) -> list[str]:
    return [] if channel is None else [topic for topic in channel.topics if topic not in offered]


def _quiet(given: Mapping[str, Any]) -> dict[str, Any]:
    if not given["quiet_from"]:
        return {}
    times = {"from": given["quiet_from"], "to": given["quiet_to"]}
    return times | {"time_zone": given["zone"] or "UTC"}


def _shown(channel: Any, *, is_on: bool) -> dict[str, Any]:
    quiet = channel.quiet_hours or {}
    return {
        "topics": channel.topics if is_on else [],
        "after_s": channel.after_s,
        "quiet_from": quiet.get("from", ""),
        "quiet_to": quiet.get("to", ""),
        "zone": quiet.get("time_zone", ""),
    }
