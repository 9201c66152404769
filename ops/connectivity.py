"""Read models of what is told about connections: of one device, and of a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol

from devices import selectors as devices
from devices.choices import ConnectionKind
from devices.selectors.broker_accounts import broker_account_of
from kernel.actors import Actor
from ops import timelines, wording

PERIODS = MappingProxyType({"24h": "24 hours", "7d": "7 days", "30d": "30 days"})
# What a bar shows, and into how many cells it falls: 5 minutes each, and half an hour.
_BARS = (("24h", timedelta(hours=24), 288), ("7d", timedelta(days=7), 336))
LINES_SHOWN = 6
LINES_OF_LOG = 200
OUTAGES_SHOWN = 5
_BROKER_IS_TOLD = timedelta(minutes=1)
_LOST = "The MQTT broker has lost its account. It asks for a new one when it is refused."
_STILL_THERE = (
    "Its account at the MQTT broker has ended, and the broker has not confirmed that yet."
)


class Figures(Protocol):
    """What became of a period, as the devices app reckons it."""

    @property
    def uptime_percent(self) -> float | None: ...
    @property
    def outages(self) -> int: ...
    @property
    def longest_outage_s(self) -> float: ...
    @property
    def mtbf_s(self) -> float | None: ...
    @property
    def mttr_s(self) -> float | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """The figures of a period in words; `bar` draws it where it is drawn."""

    title: str
    uptime: str
    outages: int
    longest: str
    between: str
    repair: str
    bar: timelines.Bar | None = None

    @property
    def summary(self) -> str:
        """The whole period in a sentence, for who cannot see the bar."""
        if self.uptime == wording.percent(None):
            return f"Nothing is known of the last {self.title}."
        away = wording.count_of(self.outages, "outage")
        longest = f", the longest {self.longest}" if self.outages else ""
        return f"Last {self.title}: {self.uptime} online, {away}{longest}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the connectivity log in words; `count` tells of how many changes it is made."""

    kind: str
    title: str
    text: str
    at: datetime
    lasted: str
    wire: str
    address: str
    session: int | None
    began_at: datetime | None
    count: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Broker:
    """What is wrong with the account of a device at the MQTT broker, and since when."""

    text: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What the page of a device tells of its connections."""

    periods: Sequence[Period]
    lines: Sequence[Line]
    has_more: bool
    is_online: bool
    is_flapping: bool
    # Since when it is as it is; None for a device that was never heard.
    since: datetime | None
    maintenance_until: datetime | None
    broker: Broker | None = None

    @property
    def drawn(self) -> list[Period]:
        """The periods that have a bar."""
        return [period for period in self.periods if period.bar is not None]

    @property
    def legend(self) -> list[timelines.Mark]:
        """One mark for each state that occurs in a bar, those that stand out first."""
        found = {mark.state for period in self.periods if period.bar for mark in period.bar.marks}
        return [
            timelines.Mark(state=state, first=0, length=timelines.HEIGHT, text=label)
            for state, label in timelines.STATES.items()
            if state in found
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A time in which nearly all devices of a site were lost."""

    began_at: datetime
    ended_at: datetime | None
    lasted: str
    lost: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRecord:
    """How connected a site was."""

    periods: Sequence[Period]
    outages: Sequence[Outage]


def record_of(*, actor: Actor, device: Any, now: datetime) -> Record:
    """The connections of a device that the viewer was found to see."""
    told = devices.timeline_of(device, now)
    drawn = {
        name: timelines.bar(told, length=length, cells=cells, until=now)
        for name, length, cells in _BARS
    }
    lines = log_of(actor=actor, device=device, limit=LINES_SHOWN + 1)
    presence = device.presence
    return Record(
        periods=_periods(told.figures, drawn),
        lines=lines[:LINES_SHOWN],
        has_more=len(lines) > LINES_SHOWN,
        is_online=presence.is_online,
        is_flapping=presence.is_flapping,
        since=presence.changed_at if presence.last_seen_at else None,
        maintenance_until=_end_of_span(told.maintenance, now),
        broker=_broker(device, now),
    )


