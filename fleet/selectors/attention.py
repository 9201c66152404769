"""What needs somebody, read need by need: the longest of each, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db.models import Count, Max, Min, Sum

from commands import selectors as commands
from commands.choices import State
from devices import selectors as devices
from devices.choices import KeyRole
from devices.selectors import attention as needs
from fleet.choices import Need
from fleet.ranking import SEVERITIES, ranked
from fleet.types import Attention, Needy, Overview
from kernel import errors
from kernel.actors import Actor
from telemetry import selectors as telemetry

MOST: Final = 100
FAILED_WITHIN: Final = timedelta(hours=24)
FAILED_STATES: Final = (State.FAILED, State.REJECTED, State.EXPIRED)
# A device takes over what is desired within seconds: until then it is no drift to look at.
_DRIFT_AFTER: Final = timedelta(minutes=1)

_Found = tuple[list[Needy], int]
_Reader = Callable[[Actor, datetime, int], _Found]


def attention(
    *,
    actor: Actor,
    now: datetime,
    need: str = "",
    limit: int = 10,
    known: Overview | None = None,
) -> Attention:
    """What needs somebody, the most urgent first; with a need only that one.

    Simulated devices are among them and come last. What the figures of the same moment rule out
    is not asked for. Raises ValidationFailed.
    """
    if need and need not in Need.values:
        raise errors.ValidationFailed(details={"need": [f"One of {', '.join(Need.values)}."]})
    if not 1 <= limit <= MOST:
        raise errors.ValidationFailed(details={"limit": [f"From 1 to {MOST}."]})
    found = {name: read(actor, now, limit) for name, read in _readers(known).items()}
    shown = [item for name, (items, _) in found.items() if need in ("", name) for item in items]
    return Attention(
        items=ranked(shown, limit=limit),
        counts={name: count for name, (_, count) in found.items() if count},
    )


def _readers(known: Overview | None) -> Mapping[str, _Reader]:
    """What is to be read where the figures are known: no need that no device has."""
    if known is None:
        return _READERS
    whole = known.real + known.simulated
    figures = {
        Need.OFFLINE: whole.offline,
        Need.NEVER_CONNECTED: whole.never_connected,
        Need.DRIFT: whole.drifting,
    }
    readers = {need: read for need, read in _READERS.items() if figures.get(Need(need), 1)}
    if whole.offline:
        readers[Need.OFFLINE] = partial(_offline, counted=whole.offline)
    return readers


def _outages(actor: Actor, now: datetime, limit: int) -> _Found:
    found = list(needs.outages_going_on(actor))
    items = [
        Needy(
            need=Need.SITE_OUTAGE,
            severity=SEVERITIES[Need.SITE_OUTAGE],
            since=outage.began_at,
            name=outage.site.name,
            site_id=outage.site.site_id,
            site_name=outage.site.name,
            tenant_uid=outage.site.tenant.uid,
            count=outage.lost,
            detail={"lost": outage.lost, "total": outage.total},
        )
        for outage in found[:limit]
    ]
    return items, len(found)


def _offline(actor: Actor, now: datetime, limit: int, counted: int | None = None) -> _Found:
    found = needs.offline_longest(actor)
    excused = devices.devices_in_maintenance(now)
    rows = _first(found, limit)
    items = [
        _needy(
            Need.OFFLINE,
            device,
            since=device.presence.last_seen_at,
            detail={
                "in_maintenance": excused.covers(
                    tenant_id=device.tenant_id, site_id=device.site_id, device_id=device.pk
                )
            },
        )
        for device in rows
    ]
    return items, _count(found, rows, limit) if counted is None else counted


def _never(actor: Actor, now: datetime, limit: int) -> _Found:
    found = needs.never_connected(actor, now)
    rows = _first(found, limit)
    items = [_needy(Need.NEVER_CONNECTED, device, since=device.created_at) for device in rows]
    return items, _count(found, rows, limit)


def _flapping(actor: Actor, now: datetime, limit: int) -> _Found:
    found = needs.flapping(actor)
    rows = _first(found, limit)
    episodes = needs.open_episodes([device.pk for device in rows])
    items = []
    for device in rows:
        since, changes = episodes.get(device.pk, (device.presence.changed_at or now, 1))
        items.append(_needy(Need.FLAPPING, device, since=since, count=changes))
    return items, _count(found, rows, limit)


def _drift(actor: Actor, now: datetime, limit: int) -> _Found:
    found = devices.devices_visible_to(actor).filter(
        twin__is_drifting=True, twin__drift_since__lt=now - _DRIFT_AFTER
    )
    if not actor.is_system:
        # The tenant beside its drifts: there is an index on both.
        found = found.filter(twin__tenant_id__in=actor.tenant_ids)
    rows = _first(devices.with_sync(found.order_by("twin__drift_since", "pk")), limit)
    items = [
        _needy(Need.DRIFT, device, since=devices.sync_facts(device).drift_since or now)
        for device in rows
    ]
    return items, _count(found, rows, limit)


def _keys(actor: Actor, now: datetime, limit: int, *, role: str, need: Need) -> _Found:
    found = needs.unfinished_keys(actor, now).filter(role=role)
    rows = _first(found, limit)
    items = [
        _needy(need, key.device, since=key.created_at, detail={"retires_at": key.retires_at})
        for key in rows
    ]
    return items, _count(found, rows, limit)


def _unused_keys(actor: Actor, now: datetime, limit: int) -> _Found:
    return _keys(actor, now, limit, role=KeyRole.PENDING, need=Need.KEY_UNUSED)


def _old_keys(actor: Actor, now: datetime, limit: int) -> _Found:
    return _keys(actor, now, limit, role=KeyRole.RETIRING, need=Need.OLD_KEY)


def _failed(actor: Actor, now: datetime, limit: int) -> _Found:
    """Devices with commands that failed within the last day, each once."""
    failed = commands.commands_visible_to(actor).filter(
        state__in=FAILED_STATES, finished_at__gte=now - FAILED_WITHIN, device__is_active=True
    )
    by_device: Any = failed.select_related(None).order_by().values("device_id")
    counted = list(
        by_device.annotate(number=Count("pk"), first=Min("finished_at"), last=Max("pk")).order_by(
            "-number", "device_id"
        )
    )
    shown = {row["device_id"]: row for row in counted[:limit]}
    last = {
        command.device_id: command
        for command in failed.filter(pk__in=[row["last"] for row in shown.values()])
    }
    known = devices.devices_visible_to(actor).filter(pk__in=list(shown))
    items = [
        _needy(
            Need.COMMANDS_FAILED,
            device,
            since=shown[device.pk]["first"],
            count=shown[device.pk]["number"],
            detail=_told_of(last[device.pk]),
        )
        for device in known
    ]
    return items, len(counted)


def _told_of(command: Any) -> dict[str, Any]:
    return {
        "command_id": str(command.uid),
        "kind": command.kind,
        "payload": command.payload,
        "state": str(command.state),
        "reason": command.reason,
        "error": command.error,
        "at": command.finished_at,
    }


def _set_aside(actor: Actor, now: datetime, limit: int) -> _Found:
    """Devices of which telemetry could not be used and waits to be looked at."""
    waiting = telemetry.set_aside_visible_to(actor).filter(
        replayed_at__isnull=True, device__is_active=True
    )
    by_device: Any = waiting.order_by().values("device_id")
    counted = list(
        by_device.annotate(
            number=Sum("count"), first=Min("received_at"), reason=Min("reason")
        ).order_by("-number", "device_id")
    )
    shown = {row["device_id"]: row for row in counted[:limit]}
    items = [
        _needy(
            Need.SET_ASIDE,
            device,
            since=shown[device.pk]["first"],
            count=shown[device.pk]["number"],
            detail={"reason": shown[device.pk]["reason"]},
        )
        for device in devices.devices_visible_to(actor).filter(pk__in=list(shown))
    ]
    return items, len(counted)


def _first(found: Any, limit: int) -> list[Any]:
    """Real devices first: a simulated fleet does not push them off the list."""
    # Keys alone are sorted; only what is shown is read whole.
    keys = found.select_related(None).values_list("pk", flat=True)
    chosen = list(keys.filter(**_simulated(found, is_so=False))[:limit])
    if len(chosen) < limit:
        chosen += keys.filter(**_simulated(found, is_so=True))[: limit - len(chosen)]
    rows = {row.pk: row for row in found.filter(pk__in=chosen)} if chosen else {}
    return [rows[key] for key in chosen if key in rows]


def _simulated(found: Any, *, is_so: bool) -> dict[str, bool]:
    own = any(field.name == "is_simulated" for field in found.model._meta.concrete_fields)
    return {"is_simulated" if own else "device__is_simulated": is_so}


def _count(found: Any, rows: Sequence[Any], limit: int) -> int:
    """How many there are; a list that is not full has told it already."""
    if len(rows) < limit:
        return len(rows)
    counted: int = found.select_related(None).order_by().count()
    return counted


def _needy(
    need: Need,
    device: Any,
    *,
    since: datetime,
    count: int = 1,
    detail: Mapping[str, Any] | None = None,
) -> Needy:
    return Needy(
        need=need,
        severity=SEVERITIES[need],
        since=since,
        name=device.name or device.device_id or device.uid,
        device_uid=device.uid,
        site_id=device.site.site_id if device.site else "",
        site_name=device.site.name if device.site else "",
        tenant_uid=device.tenant.uid if device.tenant else "",
        is_simulated=device.is_simulated,
        count=count,
        detail=detail or {},
    )


_READERS: Final[Mapping[str, _Reader]] = {
    Need.SITE_OUTAGE: _outages,
    Need.OFFLINE: _offline,
    Need.FLAPPING: _flapping,
    Need.COMMANDS_FAILED: _failed,
    Need.DRIFT: _drift,
    Need.KEY_UNUSED: _unused_keys,
    Need.OLD_KEY: _old_keys,
    Need.SET_ASIDE: _set_aside,
    Need.NEVER_CONNECTED: _never,
}
