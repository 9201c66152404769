"""What needs somebody, in words, with the page where something can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse

from fleet.choices import Need
from fleet.types import Needy
from ops import wording

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Need.SITE_OUTAGE: "Site outages",
        Need.OFFLINE: "Offline",
        Need.FLAPPING: "Come and go",
        Need.COMMANDS_FAILED: "Failed commands",
        Need.DRIFT: "Drift",
        Need.KEY_UNUSED: "New key not used",
        Need.OLD_KEY: "Old key still good",
        Need.SET_ASIDE: "Telemetry set aside",
        Need.NEVER_CONNECTED: "Never connected",
    }
)
_ICONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Need.SITE_OUTAGE: "site",
        Need.OFFLINE: "link-off",
        Need.FLAPPING: "transfer",
        Need.COMMANDS_FAILED: "terminal",
        Need.DRIFT: "lives",
        Need.KEY_UNUSED: "key",
        Need.OLD_KEY: "key",
        Need.SET_ASIDE: "archive",
        Need.NEVER_CONNECTED: "clock",
    }
)
_TONES: Final[Mapping[str, str]] = MappingProxyType({"bad": "bad", "warn": "warn", "note": "idle"})
SEVERITIES: Final[Mapping[str, str]] = MappingProxyType(
    {"bad": "Urgent", "warn": "Look at it", "note": "For your information"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that needs somebody."""

    need: str
    title: str
    text: str
    where: str
    icon: str
    tone: str
    severity: str
    href: str
    since: datetime
    is_simulated: bool
    in_maintenance: bool


def line(item: Needy, *, now: datetime, names_tenants: bool) -> Line:
    """A need as the list shows it."""
    return Line(
        need=item.need,
        title=item.name,
        text=_TEXTS[item.need](item, now),
        where=item.site_name if item.device_uid else "",
        icon=_ICONS[item.need],
        tone=_TONES[item.severity],
        severity=SEVERITIES[item.severity],
        href=_href(item, names_tenants=names_tenants),
        since=item.since,
        is_simulated=item.is_simulated,
        in_maintenance=bool(item.detail.get("in_maintenance")),
    )


def _href(item: Needy, *, names_tenants: bool) -> str:
    if not item.device_uid:
        address = reverse("ops:site-connectivity", kwargs={"site_id": item.site_id})
        # The same id may name a site of another tenant of the viewer.
        return f"{address}?{urlencode({'tenant': item.tenant_uid})}" if names_tenants else address
    if item.need == Need.COMMANDS_FAILED and item.count == 1:
        return reverse("ops:command", kwargs={"command_id": item.detail["command_id"]})
    if item.need == Need.SET_ASIDE:
        return f"{reverse('ops:set-aside')}?{urlencode({'device': item.device_uid})}"
    name = _PAGES.get(item.need, "ops:device")
    return reverse(name, kwargs={"uid": item.device_uid})


_PAGES: Final[Mapping[str, str]] = {
    Need.COMMANDS_FAILED: "ops:device-commands",
    Need.DRIFT: "ops:device-twin",
    Need.FLAPPING: "ops:device-connections",
    Need.KEY_UNUSED: "ops:device-credentials",
    Need.OLD_KEY: "ops:device-credentials",
}


def _outage(item: Needy, now: datetime) -> str:
    return f"{item.detail['lost']} of {item.detail['total']} devices lost within a minute"


def _offline(item: Needy, now: datetime) -> str:
    return f"Silent for {wording.lasting((now - item.since).total_seconds())}"


def _flapping(item: Needy, now: datetime) -> str:
    return f"Came and went {wording.count_of(item.count, 'time')}"


def _failed(item: Needy, now: datetime) -> str:
    what = wording.action(kind=item.detail["kind"], payload=item.detail["payload"], relay_names={})
    state = wording.STATE_LABELS.get(item.detail["state"], item.detail["state"]).lower()
    if item.count == 1:
        return f"{what}: {state}"
    return f"{item.count} commands within a day; the last one, {what}, {state}"


def _drift(item: Needy, now: datetime) -> str:
    lasted = wording.lasting((now - item.since).total_seconds())
    return f"Has reported something else than desired for {lasted}"


def _key_unused(item: Needy, now: datetime) -> str:
    return "Has not used the new key it was given"


def _old_key(item: Needy, now: datetime) -> str:
    ends: Any = item.detail.get("retires_at")
    if ends is None or ends <= now:
        return "Uses its new key; the old one is still good"
    left = wording.lasting((ends - now).total_seconds())
    return f"Uses its new key; the old one is good for another {left}"


def _set_aside(item: Needy, now: datetime) -> str:
    reason = wording.plain(str(item.detail.get("reason", "")))
    counted = wording.count_of(item.count, "payload")
    return f"{counted} could not be used: {reason.lower()}" if reason else f"{counted} set aside"


def _never(item: Needy, now: datetime) -> str:
    return "Registered, but never connected"


_TEXTS: Final[Mapping[str, Callable[[Needy, datetime], str]]] = {
    Need.SITE_OUTAGE: _outage,
    Need.OFFLINE: _offline,
    Need.FLAPPING: _flapping,
    Need.COMMANDS_FAILED: _failed,
    Need.DRIFT: _drift,
    Need.KEY_UNUSED: _key_unused,
    Need.OLD_KEY: _old_key,
    Need.SET_ASIDE: _set_aside,
    Need.NEVER_CONNECTED: _never,
}