def log_of(*, actor: Actor, device: Any, limit: int = LINES_OF_LOG) -> list[Line]:
    """The last lines of the log of a device that the viewer was found to see, newest first."""
    rows = devices.connections_of(device=device, actor=actor, limit=limit)
    return [_folded(row) if row["count"] is not None else _line(row) for row in rows]


def outages_of(*, actor: Actor, site: Any, now: datetime, limit: int = 100) -> list[Outage]:
    """The last outages of a site that the viewer was found to see, the newest first."""
    found = devices.site_outages_of(site_pk=site.pk, actor=actor, limit=limit)
    return [
        Outage(
            began_at=outage.began_at,
            ended_at=outage.ended_at,
            lasted=wording.lasting(((outage.ended_at or now) - outage.began_at).total_seconds()),
            lost=outage.lost,
            total=outage.total,
        )
        for outage in found
    ]


def site_record(*, actor: Actor, site_id: str, now: datetime) -> SiteRecord:
    """How connected a site was. Raises NotFound, and TenantRequired when several have one."""
    site = devices.site_by_id(actor=actor, site_id=site_id)
    figures = devices.uptime_of_site(site_pk=site.pk, actor=actor, now=now)
    return SiteRecord(
        periods=_periods(figures, {}), outages=outages_of(actor=actor, site=site, now=now)
    )


def _broker(device: Any, now: datetime) -> Broker | None:
    account = broker_account_of(device)
    if account is None or account.removed_at is not None:
        return None
    if account.revoked_at is not None:
        # The broker is told within seconds; what takes longer is worth knowing.
        is_late = account.revoked_at < now - _BROKER_IS_TOLD
        return Broker(text=_STILL_THERE, since=account.revoked_at) if is_late else None
    return None if account.lost_at is None else Broker(text=_LOST, since=account.lost_at)


def _end_of_span(spans: Sequence[timelines.Span], now: datetime) -> datetime | None:
    """The end of the span that goes on at this time."""
    ends = (end for begin, end in spans if begin <= now.timestamp() < end)
    return next((datetime.fromtimestamp(end, UTC) for end in ends), None)


def _periods(found: Mapping[str, Figures], drawn: Mapping[str, timelines.Bar]) -> list[Period]:
    return [_period(name, found[name], drawn.get(name)) for name in PERIODS]


def _period(name: str, figures: Figures, bar: timelines.Bar | None) -> Period:
    return Period(
        title=PERIODS[name],
        uptime=wording.percent(figures.uptime_percent),
        outages=figures.outages,
        longest=wording.lasting(figures.longest_outage_s) if figures.outages else "–",
        between=_lasting(figures.mtbf_s),
        repair=_lasting(figures.mttr_s),
        bar=bar,
    )


def _lasting(seconds: float | None) -> str:
    return "–" if seconds is None else wording.lasting(seconds)


def _line(row: Mapping[str, Any]) -> Line:
    is_begin = row["kind"] == ConnectionKind.CONNECTED
    return Line(
        kind="online" if is_begin else "offline",
        title="Online" if is_begin else "Offline",
        text=wording.connection_reason(row["reason"], is_begin=is_begin),
        at=row["at"],
        lasted="" if row["duration_s"] is None else wording.lasting(row["duration_s"]),
        wire=wording.WIRES.get(row["wire"], row["wire"]),
        address=row["address"],
        session=row["session_epoch"],
        began_at=None,
        count=None,
    )


def _folded(row: Mapping[str, Any]) -> Line:
    length = (row["at"] - row["began_at"]).total_seconds()
    is_over = row["ended_at"] is not None
    return Line(
        kind="flapping",
        title="Came and went" if is_over else "Comes and goes",
        text=f"{wording.count_of(row['count'], 'change')} in {wording.lasting(length)}.",
        at=row["at"],
        lasted=wording.lasting(length),
        wire="",
        address="",
        session=None,
        began_at=row["began_at"],
        count=row["count"],
    )
