"""From notices that are due to deliveries: many changes in one message, and some in none."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError
from django.db.models import Count, Min

from devices import selectors as devices
from devices.selectors.maintenance import Maintenance
from devices.types import DeviceName
from kernel import tokens
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work
from notifications import quiet_hours, state_machine
from notifications.choices import (
    ChannelState,
    DeliveryState,
    Kind,
    NoticeState,
    Purpose,
    Topic,
    Transport,
)
from notifications.models import Channel, Delivery, Notice
from notifications.services import audience, exclusive, notebook
from notifications.services.audience import Listener

logger = logging.getLogger(__name__)

# In one message to a webhook; a mail says how many more there are instead.
MOST_IN_WEBHOOK: Final = 500
MOST_IN_MAIL: Final = 20_000
# A receiver that does not answer collects no more messages than these; changes wait instead.
MOST_OPEN: Final = 5
# News of yesterday is none.
KEPT_WAITING = timedelta(hours=24)
_BATCH: Final = 500
# Absence that maintenance excuses; what is over is told at any time.
_EXCUSED: Final = frozenset({Kind.OFFLINE, Kind.FLAPPING, Kind.SITE_OUTAGE})


def bundle(now: datetime) -> int:
    """Make deliveries out of what is due; returns how many.

    A window begins with the first notice that becomes due and is not put off by later ones.
    """
    waiting = Notice.objects.unscoped("notices of all tenants").filter(
        state=NoticeState.WAITING, due_at__lte=now
    )
    groups = waiting.order_by().values("channel_id", "channel__window_s")
    made = 0
    for group in groups.annotate(first=Min("due_at"), n=Count("pk")):
        is_over = group["first"] + timedelta(seconds=group["channel__window_s"]) <= now
        if is_over or group["n"] >= MOST_IN_WEBHOOK:
            made += _bundle_alone(group["channel_id"], now)
    return made


def _bundle_alone(channel_id: int, now: datetime) -> int:
    """Bundle for one channel; what is wrong with it keeps no other channel waiting."""
    try:
        return _bundle(channel_id, now)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("Notices could not be bundled", extra={"channel": channel_id})
        return 0


@unit_of_work()
def _bundle(channel_id: int, now: datetime) -> int:
    if not exclusive.is_alone():
        return 0
    channels = Channel.objects.unscoped("a channel with notices that are due")
    locked = lock_rows(channels.filter(pk=channel_id).select_related("user"))
    if not locked:
        return 0
    channel, listeners = locked[0], audience.narrowed(locked)
    if channel.state != ChannelState.ACTIVE or not listeners:
        return _withdraw(_due(channel, now), "channel_off")
    if quiet_hours.are_quiet(channel.quiet_hours, now) or _is_backed_up(channel):
        return _withdraw_old(channel, now)
    tellable = _tellable(_due(channel, now), listeners[0], now)
    if not tellable:
        return 0
    delivery = Delivery.objects.create(
        uid=f"msg_{tokens.new_public_id(12)}",
        tenant_id=channel.tenant_id,
        channel=channel,
        purpose=Purpose.CHANGES,
        state=DeliveryState.PENDING,
        count=len(tellable),
        created_at=now,
        next_at=now,
    )
    _move(tellable, state=NoticeState.BATCHED, delivery=delivery)
    return 1


def _due(channel: Channel, now: datetime) -> list[Notice]:
    most = MOST_IN_WEBHOOK if channel.transport == Transport.WEBHOOK else MOST_IN_MAIL
    notices = Notice.objects.unscoped("notices of a channel whose lock is held")
    due = notices.filter(channel_id=channel.pk, state=NoticeState.WAITING, due_at__lte=now)
    return list(due.order_by("due_at", "pk")[:most])


def _is_backed_up(channel: Channel) -> bool:
    deliveries = Delivery.objects.unscoped("deliveries of a channel whose lock is held")
    still_open = deliveries.filter(channel_id=channel.pk, state__in=state_machine.OPEN)
    return bool(still_open.count() >= MOST_OPEN)


def _tellable(due: Sequence[Notice], listener: Listener, now: datetime) -> list[Notice]:
    """Those that are true and nobody's maintenance; the others are withdrawn, or wait for it."""
    names = devices.device_names({row.device_id for row in due if row.device_id is not None})
    tenant_ids = {listener.channel.tenant_id}
    excused = devices.maintenance_between(now, now, tenant_ids=tenant_ids)
    told: list[Notice] = []
    stale: list[Notice] = []
    unasked: list[Notice] = []
    for notice in due:
        device = None if notice.device_id is None else names.get(notice.device_id)
        until = _excused_until(notice, device, excused)
        if not _still_holds(notice, device, listener):
            stale.append(notice)
        elif until is not None:
            _move([notice], due_at=until, state_reason="maintenance")
        elif notice.kind == Kind.OFFLINE and not listener.takes(Topic.OFFLINE):
            unasked.append(notice)
        else:
            told.append(notice)
    _withdraw(stale, "not_so_any_more")
    _withdraw(unasked, notebook.NOT_ASKED)
    return told


def _still_holds(notice: Notice, device: DeviceName | None, listener: Listener) -> bool:
    """Whether it is still the channel's to know, and an absence still one."""
    if notice.device_id is None:
        return listener.is_for(notice.site_pk)
    if device is None or not listener.hears_of(device):
        return False
    return notice.kind != Kind.OFFLINE or not device.is_online


def _excused_until(
    notice: Notice, device: DeviceName | None, excused: Maintenance
) -> datetime | None:
    if notice.kind not in _EXCUSED:
        return None
    spans = excused.spans(
        tenant_id=notice.tenant_id,
        site_id=notice.site_pk if device is None else device.site_pk,
        device_id=notice.device_id or 0,
    )
    return max((datetime.fromtimestamp(end, UTC) for _, end in spans), default=None)


def _withdraw_old(channel: Channel, now: datetime) -> int:
    rows: Any = Notice.objects.unscoped("notices of a channel whose lock is held")
    waiting = rows.filter(channel_id=channel.pk, state=NoticeState.WAITING)
    old = waiting.filter(due_at__lt=now - KEPT_WAITING)
    old.update(state=NoticeState.WITHDRAWN, state_reason="too_late")
    return 0


def _withdraw(notices: Sequence[Notice], reason: str) -> int:
    _move(notices, state=NoticeState.WITHDRAWN, state_reason=reason)
    return 0


def _move(notices: Sequence[Notice], **changes: Any) -> None:
    """Change those of them that still wait, under the channel's lock."""
    keys = [notice.pk for notice in notices]
    rows: Any = Notice.objects.unscoped("notices of a channel whose lock is held")
    for start in range(0, len(keys), _BATCH):
        still = rows.filter(pk__in=keys[start : start + _BATCH], state=NoticeState.WAITING)
        still.update(**changes)
