"""Forget what devices reported long ago; what was desired is kept as long as the device."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Exists, OuterRef

from kernel.unit_of_work import unit_of_work
from twins.choices import Section
from twins.models import TwinRevision

CHUNK: Final = 2_000
MAX_CHUNKS: Final = 25


def forget_old_reports(now: datetime, *, chunk: int = CHUNK, max_chunks: int = MAX_CHUNKS) -> int:
    """Delete reported versions that were replaced by others too long ago; returns how many.

    The version that held when the time began stays: it tells how the device was from then on. In
    short transactions, a bounded number of them: what is left goes next time.
    """
    before = now - timedelta(days=settings.TWIN_REPORTED_DAYS)
    deleted = 0
    for _ in range(max_chunks):
        count = _forget_chunk(before=before, chunk=chunk)
        deleted += count
        if count < chunk:
            break
    return deleted


@unit_of_work()
def _forget_chunk(*, before: datetime, chunk: int) -> int:
    rows: Any = TwinRevision.objects.unscoped("retention holds for all tenants")
    reported = rows.filter(section=Section.REPORTED, at__lt=before)
    newer = rows.filter(
        device_id=OuterRef("device_id"),
        section=Section.REPORTED,
        version=OuterRef("version") + 1,
        at__lt=before,
    )
    # By the key too: of versions of one moment the older one goes first, or none would find it.
    oldest = reported.filter(Exists(newer)).order_by("at", "pk")
    keys = list(oldest.values_list("pk", flat=True)[:chunk])
    deleted: int = rows.filter(pk__in=keys)._raw_delete(rows.db) if keys else 0
    return deleted
