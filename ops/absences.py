"""Read model of a device's connections over a span: how much it was there, and why it was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from accounts.permissions import has_role
from devices import selectors as devices
from kernel.actors import Actor
from ops import connectivity, selectors, timelines, wording
from ops.connectivity import Line, Outage
from ops.spans import Span

# What is known of connections goes back so far.
REACH: Final = timedelta(days=30)
SHOWN: Final = 50
_CELLS: Final = 336
# How far the line of the log may lie from the edge of the absence that it tells of.
_NEAR_S: Final = 2.0
_ABSENT: Final = ("offline", "maintenance")


@dataclass(frozen=True, slots=True)
class _Facts:
    """A timeline whose absences are not covered by times of coming and going."""

    online: Sequence[timelines.Span]
    unknown: Sequence[timelines.Span]
    maintenance: Sequence[timelines.Span]
    flapping: Sequence[timelines.Span] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """A time in which it was not there: why it went, how it came back, and what else explains it."""

    began_at: datetime
    ended_at: datetime | None
    lasted: str
    went: str
    came: str
    is_excused: bool
    outage: Outage | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionsSheet:
    """Everything the page of a device's connections shows."""

    card: selectors.DeviceCard
    span: Span
    is_clipped: bool
    bar: timelines.Bar
    legend: Sequence[timelines.Mark]
    summary: str
    uptime: str
    online: str
    absent: str
    outages: int
    longest: str
    unknown: str
    absences: Sequence[Absence]
    left_out: int
    lines: Sequence[Line]
    record: connectivity.Record
    may_operate: bool


def connections_sheet(*, actor: Actor, uid: str, span: Span, now: datetime) -> ConnectionsSheet:
    """The connections of a device of the viewer in a span, its archive included. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    told = devices.timeline_of(device, now)
    seen = _within_reach(span, now)
    begin, end = seen.since.timestamp(), seen.until.timestamp()
    facts = _Facts(told.online, told.unknown, told.maintenance)
    stretches = timelines.stretches(facts, begin=begin, end=end)
    log = connectivity.log_of(actor=actor, device=device)
    outages = _outages(actor, device, now)
    gone = [found for found in stretches if found.state in _ABSENT]
    absences = [_absence(found, log, outages, now) for found in reversed(gone)]
    away = [found for found in gone if found.state == "offline"]
    online, absent, unknown = (
        sum(found.end - found.begin for found in stretches if found.state == state)
        for state in ("online", "offline", "unknown")
    )
    share = online / (online + absent) * 100 if online + absent else None
    longest = max((found.end - found.begin for found in away), default=0.0)
    bar = timelines.bar(told, length=seen.length, cells=_CELLS, until=seen.until)
    return ConnectionsSheet(
        card=selectors.device_card(device, now=now),
        span=seen,
        is_clipped=seen.since > span.since,
        bar=bar,
        legend=_legend(bar),
        summary=_summary(seen, share, len(away)),
        uptime=wording.percent(share),
        online=wording.lasting(online),
        absent=wording.lasting(absent),
        outages=len(away),
        longest=wording.lasting(longest) if away else "–",
        unknown=wording.lasting(unknown) if unknown >= 1 else "",
        absences=absences[:SHOWN],
        left_out=max(len(absences) - SHOWN, 0),
        lines=[line for line in log if seen.since <= line.at <= seen.until],
        record=connectivity.record_of(actor=actor, device=device, now=now),
        may_operate=bool(device.is_active and has_role(actor, device.tenant_id, "operator")),
    )


def _within_reach(span: Span, now: datetime) -> Span:
    until = min(span.until, now)
    since = max(span.since, now - REACH)
    if since >= until:
        since, until = now - REACH, now
    return Span(name=span.name, since=since, until=until)


def _outages(actor: Actor, device: Any, now: datetime) -> list[Outage]:
    if device.site_id is None:
        return []
    return connectivity.outages_of(actor=actor, site=device.site, now=now)


def _absence(
    found: timelines.Stretch, log: Sequence[Line], outages: Sequence[Outage], now: datetime
) -> Absence:
    went = _told_at(log, "offline", found.begin)
    came = _told_at(log, "online", found.end)
    goes_on = found.end >= now.timestamp() - _NEAR_S and not came
    return Absence(
        began_at=datetime.fromtimestamp(found.begin, UTC),
        ended_at=None if goes_on else datetime.fromtimestamp(found.end, UTC),
        lasted=wording.lasting(found.end - found.begin),
        went=went or "It began before this time, or while it came and went.",
        came="It is still away." if goes_on else came,
        is_excused=found.state == "maintenance",
        outage=next((one for one in outages if _overlaps(one, found, now)), None),
    )


def _told_at(log: Sequence[Line], kind: str, at: float) -> str:
    near = (line for line in log if line.kind == kind and abs(line.at.timestamp() - at) <= _NEAR_S)
    return next((line.text for line in near), "")


def _overlaps(outage: Outage, found: timelines.Stretch, now: datetime) -> bool:
    ended = (outage.ended_at or now).timestamp()
    return outage.began_at.timestamp() - _NEAR_S < found.end and ended > found.begin


def _legend(bar: timelines.Bar) -> list[timelines.Mark]:
    found = {mark.state for mark in bar.marks}
    return [
        timelines.Mark(state=state, first=0, length=timelines.HEIGHT, text=label)
        for state, label in timelines.STATES.items()
        if state in found
    ]


def _summary(span: Span, share: float | None, outages: int) -> str:
    if share is None:
        return f"Nothing is known of {span.spoken}."
    told = wording.count_of(outages, "absence")
    return f"In {span.spoken}: {wording.percent(share)} online, {told}."
