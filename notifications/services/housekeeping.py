"""Notices and deliveries are kept for a month."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from notifications.choices import NoticeState
from notifications.models import Delivery, Notice

KEPT_FOR = timedelta(days=30)
CHUNK: Final = 1_000
LONGEST_RUN_S: Final = 1.0


def forget_old(now: datetime, *, chunk: int = CHUNK) -> int:
    """Delete notices and finished deliveries that are older, some at a time; returns how many.

    What is more than a second's work is left for the next time: the same ticker sweeps presence.
    """
    ends = time.monotonic() + LONGEST_RUN_S
    notices: Any = Notice.objects.unscoped("old notices of all tenants")
    is_done = Q(delivery__isnull=True) | Q(delivery__finished_at__isnull=False)
    old = notices.filter(is_done, created_at__lt=now - KEPT_FOR)
    deliveries: Any = Delivery.objects.unscoped("old deliveries of all tenants")
    ended = deliveries.filter(finished_at__lt=now - KEPT_FOR)
    gone = _delete(notices, old.exclude(state=NoticeState.WAITING), chunk, ends)
    return gone + _delete(deliveries, ended, chunk, ends)


def _delete(rows: Any, old: Any, chunk: int, ends: float) -> int:
    gone = 0
    while time.monotonic() < ends and (keys := _some(old, chunk)):
        rows.filter(pk__in=keys).delete()
        gone += len(keys)
    return gone


def _some(old: Any, chunk: int) -> Sequence[int]:
    return list(old.order_by("pk").values_list("pk", flat=True)[:chunk])
