"""Uptime of devices, read from the connectivity log and reckoned by `devices.uptime`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from devices import registry, uptime
from devices.choices import ConnectionKind
from devices.models import Device, DeviceConnection, FlapEpisode
from devices.querysets import DeviceQuerySet
from devices.selectors.devices import devices_visible_to
from devices.selectors.maintenance import Maintenance, maintenance_between
from devices.uptime import Change, Figures, Span, Timeline
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
    """The figures of a site's living devices together; simulated ones do not count."""
    return _of(_counting(actor).filter(site_id=site_pk), now)


def uptime_of_all(*, actor: Actor, now: datetime) -> dict[str, Figures]:
    """The figures of all living devices the actor may see together, without simulated ones."""
    return _of(_counting(actor), now)


def uptime_of_narrowed(*, by: str, value: str, actor: Actor, now: datetime) -> dict[str, Figures]:
    """The figures of the living devices that a parameter of a higher app means together.

    As `registry.register_narrowing` has it; without simulated ones.
    """
    with registry.guarded([by]):
        found = registry.narrowed(by, devices_visible_to(actor), actor, value)
        keys = list(found.filter(is_simulated=False).order_by("pk").values_list("pk", flat=True))
    totals = dict.fromkeys(PERIODS, Figures())
    for start in range(0, len(keys), _CHUNK):
        some = _of(_counting(actor).filter(pk__in=keys[start : start + _CHUNK]), now)
        totals = {name: uptime.combined([totals[name], some[name]]) for name in PERIODS}
    return totals


def timeline_of(device: Device, now: datetime) -> Timeline:
    """The figures of one device and what they are made of, over the longest period."""
    since = now - _LONGEST
    rows = Device.all_objects.unscoped("the device was found within the actor's scope")
    row: _Row = rows.filter(pk=device.pk).values_list(*_COLUMNS).get()
    device_id, tenant_id, site_id, _, is_online, _ = row
    told = _told(_lines([device_id], now)[device_id], now, is_online=is_online)
    tenants = set() if tenant_id is None else {tenant_id}
    excused = maintenance_between(since, now, tenant_ids=tenants)
    return Timeline(
        online=told.online,
        unknown=uptime.merged(_unknown(row, told, now)),
        maintenance=uptime.merged(
            excused.spans(tenant_id=tenant_id, site_id=site_id, device_id=device_id)
        ),
        flapping=_flapping(device_id, since),
        figures=_figures(row, told, excused, now),
    )


def _counting(actor: Actor) -> DeviceQuerySet:
    found: DeviceQuerySet = Device.objects.visible_to(actor).filter(is_simulated=False)
    return found


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
            told = _told(lines[row[0]], now, is_online=row[4])
            own = _figures(row, told, excused, now)
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


def _flapping(device_id: int, since: datetime) -> list[Span]:
    rows = FlapEpisode.objects.unscoped("the device was found within the actor's scope")
    found = rows.filter(device_id=device_id, last_at__gt=since)
    return uptime.merged(
        (began_at.timestamp(), last_at.timestamp())
        for began_at, last_at in found.values_list("began_at", "last_at")
    )


def _figures(
    row: _Row, told: uptime.History, excused: Maintenance, now: datetime
) -> dict[str, Figures]:
    device_id, tenant_id, site_id, *_ = row
    unknown = _unknown(row, told, now)
    unknown += excused.spans(tenant_id=tenant_id, site_id=site_id, device_id=device_id)
    end = now.timestamp()
    return {
        name: uptime.figures(
            online=told.online, window=((now - length).timestamp(), end), unknown=unknown
        )
        for name, length in PERIODS.items()
    }


def _told(lines: Sequence[Change], now: datetime, *, is_online: bool) -> uptime.History:
    window = ((now - _LONGEST).timestamp(), now.timestamp())
    return uptime.history(lines, window=window, is_online=bool(is_online))


def _unknown(row: _Row, told: uptime.History, now: datetime) -> list[Span]:
    """What counts neither way by itself: before the first contact, after the end, our absence."""
    _, _, _, ended_at, _, known_since = row
    unknown: list[Span] = list(told.excused)
    # Never heard: nothing of it is known up to now.
    unknown.append(((now - _LONGEST).timestamp(), (known_since or now).timestamp()))
    if ended_at is not None:
        unknown.append((ended_at.timestamp(), now.timestamp()))
    return unknown
