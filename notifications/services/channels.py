"""Channels: making, changing and removing them, and their secrets."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.conf import settings

from accounts.permissions import one_tenant
from audit.services import recording
from kernel import errors, preconditions, ratelimit, tokens
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work
from notifications import permissions, sealing, selectors, signatures
from notifications.choices import ChannelState, DeliveryState, Purpose, Topic, Transport
from notifications.errors import ChannelNotActive, EmailNotConfigured, TooManyChannels
from notifications.models import Channel, Delivery
from notifications.services import wishes
from notifications.services.links import UNSUBSCRIBED
from notifications.types import ChannelWish, MadeChannel

MOST_OF_TENANT: Final = 50
MOST_OF_MEMBER: Final = 5
# Questions of a tenant to anybody, and of anybody to one address.
ASKED_PER_HOUR: Final = 5
# Both secrets sign for so long after one was replaced.
OVERLAP = timedelta(hours=24)
TESTS_PER_HOUR: Final = 20
DEFAULT_TOPICS: Final = [Topic.OFFLINE.value, Topic.ONLINE.value, Topic.SITE_OUTAGE.value]
_record = partial(recording.record_of, "notifications.channel", "notification_channel")


def create_channel(
    *, transport: str, is_own: bool = False, wish: ChannelWish, actor: Actor, now: datetime
) -> MadeChannel:
    """Have a tenant's receiver, or with `is_own` the member themselves, told of changes.

    A webhook gets a secret, shown this once. An address of mail that is not the member's own is
    asked first and told nothing before it agrees. Raises TenantRequired, PermissionDenied,
    EmailNotConfigured, TooManyChannels, RateLimited, ValidationFailed.
    """
    tenant_id = one_tenant(actor)
    if is_own:
        permissions.require_member(actor, tenant_id)
    else:
        permissions.require_manage(actor, tenant_id)
    if transport == Transport.EMAIL and not settings.EMAIL_CONFIGURED:
        raise EmailNotConfigured
    wishes.require_fitting(transport, is_own, wish)
    channel = Channel(
        tenant_id=tenant_id,
        user_id=actor.user_id if is_own else None,
        transport=transport,
        topics=list(DEFAULT_TOPICS),
        created_at=now,
        created_by=actor.label[:200],
        created_by_user_id=actor.user_id,
        changed_at=now,
    )
    wishes.fulfil(channel, wish, actor=actor)
    secret = signatures.new_secret() if transport == Transport.WEBHOOK else None
    if secret is not None:
        channel.sealed_secret = _sealed(secret, channel)
    with unit_of_work():
        _require_room(tenant_id, channel.user_id)
        if channel.email:
            channel.state = ChannelState.UNCONFIRMED
        channel.save()
        if channel.state == ChannelState.UNCONFIRMED:
            _ask(channel, now)
        _record(channel, "created", None, wishes.facts(channel), actor, now)
    return MadeChannel(channel=channel, secret=secret)


def update_channel(
    *, channel_uid: str, wish: ChannelWish, if_match: str | None = None, actor: Actor, now: datetime
) -> Channel:
    """Change a channel, pause it, or have it go on; another address of mail is asked again.

    Raises NotFound, PermissionDenied, PreconditionFailed, ValidationFailed.
    """
    with unit_of_work():
        channel = _locked(channel_uid, actor)
        require_version(channel, if_match)
        before, address, url = wishes.facts(channel), channel.email, channel.url
        wishes.require_fitting(channel.transport, channel.user_id is not None, wish)
        wishes.fulfil(channel, wish, actor=actor)
        if channel.email != address:
            channel.state, channel.state_reason = ChannelState.UNCONFIRMED, ""
            _ask(channel, now)
        elif wish.is_paused is not None:
            _pause(channel, wish.is_paused, now)
        if (channel.email, channel.url) != (address, url):
            # Another receiver: what the one before failed at is not held against it.
            channel.failing_since = None
        if wishes.facts(channel) != before:
            channel.version += 1
            channel.changed_at = now
            channel.save()
            _record(channel, "updated", before, wishes.facts(channel), actor, now)
    return channel


def delete_channel(
    *, channel_uid: str, if_match: str | None = None, actor: Actor, now: datetime
) -> None:
    """Have it told nothing more, and forget what it was told. Raises as `update_channel`."""
    with unit_of_work():
        channel = _locked(channel_uid, actor)
        require_version(channel, if_match)
        _record(channel, "deleted", wishes.facts(channel), None, actor, now)
        rows: Any = Channel.objects.unscoped("a channel whose lock is held")
        rows.filter(pk=channel.pk).delete()


def rotate_secret(*, channel_uid: str, actor: Actor, now: datetime) -> MadeChannel:
    """Give a webhook a new secret, shown this once; the former signs beside it for a day.

    Raises NotFound, PermissionDenied, ValidationFailed for a channel that signs nothing.
    """
    with unit_of_work():
        channel = _locked(channel_uid, actor)
        if channel.transport != Transport.WEBHOOK:
            raise errors.ValidationFailed("Only webhooks have a secret.")
        secret = signatures.new_secret()
        channel.sealed_former_secret = channel.sealed_secret
        channel.former_secret_until = now + OVERLAP
        channel.sealed_secret = _sealed(secret, channel)
        channel.version += 1
        channel.changed_at = now
        channel.save()
        _record(channel, "secret_rotated", None, {"until": (now + OVERLAP).isoformat()}, actor, now)
    return MadeChannel(channel=channel, secret=secret)


def send_test(*, channel_uid: str, actor: Actor, now: datetime) -> Delivery:
    """Have a message delivered that says that it is a test.

    Raises NotFound, PermissionDenied, RateLimited, ChannelNotActive.
    """
    found = selectors.channel_by_uid(actor=actor, uid=channel_uid)
    ratelimit.hit(
        key=f"notifications.test:{found.pk}", limit=TESTS_PER_HOUR, window_s=3600, now=now
    )
    with unit_of_work():
        channel = _locked(channel_uid, actor)
        if channel.state != ChannelState.ACTIVE:
            raise ChannelNotActive
        return queue(channel=channel, purpose=Purpose.TEST, now=now)


def queue(*, channel: Channel, purpose: Purpose, now: datetime) -> Delivery:
    """Have a message of that purpose delivered, within the caller's unit of work."""
    return Delivery.objects.create(
        uid=f"msg_{tokens.new_public_id(12)}",
        tenant_id=channel.tenant_id,
        channel=channel,
        purpose=purpose,
        state=DeliveryState.PENDING,
        created_at=now,
        next_at=now,
    )


