"""Aggregates of one metric over the devices an actor may see."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Aggregate, Case, Count, F, FloatField, Max, Min, QuerySet, Sum, When

from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor
from telemetry.buckets import FIVE_MINUTES, HOUR, percentile, start_of
from telemetry.chart_selectors import checked_metrics, plan_of
from telemetry.chart_types import FleetAnswer, FleetGroup
from telemetry.models import ReadingRollup

# Buckets that one question may touch, and groups that one answer may have.
MAX_BUCKETS: Final = 1_000_000
MAX_GROUPS: Final = 1_000
PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
FUNCTIONS: Final = ("avg", "min", "max", *PERCENTILES, "count")
# What names a group: its key, its name, and for sites, whose ids are a tenant's own, the tenant.
_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "site": ("device__site__site_id", "device__site__name", "device__tenant__uid"),
    "device_class": ("device__device_class",),
    "device_type": ("device__device_type",),
    "device": ("device__uid", "device__name"),
}
GROUPINGS: Final = tuple(_GROUPS)
# Below this a mean would underflow, which PostgreSQL refuses to compute.
_TINY = 1e-290


class _Percentile(Aggregate):
    """PostgreSQL's `percentile_cont`."""

    template = "percentile_cont(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: Any, fraction: float) -> None:
        super().__init__(expression, fraction=fraction)


def fleet(
    *,
    actor: Actor,
    metric: str,
    since: datetime,
    until: datetime,
    now: datetime,
    group_by: str = "",
    functions: Collection[str] = FUNCTIONS,
    include_unpaired: bool = False,
    include_simulated: bool = False,
) -> FleetAnswer:
    """What a metric came to over the actor's devices, by group, groups in order of their keys.

    Read from five-minute buckets where they are kept and few enough, else from hourly ones; the
    ends move outwards to whole buckets. Percentiles are over the means of buckets. Raises
    ValidationFailed for a wrong question and for one that would touch too much.
    """
    checked_metrics([metric])
    counted = _device_count(actor, unpaired=include_unpaired, simulated=include_simulated)
    if group_by == "device" and counted > MAX_GROUPS:
        raise errors.ValidationFailed(
            details={"group_by": [f"These are more than {MAX_GROUPS} devices."]}
        )
    tier, since, until = _tier(since, until, counted, now)
    rows = ReadingRollup.objects.visible_to(actor).filter(
        metric=metric, tier=tier, bucket_at__gte=since, bucket_at__lt=until
    )
    if not include_unpaired:
        rows = rows.filter(device__is_active=True)
    if not include_simulated:
        rows = rows.filter(device__is_simulated=False)
    groups = _grouped(rows, group_by, functions)
    return FleetAnswer(tier=tier, since=since, until=until, groups=groups)


def _device_count(actor: Actor, *, unpaired: bool, simulated: bool) -> int:
    found = [devices.devices_visible_to(actor)]
    if unpaired:
        found.append(devices.archive_visible_to(actor))
    if not simulated:
        found = [each.filter(is_simulated=False) for each in found]
    return sum(each.count() for each in found)


def _tier(
    since: datetime, until: datetime, counted: int, now: datetime
) -> tuple[int, datetime, datetime]:
    """The finest tier that is kept for the span and whose buckets are not too many."""
    finest = plan_of(since=since, until=until, points=2_000, now=now).tier
    for tier in (FIVE_MINUTES, HOUR):
        beginning = start_of(since, tier)
        end = start_of(until - timedelta(microseconds=1), tier) + timedelta(seconds=tier)
        buckets = int((end - beginning).total_seconds()) // tier
        if tier >= finest and buckets * counted <= MAX_BUCKETS:
            return tier, beginning, end
    raise errors.ValidationFailed(
        details={
            "from": [
                f"{counted} devices over this span are more than {MAX_BUCKETS} buckets: "
                "ask for a shorter one."
            ]
        }
    )


def _grouped(
    rows: QuerySet[Any, Any], group_by: str, functions: Collection[str]
) -> tuple[FleetGroup, ...]:
    names = _GROUPS.get(group_by, ())
    wanted = [name for name in PERCENTILES if name in functions]
    aggregates: dict[str, Any] = {
        "devices": Count("device_id", distinct=True),
        "readings": Sum("count"),
        "total": Sum("sum"),
        "least": Min("min"),
        "most": Max("max"),
    }
    if connection.vendor == "postgresql":
        aggregates |= {name: _Percentile(_mean(), PERCENTILES[name]) for name in wanted}
    if names:
        found = list(rows.order_by().values(*names).annotate(**aggregates)[: MAX_GROUPS + 1])
    else:
        found = [rows.aggregate(**aggregates)]
    if len(found) > MAX_GROUPS:
        raise errors.ValidationFailed(
            details={"group_by": [f"These are more than {MAX_GROUPS} groups."]}
        )
    found = [row for row in found if row["devices"]]
    if wanted and connection.vendor != "postgresql":
        _add_percentiles(found, rows, names, wanted)
    groups = [_group(row, names, functions) for row in found]
    return tuple(sorted(groups, key=lambda group: (group.key or "", group.tenant_uid or "")))


def _mean() -> Any:
    return Case(
        When(sum__gt=-_TINY, sum__lt=_TINY, then=0.0),
        default=F("sum") / F("count"),
        output_field=FloatField(),
    )


def _add_percentiles(
    found: list[dict[str, Any]],
    rows: QuerySet[Any, Any],
    names: tuple[str, ...],
    wanted: Iterable[str],
) -> None:
    """SQLite has no percentiles: the means come here, eight bytes each."""
    means: dict[tuple[Any, ...], array[float]] = defaultdict(lambda: array("d"))
    for *group, total, count in rows.values_list(*names, "sum", "count").iterator():
        means[tuple(group)].append(total / count)
    for row in found:
        values = means[tuple(row[name] for name in names)]
        row |= {name: percentile(values, PERCENTILES[name]) for name in wanted}


def _group(row: dict[str, Any], names: tuple[str, ...], functions: Collection[str]) -> FleetGroup:
    named = [row[name] for name in names]
    figures: dict[str, float] = {
        "avg": row["total"] / row["readings"],
        "min": row["least"],
        "max": row["most"],
        "count": row["readings"],
        **{name: row[name] for name in PERCENTILES if name in row},
    }
    return FleetGroup(
        key=named[0] if named else None,
        name=(named[1] if len(named) > 1 else named[0] if named else "") or "",
        tenant_uid=named[2] if len(named) > 2 else None,
        devices=row["devices"],
        figures={name: figures[name] for name in FUNCTIONS if name in functions},
    )
