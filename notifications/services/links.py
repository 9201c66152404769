"""Links in mails that act without a login: each opens one thing of one channel, and no other."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from audit.services import recording
from kernel import errors, row_security, tokens
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work
from notifications.choices import ChannelState
from notifications.models import Channel

CONFIRM: Final = "confirm"
UNSUBSCRIBE: Final = "unsubscribe"
# Why a channel is paused whose receiver wants to hear no more: only they take that back.
UNSUBSCRIBED: Final = "unsubscribed"
_ACTOR = Actor.system("notifications.links")


def link(*, deed: str, channel_uid: str, address: str) -> str:
    """The link, or nothing where the installation does not know its own address."""
    if not settings.PUBLIC_URL:
        return ""
    return f"{settings.PUBLIC_URL}/notifications/link/{_token(deed, channel_uid, address)}"


@row_security.platform_scope("notifications.links")
def channel_of_link(token: str) -> tuple[str, Channel]:
    """What the link does, and with which channel. Raises NotFound."""
    deed, _, rest = token.partition(".")
    uid, _, _ = rest.partition(".")
    rows: Any = Channel.objects.unscoped("whoever has the link may use it")
    channel: Channel | None = rows.filter(uid=uid).select_related("user", "tenant").first()
    if deed not in {CONFIRM, UNSUBSCRIBE} or channel is None:
        raise errors.NotFound
    # A link to a former address opens nothing any more.
    if not hmac.compare_digest(token, _token(deed, uid, address_of(channel))):
        raise errors.NotFound
    return deed, channel


@row_security.platform_scope("notifications.links")
@unit_of_work()
def use_link(*, token: str, now: datetime) -> str:
    """Do what the link is for; again changes nothing. Returns what it did. Raises NotFound."""
    deed, found = channel_of_link(token)
    rows: Any = Channel.objects.unscoped("whoever has the link may use it")
    (channel,) = lock_rows(rows.filter(pk=found.pk))
    before = channel.state, channel.state_reason
    if deed == CONFIRM and channel.state == ChannelState.UNCONFIRMED:
        channel.state, channel.state_reason = ChannelState.ACTIVE, ""
    if deed == UNSUBSCRIBE:
        channel.state, channel.state_reason = ChannelState.PAUSED, UNSUBSCRIBED
    if (channel.state, channel.state_reason) != before:
        channel.version += 1
        channel.changed_at = now
        channel.save(update_fields=["state", "state_reason", "version", "changed_at"])
        recording.record(
            tenant_id=channel.tenant_id,
            action=f"notifications.channel.{deed}",
            actor=_ACTOR,
            target_type="notification_channel",
            target_id=channel.uid,
            before={"state": str(before[0])},
            after={"state": str(channel.state)},
            now=now,
        )
    return deed


def address_of(channel: Channel) -> str:
    """Where mail of the channel goes now: a member's own follows the address they sign in with."""
    if channel.user_id is not None and channel.user is not None:
        return channel.user.email
    return channel.email


def _token(deed: str, channel_uid: str, address: str) -> str:
    digest = tokens.keyed_digest(f"notifications.{deed}", f"{channel_uid}|{address}")
    return f"{deed}.{channel_uid}.{digest[:40]}"
