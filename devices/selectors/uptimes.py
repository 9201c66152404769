"""Uptime of devices, read from the connectivity log and reckoned by `devices.uptime`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from devices import uptime
from devices.choices import ConnectionKind
from devices.models import Device, DeviceConnection
from devices.querysets import DeviceQuerySet
from devices.selectors.maintenance import Maintenance, maintenance_between
from devices.uptime import Change, Figures, Span
from kernel.actors import Actor

PERIODS = MappingProxyType(
    {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
)
_LONGEST = max(PERIODS.values())
_SERVER_RESTART = "server_restart"
# Devices whose lines are read at once: memory stays bounded for any fleet.
_CHUNK = 2_000
_COLUMNS = (
    "pk", "tenant_id", "site_id", "unpaired_at", "presence__is_online", "presence__known_since",
)  # fmt: skip
_Row = tuple[int, int | None, int | None, datetime | None, bool, datetime | None]


def uptime_of(device: Device, now: datetime) -> dict[str, Figures]:
    """The figures of one device for each period; of an archived one until its life ended."""
    rows = Device.all_objects.unscoped("the device was found within the actor's scope")
    return _of(rows.filter(pk=device.pk), now)


def uptime_of_site(*, site_pk: int, actor: Actor, now: datetime) -> dict[str, Figures]:
    """The figures of a site's living devices together."""
    return _of(Device.objects.visible_to(actor).filter(site_id=site_pk), now)


def uptime_of_all(*, actor: Actor, now: datetime) -> dict[str, Figures]:
    """The figures of all living devices the actor may see together."""
    return _of(Device.objects.visible_to(actor), now)


def _of(devices: DeviceQuerySet, now: datetime) -> dict[str, Figures]:
    known = devices.filter(presence__known_since__isnull=False).order_by("pk")
    totals = dict.fromkeys(PERIODS, Figures())
    after = 0
    while rows := list(known.filter(pk__gt=after).values_list(*_COLUMNS)[:_CHUNK]):
        after = rows[-1][0]
        tenants = {row[1] for row in rows if row[1] is not None}
        excused = maintenance_between(now - _LONGEST, now, tenant_ids=tenants)
        lines = _lines([row[0] for row in rows], now)
        parts: dict[str, list[Figures]] = defaultdict(list)
        for row in rows:
            own = _figures(row, lines[row[0]], excused, now)
            for name, figures in own.items():
                parts[name].append(figures)
        totals = {name: uptime.combined([totals[name], *parts[name]]) for name in PERIODS}
    return totals


def _lines(device_ids: Collection[int], now: datetime) -> dict[int, list[Change]]:
    """The lines of the longest period, in the order of the contacts."""
    rows = DeviceConnection.objects.unscoped("devices found within the actor's scope")
    found: dict[int, list[Change]] = defaultdict(list)
    wanted = rows.filter(device_id__in=device_ids, at__gt=now - _LONGEST, at__lte=now)
    for device_id, kind, reason, at in wanted.order_by("device_id", "contact", "kind").values_list(
        "device_id", "kind", "reason", "at"
    ):
        is_online = kind == ConnectionKind.CONNECTED
        found[device_id].append(Change(at.timestamp(), is_online, reason == _SERVER_RESTART))
    return found


def _figures(
    row: _Row, lines: Sequence[Change], excused: Maintenance, now: datetime
) -> dict[str, Figures]:
    device_id, tenant_id, site_id, ended_at, is_online, known_since = row
    begin, end = (now - _LONGEST).timestamp(), now.timestamp()
    told = uptime.history(lines, window=(begin, end), is_online=bool(is_online))
    unknown: list[Span] = list(told.excused)
    if known_since is not None:
        unknown.append((begin, known_since.timestamp()))
    if ended_at is not None:
        unknown.append((ended_at.timestamp(), end))
    unknown += excused.spans(tenant_id=tenant_id, site_id=site_id, device_id=device_id)
    return {
        name: uptime.figures(
            online=told.online, window=((now - length).timestamp(), end), unknown=unknown
        )
        for name, length in PERIODS.items()
    }
