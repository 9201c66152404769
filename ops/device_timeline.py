"""The page of everything that happened to a device, by day, in the time of its site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Protocol
from zoneinfo import ZoneInfo

from django import forms
from django.urls import NoReverseMatch, reverse

from devices import selectors as devices
from kernel.actors import Actor
from ops import selectors
from timeline import selectors as timeline

if TYPE_CHECKING:
    from timeline.types import Answer, Entry, Link, Reason

PAGE_SIZE: Final = 40
_FIRST_DAY: Final = date(1970, 1, 2)
_LAST_DAY: Final = date(9999, 12, 29)
RECENT: Final = 8


class Query(Protocol):
    """The query string of an address."""

    def copy(self) -> Any: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where entries come from, as a reader chooses it."""

    name: str
    label: str
    icon: str
    is_chosen: bool = False


SOURCES: Final[Mapping[str, Source]] = {
    name: Source(name=name, label=label, icon=icon)
    for name, label, icon in (
        ("connectivity", "Connections", "network"),
        ("commands", "Commands", "terminal"),
        ("twin", "Twin", "copy"),
        ("config", "Configuration", "pencil"),
        ("lives", "Lives", "lives"),
        ("keys", "Keys", "key"),
        ("sensors", "Sensors", "sensor"),
        ("notifications", "Notifications", "bell"),
        ("outages", "Site outages", "alert"),
        ("maintenance", "Maintenance", "clock"),
        ("audit", "Audit", "book"),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """A link as the page writes it."""

    label: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One entry as the page shows it; `title_link` is the page about the thing itself."""

    entry: Entry
    icon: str
    clock: str
    local: datetime
    title_link: str
    links: Sequence[Pointer]
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """The entries of one day at the device's site, newest first."""

    date: date
    heading: str
    zone: str
    lines: Sequence[Line]


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """One page of a timeline; the queries continue it to either side."""

    card: selectors.DeviceCard
    days: Sequence[Day]
    sources: Sequence[Source]
    zone: str
    older: str
    newer: str
    is_newest: bool
    is_filtered: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """One sentence of an answer with its links."""

    reason: Reason
    links: Sequence[Pointer]


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One answer to "why?" as the page shows it."""

    answer: Answer
    reasons: Sequence[Hint]
    advice: Sequence[Hint]


class StoryFilter(forms.Form):
    """The query string of a timeline."""

    source = forms.MultipleChoiceField(
        required=False, choices=[(name, source.label) for name, source in SOURCES.items()]
    )
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(required=False, label="To")
    before = forms.RegexField(required=False, regex=r"^[0-9a-z.]{1,80}$")
    after = forms.RegexField(required=False, regex=r"^[0-9a-z.]{1,80}$")

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if found.get("since") and found.get("until") and found["until"] < found["since"]:
            self.add_error("until", "The last day is before the first one.")
        return found


def story_of(*, actor: Actor, uid: str, form: StoryFilter, query: Query, now: datetime) -> Story:
    """What happened to a device of the viewer. Raises NotFound, ValidationFailed."""
    wanted = form.cleaned_data if form.is_valid() else {}
    zone = zone_of(devices.device_by_uid(actor=actor, uid=uid, include_archived=True))
    device, page = timeline.timeline_of(
        actor=actor,
        device_uid=uid,
        sources=wanted.get("source") or (),
        before=wanted.get("before", ""),
        after=wanted.get("after", ""),
        since=_start_of(wanted.get("since"), zone),
        until=_start_of(wanted.get("until"), zone, days=1),
        limit=PAGE_SIZE,
        now=now,
    )
    card = selectors.device_card(device, now=now)
    chosen = set(wanted.get("source") or ())
    entries = page.entries
    is_beside = bool(wanted.get("before") or wanted.get("after"))
    return Story(
        card=card,
        days=days_of(entries, card=card, zone=zone, now=now),
        sources=[replace(source, is_chosen=name in chosen) for name, source in SOURCES.items()],
        zone=zone.key,
        older=_beside(query, "before", entries[-1]) if page.has_older and entries else "",
        newer=_beside(query, "after", entries[0])
        if is_beside and page.has_newer and entries
        else "",
        is_newest=not page.has_newer and not wanted.get("until"),
        is_filtered=bool(chosen or wanted.get("since") or wanted.get("until")),
    )


def recent_days(
    *, actor: Actor, device: Any, card: selectors.DeviceCard, now: datetime
) -> Sequence[Day]:
    """The last things that happened to a device that the viewer was found to see."""
    page = timeline.newest_of(actor=actor, device=device, limit=RECENT, now=now)
    return days_of(page.entries, card=card, zone=zone_of(device), now=now)


def zone_of(device: Any) -> ZoneInfo:
    """The time zone of the site of a device, UTC for one at no site."""
    return ZoneInfo(device.site.time_zone if device.site else "UTC")


def days_of(
    entries: Iterable[Entry], *, card: selectors.DeviceCard, zone: ZoneInfo, now: datetime
) -> Sequence[Day]:
    """The entries by the days of a time zone, in the order they come in."""
    lines = [line_of(entry, card=card, zone=zone) for entry in entries]
    today = now.astimezone(zone).date()
    return [
        Day(date=day, heading=_heading(day, today), zone=zone.key, lines=list(found))
        for day, found in groupby(lines, key=lambda line: line.local.date())
    ]


def line_of(entry: Entry, *, card: selectors.DeviceCard, zone: ZoneInfo) -> Line:
    """One entry with its icon, its time there and the pages it leads to."""
    local = entry.at.astimezone(zone)
    links = [pointer for link in entry.links if (pointer := pointer_of(link, card=card))]
    is_itself = entry.source in {"commands", "twin", "config"} and bool(links)
    return Line(
        entry=entry,
        icon=SOURCES[entry.source].icon,
        clock=f"{local:%H:%M:%S}",
        local=local,
        title_link=links[0].address if is_itself else "",
        links=links[1:] if is_itself else links,
        state=str(entry.facts.get("state", "")) if entry.source == "commands" else "",
    )


def told(answers: Iterable[Answer], *, card: selectors.DeviceCard) -> Sequence[Told]:
    """Answers with the pages that their sentences lead to."""
    return [
        Told(
            answer=answer,
            reasons=[_hint(reason, card) for reason in answer.reasons],
            advice=[_hint(reason, card) for reason in answer.advice],
        )
        for answer in answers
    ]


def _hint(reason: Reason, card: selectors.DeviceCard) -> Hint:
    links = [pointer for link in reason.links if (pointer := pointer_of(link, card=card))]
    return Hint(reason=reason, links=links)


def pointer_of(link: Link, *, card: selectors.DeviceCard) -> Pointer | None:
    """Where a thing that is named can be looked at; None for what has no page."""
    build = _PAGES.get(link.kind)
    if build is None:
        return None
    try:
        return Pointer(label=link.label, address=build(link, card))
    except NoReverseMatch:
        return None


def _twin(link: Link, card: selectors.DeviceCard) -> str:
    address = reverse("ops:device-twin", args=[card.uid])
    return f"{address}?at={link.id}" if link.id else address


def _config(link: Link, card: selectors.DeviceCard) -> str:
    address = reverse("ops:device-config", args=[card.uid])
    return f"{address}?version={link.id}" if link.id else address


def _audit(link: Link, card: selectors.DeviceCard) -> str:
    return reverse("ops:audit-entry", args=[card.tenant_uid, int(link.id)])


def _site(link: Link, card: selectors.DeviceCard) -> str:
    return f"{reverse('ops:site', args=[link.id])}?tenant={card.tenant_uid}"


_PAGES: Final = {
    "command": lambda link, card: reverse("ops:command", args=[link.id]),
    "batch": lambda link, card: reverse("ops:batch", args=[link.id]),
    "device": lambda link, card: reverse("ops:device", args=[link.id]),
    "channel": lambda link, card: reverse("ops:notification", args=[link.id]),
    "key": lambda link, card: reverse("ops:device-credentials", args=[card.uid]),
    "twin": _twin,
    "config": _config,
    "audit": _audit,
    "site": _site,
}


def _heading(day: date, today: date) -> str:
    written = f"{day:%A}, {day.day} {day:%B %Y}"
    if day == today:
        return f"Today · {written}"
    return f"Yesterday · {written}" if day == today - timedelta(days=1) else written


def _start_of(day: date | None, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    # Days that no time zone and no sum of them can leave.
    day = min(max(day, _FIRST_DAY), _LAST_DAY)
    return datetime.combine(day + timedelta(days=days), time.min, tzinfo=zone)


def _beside(query: Query, side: str, entry: Entry) -> str:
    parameters = query.copy()
    for name in ("before", "after"):
        parameters.pop(name, None)
    parameters[side] = timeline.cursor_of(entry.key)
    return f"?{parameters.urlencode()}"