def secrets_of(channel: Channel, now: datetime) -> tuple[str, ...]:
    """The secrets that sign now, the newest first. Raises sealing.CannotOpen."""
    found = []
    if channel.sealed_secret is not None:
        found.append(_opened(bytes(channel.sealed_secret), channel))
    until = channel.former_secret_until
    if channel.sealed_former_secret is not None and until is not None and now < until:
        found.append(_opened(bytes(channel.sealed_former_secret), channel))
    return tuple(found)


def require_version(channel: Channel, if_match: str | None) -> None:
    """Refuse a change of a version other than the one that was read. Raises PreconditionFailed."""
    tag = preconditions.version_tag(channel.version)
    try:
        holds = preconditions.if_match_holds(if_match, tag)
    except preconditions.MalformedPrecondition:
        problem = "Send the ETag as you got it."
        raise errors.ValidationFailed(details={"If-Match": [problem]}) from None
    if not holds:
        raise errors.PreconditionFailed(etag=str(tag), current=wishes.facts(channel))


def _pause(channel: Channel, is_paused: bool, now: datetime) -> None:
    if channel.state == ChannelState.UNCONFIRMED:
        # Only its receiver ends this state; who asks again has the question sent again.
        if not is_paused:
            _ask(channel, now)
        return
    if is_paused:
        # Why it was paused before stays: who wanted to hear no more is not forgotten by it.
        if channel.state != ChannelState.PAUSED:
            channel.state, channel.state_reason = ChannelState.PAUSED, "paused"
    elif channel.email and channel.state_reason == UNSUBSCRIBED:
        channel.state, channel.state_reason = ChannelState.UNCONFIRMED, ""
        _ask(channel, now)
    elif channel.state != ChannelState.ACTIVE:
        channel.state, channel.state_reason = ChannelState.ACTIVE, ""
        channel.failing_since = None


def _ask(channel: Channel, now: datetime) -> None:
    """Ask an address whether it wants to be told: seldom, since nobody there has agreed yet."""
    for key in (f"notifications.ask:{channel.tenant_id}", f"notifications.ask:{channel.email}"):
        ratelimit.hit(key=key, limit=ASKED_PER_HOUR, window_s=3600, now=now)
    queue(channel=channel, purpose=Purpose.CONFIRM, now=now)


def _require_room(tenant_id: int, user_id: int | None) -> None:
    rows: Any = Channel.objects.unscoped("counting those of one tenant")
    of_tenant = rows.filter(tenant_id=tenant_id)
    is_full = of_tenant.count() >= MOST_OF_TENANT
    if user_id is not None:
        is_full = is_full or of_tenant.filter(user_id=user_id).count() >= MOST_OF_MEMBER
    if is_full:
        raise TooManyChannels


def _locked(channel_uid: str, actor: Actor) -> Channel:
    found = selectors.channel_by_uid(actor=actor, uid=channel_uid)
    rows: Any = Channel.objects.unscoped("found within the actor's scope")
    locked = lock_rows(rows.filter(pk=found.pk).select_related("tenant", "user"))
    if not locked:
        raise errors.NotFound
    channel: Channel = locked[0]
    return channel


def _sealed(secret: str, channel: Channel) -> bytes:
    return sealing.seal(secret, key=settings.SECRET_KEY, context=channel.uid)


def _opened(sealed: bytes, channel: Channel) -> str:
    return sealing.unseal(sealed, key=settings.SECRET_KEY, context=channel.uid)
