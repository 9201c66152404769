"""The live stream: per tenant, numbered events that browsers follow and resume.

An event is a row of the same transaction as the change it tells, so its number and its order
are those of the commits. The hub only carries it early; a reader that sees a gap, or comes
back, reads the rows, and one that comes back too late is told to fetch afresh.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction

from kernel import realtime, row_security
from kernel.compiled import Insert
from kernel.models import LiveEvent, LiveStream
from kernel.unit_of_work import before_commit

KEPT_FOR = timedelta(minutes=15)
_EVENT = Insert(LiveEvent)


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveItem:
    """One event of a tenant's stream."""

    tenant_id: int
    seq: int
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unnumbered:
    tenant_id: int
    kind: str
    payload: dict[str, Any]
    at: datetime


def append(*, tenant_id: int | None, kind: str, payload: dict[str, Any], now: datetime) -> None:
    """Add an event to the tenant's stream in this unit of work; without a tenant, to none."""
    if tenant_id is not None:
        before_commit(_flush, _Unnumbered(tenant_id=tenant_id, kind=kind, payload=payload, at=now))


def last_seqs(tenant_ids: Iterable[int]) -> dict[int, int]:
    """The last number of each of the tenants' streams; 0 where nothing happened yet."""
    found = dict.fromkeys(tenant_ids, 0)
    rows = LiveStream.objects.filter(tenant_id__in=list(found))
    return found | dict(rows.values_list("tenant_id", "last_seq"))


def read_since(*, tenant_id: int, seq: int, limit: int = 500) -> list[LiveItem] | None:
    """Events after `seq` in order; None when some are gone, or more than `limit`: fetch afresh."""
    last = last_seqs([tenant_id])[tenant_id]
    missing = last - seq
    if missing == 0:
        return []
    if missing < 0 or missing > limit:
        return None
    rows = LiveEvent.objects.filter(tenant_id=tenant_id, seq__gt=seq, seq__lte=last).order_by("seq")
    items = [
        LiveItem(tenant_id=tenant_id, seq=row.seq, kind=row.kind, payload=row.payload)
        for row in rows
    ]
    return items if len(items) == missing else None


def forget_old(now: datetime) -> int:
    """Delete events older than a browser may resume from; returns how many."""
    return LiveEvent.objects.filter(at__lt=now - KEPT_FOR).delete()[0]


def _flush(pending: list[_Unnumbered]) -> None:
    by_tenant: dict[int, list[_Unnumbered]] = defaultdict(list)
    for event in pending:
        by_tenant[event.tenant_id].append(event)
    with row_security.covering(by_tenant, name="live.append"):
        _write(by_tenant)


def _write(by_tenant: dict[int, list[_Unnumbered]]) -> None:
    rows: list[LiveEvent] = []
    for tenant_id in sorted(by_tenant):
        events = by_tenant[tenant_id]
        first = _reserve(tenant_id, len(events)) - len(events) + 1
        rows += [
            LiveEvent(
                tenant_id=tenant_id, seq=seq, kind=event.kind, payload=event.payload, at=event.at
            )
            for seq, event in enumerate(events, start=first)
        ]
    _EVENT.many(rows)
    transaction.on_commit(partial(_hint, rows))


def _reserve(tenant_id: int, count: int) -> int:
    """Take `count` numbers; the row stays locked until COMMIT, so numbers follow commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_livestream (tenant_id, last_seq) VALUES (%s, %s) "
            "ON CONFLICT (tenant_id) DO UPDATE SET "
            "last_seq = kernel_livestream.last_seq + excluded.last_seq RETURNING last_seq",
            [tenant_id, count],
        )
        row = cursor.fetchone()
    return int(row[0])


def _hint(rows: list[LiveEvent]) -> None:
    for row in rows:
        realtime.publish(
            realtime.tenant_topic(row.tenant_id),
            {"seq": row.seq, "kind": row.kind, "payload": row.payload},
        )
