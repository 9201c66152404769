"""The course of the fleet's figures, read from the tallies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Sum

from fleet.choices import Counting
from fleet.models import FleetTally
from fleet.slots import RANGES, start_of, starts
from fleet.types import Trend, TrendPoint
from kernel import errors
from kernel.actors import Actor

_FIGURES: Final = ("total", "online", "never_connected", "drifting", "failed_commands")
_Sums = Mapping[str, int]


def trend(*, actor: Actor, range_name: str, counting: str = Counting.REAL, now: datetime) -> Trend:
    """The figures of the sites the actor may see over a range. Raises ValidationFailed."""
    chosen = RANGES.get(range_name)
    if chosen is None:
        raise errors.ValidationFailed(details={"range": [f"One of {', '.join(RANGES)}."]})
    if counting not in Counting.values:
        raise errors.ValidationFailed(details={"count": [f"One of {', '.join(Counting.values)}."]})
    begins = starts(chosen, now)
    by_step: dict[datetime, list[_Sums]] = defaultdict(list)
    for slot in _slots(actor, counting, begins[0], now):
        by_step[start_of(slot["at"], chosen.step)].append(slot)
    return Trend(
        range=range_name,
        step_s=int(chosen.step.total_seconds()),
        counting=counting,
        points=[_point(at, by_step.get(at, ())) for at in begins],
    )


def _slots(actor: Actor, counting: str, since: datetime, until: datetime) -> Any:
    """What each slot comes to over all sites that the actor may see."""
    rows = FleetTally.objects.visible_to(actor).filter(at__gte=since, at__lte=until)
    if counting != Counting.ALL:
        rows = rows.filter(is_simulated=counting == Counting.SIMULATED)
    return rows.order_by().values("at").annotate(**{f"{name}_sum": Sum(name) for name in _FIGURES})


def _point(at: datetime, slots: Sequence[Any]) -> TrendPoint:
    """One step: what stands is the mean of its slots, what happens is their sum."""
    if not slots:
        return TrendPoint(at=at)
    sums = {name: sum(slot[f"{name}_sum"] for slot in slots) for name in _FIGURES}
    mean = {name: round(sums[name] / len(slots)) for name in _FIGURES}
    return TrendPoint(
        at=at,
        total=mean["total"],
        online=mean["online"],
        never_connected=mean["never_connected"],
        drifting=mean["drifting"],
        failed_commands=sums["failed_commands"],
        online_share=round(sums["online"] / sums["total"], 4) if sums["total"] else None,
    )
