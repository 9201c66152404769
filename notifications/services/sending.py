"""Deliveries: claimed under a lease, tried on threads of their own, settled by compare-and-set.

A receiver that is slow holds up neither the sweep of presence nor other tenants. Who dies in the
middle leaves a lease that ends: the message is sent again under the same id.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Any, Final

from django.db import close_old_connections
from django.db.models import F
from django.utils import timezone

from audit.services import recording
from kernel import row_security
from kernel.actors import Actor
from kernel.failpoints import failpoint
from kernel.locking import lock_rows
from kernel.metrics import NOTIFICATIONS
from kernel.unit_of_work import unit_of_work
from notifications import sealing, state_machine
from notifications.choices import ChannelState, DeliveryState, NoticeState, Purpose, Transport
from notifications.models import Channel, Delivery, Notice
from notifications.services import audience, channels, links, mailing, webhooks
from notifications.types import Attempt, Outcome

logger = logging.getLogger(__name__)

THREADS: Final = 4
# Of these, messages of one tenant at a time, and messages to receivers that did not answer lately.
MOST_OF_TENANT: Final = 2
MOST_FAILING: Final = 2
# A channel that failed for so long is told nothing more until somebody looks after it.
DISABLED_AFTER = timedelta(days=5)
_ACTOR = Actor.system("notifications.sending")
_free = BoundedSemaphore(THREADS)


def dispatch(now: datetime) -> int:
    """Begin what is due on free threads, without waiting for it; returns how many were begun."""
    release_lost(now)
    begun = 0
    for delivery_id in due(now):
        if not _free.acquire(blocking=False):
            break
        is_begun = False
        try:
            lease = claim(delivery_id, now)
            if lease is not None:
                _pool().submit(_run, delivery_id, lease)
                is_begun = True
        finally:
            # A database that fails here must not cost a place for good.
            if not is_begun:
                _free.release()
        begun += is_begun
    return begun


def due(now: datetime) -> list[int]:
    """Deliveries to try now, oldest first: one of a channel, some of a tenant, some that fail.

    Each is looked up beside those before it: however much of a tenant waits, it hides no other.
    """
    rows: Any = Delivery.objects.unscoped("deliveries of all tenants")
    facts = ("pk", "channel_id", "tenant_id", "channel__failing_since")
    taken = list(rows.filter(state=DeliveryState.SENDING).values_list(*facts))
    waiting = rows.filter(state__in=state_machine.DUE, next_at__lte=now).order_by("next_at", "pk")
    found: list[int] = []
    while len(found) < THREADS:
        following = _beside(waiting, taken).values_list(*facts).first()
        if following is None:
            break
        taken.append(following)
        found.append(following[0])
    return found


def claim(delivery_id: int, now: datetime) -> str | None:
    """Take a delivery for one attempt; None if somebody else has it. Returns the lease."""
    lease = secrets.token_hex(12)
    rows: Any = Delivery.objects.unscoped("a delivery that is due")
    free = rows.filter(pk=delivery_id, state__in=state_machine.DUE, next_at__lte=now)
    until = now + state_machine.LEASE
    values = {"state": DeliveryState.SENDING, "lease": lease, "lease_until": until, "next_at": None}
    with unit_of_work():
        return lease if free.update(**values) else None


def release_lost(now: datetime) -> int:
    """Have what was being sent by somebody who died tried again; returns how many."""
    rows: Any = Delivery.objects.unscoped("deliveries of all tenants")
    lost = rows.filter(state=DeliveryState.SENDING, lease_until__lte=now)
    values = {
        "attempts": F("attempts") + 1,
        "lease": "",
        "lease_until": None,
        "last_error": "Whoever sent it died.",
    }
    oldest = now - state_machine.GIVEN_UP_AFTER
    with unit_of_work():
        # What kills each of its senders would be tried for ever.
        lost.filter(created_at__lt=oldest).update(
            **values, state=DeliveryState.DEAD, finished_at=now
        )
        return int(lost.update(**values, state=DeliveryState.FAILED, next_at=now))


def attempt(delivery_id: int, lease: str) -> None:
    """Try a claimed delivery once, and note what came of it."""
    prepared = _prepared(delivery_id, lease, timezone.now())
    if prepared is None:
        return
    outcome = _tried(prepared)
    failpoint("notifications.sent")
    settle(attempt=prepared, outcome=outcome, now=timezone.now())


def _tried(prepared: Attempt) -> Outcome:
    try:
        return _SENDERS[prepared.transport](prepared)
    except Exception as error:
        # It waits like any other failure and is given up in the end, instead of losing its lease.
        logger.exception("A delivery failed", extra={"delivery": prepared.delivery_id})
        return Outcome(is_delivered=False, error=f"Sending it failed: {type(error).__name__}.")


@unit_of_work()
def settle(*, attempt: Attempt, outcome: Outcome, now: datetime) -> None:
    """Note what came of an attempt, unless its lease went to somebody else meanwhile."""
    rows: Any = Delivery.objects.unscoped("a delivery under a lease")
    found = rows.filter(pk=attempt.delivery_id).values_list("channel_id", flat=True).first()
    locked = lock_rows(Channel.objects.unscoped("a channel that was told").filter(pk=found))
    if not locked:
        return
    channel, tried = locked[0], attempt.attempts + 1
    values: dict[str, Any] = {
        "attempts": tried,
        "lease": "",
        "lease_until": None,
        "last_status": outcome.status,
        "last_error": outcome.error[:200],
    }
    values |= _ending(attempt, outcome, tried, now)
    mine = rows.filter(pk=attempt.delivery_id, state=DeliveryState.SENDING, lease=attempt.lease)
    if not mine.update(**values):
        return
    NOTIFICATIONS.labels(outcome=values["state"]).inc()
    if attempt.purpose in {Purpose.CHANGES, Purpose.TEST}:
        _judge(channel, attempt, outcome, values["state"], now)


def _beside(waiting: Any, taken: Sequence[tuple[Any, ...]]) -> Any:
    """Those that may go out beside the deliveries that are being sent."""
    tenant_ids = [tenant_id for _, _, tenant_id, _ in taken]
    full = {key for key in tenant_ids if tenant_ids.count(key) >= MOST_OF_TENANT}
    free = waiting.exclude(channel_id__in=[channel_id for _, channel_id, _, _ in taken])
    free = free.exclude(tenant_id__in=full)
    if sum(failing_since is not None for *_, failing_since in taken) >= MOST_FAILING:
        free = free.filter(channel__failing_since__isnull=True)
    return free


def _ending(attempt: Attempt, outcome: Outcome, tried: int, now: datetime) -> dict[str, Any]:
    if outcome.is_delivered:
        return {"state": DeliveryState.DELIVERED, "finished_at": now}
    wait = state_machine.retry_after(
        tried, chance=secrets.randbelow(1_000) / 1_000, asked=outcome.asked_to_wait
    )
    is_over = now + wait > attempt.created_at + state_machine.GIVEN_UP_AFTER
    # A test answers a person who waits; hours later nobody does.
    if outcome.is_final or is_over or attempt.purpose == Purpose.TEST:
        return {"state": DeliveryState.DEAD, "finished_at": now}
    return {"state": DeliveryState.FAILED, "next_at": now + wait}


def _judge(channel: Channel, attempt: Attempt, outcome: Outcome, state: str, now: datetime) -> None:
    """Keep how the channel is doing; one that fails for days, or wants no more, is disabled.

    One failure long after another is not days of failing: only a message that was tried for its
    whole day ends a channel. A test that fails tells who waits for it, and nothing more.
    """
    if outcome.is_delivered:
        if channel.failing_since is not None:
            channel.failing_since = None
            channel.save(update_fields=["failing_since"])
        return
    if outcome.is_final:
        _disable(channel, "refused", now)
    if attempt.purpose == Purpose.TEST:
        return
    if channel.failing_since is None:
        channel.failing_since = now
        channel.save(update_fields=["failing_since"])
    if state == DeliveryState.DEAD and channel.failing_since <= now - DISABLED_AFTER:
        _disable(channel, "failing", now)


def _disable(channel: Channel, reason: str, now: datetime) -> None:
    if channel.state != ChannelState.ACTIVE:
        return
    channel.state, channel.state_reason = ChannelState.DISABLED, reason
    channel.version += 1
    channel.changed_at = now
    channel.save(update_fields=["state", "state_reason", "version", "changed_at"])
    _drop(channel, now)
    recording.record(
        tenant_id=channel.tenant_id,
        action="notifications.channel.disabled",
        actor=_ACTOR,
        target_type="notification_channel",
        target_id=channel.uid,
        before={"state": ChannelState.ACTIVE.value},
        after={"state": ChannelState.DISABLED.value, "reason": reason},
        now=now,
    )
    # A member's own mail is refused at the very address that would be told of it.
    if channel.created_by_user_id is not None and channel.user_id is None:
        channels.queue(channel=channel, purpose=Purpose.DISABLED, now=now)


def _drop(channel: Channel, now: datetime) -> None:
    deliveries: Any = Delivery.objects.unscoped("a channel whose lock is held")
    waiting = deliveries.filter(channel=channel, state__in=state_machine.DUE)
    waiting.update(state=DeliveryState.DROPPED, next_at=None, finished_at=now)


def _run(delivery_id: int, lease: str) -> None:
    try:
        close_old_connections()
        with row_security.platform_scope("notifications.sending"):
            attempt(delivery_id, lease)
    except Exception:
        # Its lease ends, and it is tried again.
        logger.exception("A delivery failed", extra={"delivery": delivery_id})
    finally:
        close_old_connections()
        _free.release()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="notifications")


def _prepared(delivery_id: int, lease: str, now: datetime) -> Attempt | None:
    """Everything one attempt needs; a delivery that nobody wants any more is dropped."""
    rows: Any = Delivery.objects.unscoped("a delivery under a lease")
    mine = rows.filter(pk=delivery_id, state=DeliveryState.SENDING, lease=lease)
    related = ("channel__tenant", "channel__user", "channel__created_by_user")
    delivery: Delivery | None = mine.select_related(*related).first()
    if delivery is None:
        return None
    channel = delivery.channel
    to, error = _receiver(delivery, channel), ""
    signing: tuple[str, ...] = ()
    try:
        signing = channels.secrets_of(channel, now)
    except sealing.CannotOpen:
        error = "Its secret cannot be read; give it a new one."
    changes = _changes_of(delivery)
    # All that it told of may have been erased.
    is_empty = delivery.purpose == Purpose.CHANGES and not changes
    if not to or error or is_empty or not _is_wanted(delivery, channel):
        values = {"state": DeliveryState.DROPPED, "lease": "", "lease_until": None}
        with unit_of_work():
            mine.update(**values, finished_at=now, last_error=error)
        return None
    is_webhook = channel.transport == Transport.WEBHOOK and delivery.purpose != Purpose.DISABLED
    if not is_webhook:
        with unit_of_work():
            mine.update(lease_until=now + state_machine.MAIL_LEASE)
    return Attempt(
        delivery_id=delivery.pk,
        delivery_uid=delivery.uid,
        lease=lease,
        purpose=delivery.purpose,
        transport=Transport.WEBHOOK if is_webhook else Transport.EMAIL,
        created_at=delivery.created_at,
        attempts=delivery.attempts,
        channel_uid=channel.uid,
        channel_name=channel.name,
        tenant_uid=channel.tenant.uid,
        tenant_name=channel.tenant.name,
        to=to,
        secrets=signing,
        changes=changes,
        count=len(changes),
        state_reason=channel.state_reason,
    )


def _receiver(delivery: Delivery, channel: Channel) -> str:
    if delivery.purpose == Purpose.DISABLED:
        maker = channel.created_by_user
        return maker.email if maker is not None and maker.is_active else ""
    return channel.url or links.address_of(channel)


def _is_wanted(delivery: Delivery, channel: Channel) -> bool:
    if delivery.purpose == Purpose.DISABLED:
        return channel.state == ChannelState.DISABLED
    if delivery.purpose == Purpose.CONFIRM:
        return channel.state == ChannelState.UNCONFIRMED
    return channel.state == ChannelState.ACTIVE and bool(audience.narrowed([channel]))


def _changes_of(delivery: Delivery) -> tuple[dict[str, Any], ...]:
    notices: Any = Notice.objects.unscoped("what is in a delivery")
    rows = notices.filter(delivery_id=delivery.pk, state=NoticeState.BATCHED)
    return tuple(
        {"id": row.uid, "kind": row.kind, "at": _iso(row.at), **row.facts}
        for row in rows.order_by("at", "pk")
    )


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


_SENDERS: Final[dict[str, Callable[[Attempt], Outcome]]] = {
    Transport.WEBHOOK: webhooks.send,
    Transport.EMAIL: mailing.send,
}
