"""Flapping: a device that comes and goes at short intervals is told of once, not each time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, F, Min, QuerySet

from devices import events, registry
from devices.models import DeviceConnection, DevicePresence, DeviceSession, FlapEpisode
from devices.services import announcing
from devices.services.connectivity import OURS
from devices.types import Happening, Transition
from kernel.events import publish_all
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

CHANGES: Final = 4
WITHIN = timedelta(minutes=5)
CALM = timedelta(minutes=10)
_CHUNK = 500
# Takeovers between the changes that count are lines of their own; this many are looked through.
_CONTACTS = 50


@dataclass(frozen=True, slots=True)
class _Begun:
    """The change with which an episode begins, and what came before it."""

    change: Transition
    count: int
    since: datetime


def fold(transitions: Sequence[Transition]) -> list[Transition]:
    """Count the changes of flapping devices, open episodes; returns those to be told one by one.

    Within the unit of work of the changes, whose devices are locked and whose lines are written.
    """
    quiet = [change for change in transitions if change.is_flapping]
    rest = [change for change in transitions if not change.is_flapping]
    _count([change for change in quiet if change.reason not in OURS])
    begun = _begun([change for change in rest if _is_soon(change)])
    last = {change.device_id: change for change in rest if change.device_id in begun}
    _begin([_Begun(change, *begun[device_id]) for device_id, change in last.items()])
    return [change for change in rest if change.device_id not in begun]


def settle(now: datetime) -> int:
    """End the episodes that were calm for long enough, and tell how each device stands."""
    ended = 0
    calm = _open().filter(last_at__lte=now - CALM)
    while device_ids := list(calm.values_list("device_id", flat=True)[:_CHUNK]):
        ended += _settle(sorted(device_ids), now)
    return ended


def end_with_lives(ended: Sequence[registry.Ended]) -> None:
    """Close the episodes of devices whose lives end, in their transaction."""
    keys = [life.device_id for life in ended]
    if _open().filter(device_id__in=keys).update(ended_at=ended[0].now):
        DevicePresence.objects.filter(device_id__in=keys).update(is_flapping=False)


def _count(changes: Sequence[Transition]) -> None:
    """Add the changes to the open episodes; those of one moment with one statement."""
    alike: dict[tuple[datetime, int], list[int]] = defaultdict(list)
    for (device_id, at), times in Counter((one.device_id, one.at) for one in changes).items():
        alike[at, times].append(device_id)
    for (at, times), device_ids in sorted(alike.items()):
        _open().filter(device_id__in=device_ids).update(count=F("count") + times, last_at=at)


def _is_soon(change: Transition) -> bool:
    # Whoever stayed as it was for longer than the span cannot have changed so often within it.
    is_recent = change.previous_at is not None and change.at - change.previous_at < WITHIN
    return is_recent and change.reason not in OURS


def _begun(changes: Sequence[Transition]) -> dict[int, tuple[int, datetime]]:
    """Those that changed too often: how often, and since when."""
    if not changes:
        return {}
    lines = DeviceConnection.objects.unscoped("the devices whose locks are held")
    recent = lines.filter(
        device_id__in=[change.device_id for change in changes],
        contact__gt=F("device__presence__contact") - _CONTACTS,
        at__gt=min(change.at for change in changes) - WITHIN,
    ).exclude(reason__in=OURS)
    counted = recent.order_by().values_list("device_id").annotate(Count("pk"), Min("at"))
    return {device_id: (count, since) for device_id, count, since in counted if count >= CHANGES}


def _begin(begun: Sequence[_Begun]) -> None:
    """Open the episodes, however many, with a few statements."""
    if not begun:
        return
    FlapEpisode.objects.bulk_create(
        FlapEpisode(
            device_id=one.change.device_id,
            tenant_id=one.change.tenant_id,
            count=one.count,
            began_at=one.since,
            last_at=one.change.at,
        )
        for one in begun
    )
    changes = [one.change for one in begun]
    flapping = DevicePresence.objects.filter(device_id__in=[one.device_id for one in changes])
    flapping.update(is_flapping=True)
    announcing.show_all(changes, is_flapping=True)
    publish_all(
        [
            events.FlappingBegan(
                occurred_at=one.change.at, device_id=one.change.device_id, count=one.count
            )
            for one in begun
        ]
    )
    registry.happened(
        [
            _happening("flapping", one.change, count=one.count, began_at=one.since)
            for one in begun
            if one.change.tenant_id is not None
        ]
    )


@unit_of_work()
def _settle(device_ids: list[int], now: datetime) -> int:
    lock_rows(DeviceSession.objects.filter(device_id__in=device_ids))
    calm = lock_rows(_open().filter(device_id__in=device_ids, last_at__lte=now - CALM))
    settled = [episode.device_id for episode in calm]
    _open().filter(device_id__in=settled).update(ended_at=now)
    presences = DevicePresence.objects.filter(device_id__in=settled)
    presences.update(is_flapping=False)
    changes = [
        Transition(
            device_id=presence.device_id,
            device_uid=presence.device.uid,
            tenant_id=presence.tenant_id,
            is_online=presence.is_online,
            reason="",
            at=now,
            last_seen_at=presence.last_seen_at,
        )
        for presence in presences.select_related("device").order_by("pk")
    ]
    announcing.show_all(changes, is_flapping=False)
    publish_all(
        [
            events.FlappingEnded(
                occurred_at=now, device_id=change.device_id, is_online=change.is_online
            )
            for change in changes
        ]
    )
    registry.happened(
        [_happening("flapping_ended", change) for change in changes if change.tenant_id is not None]
    )
    return len(settled)


def _happening(
    kind: str, change: Transition, *, count: int = 0, began_at: datetime | None = None
) -> Happening:
    return Happening(
        kind=kind,
        tenant_id=change.tenant_id or 0,
        at=change.at,
        device_id=change.device_id,
        is_online=change.is_online,
        reason=change.reason,
        count=count,
        began_at=began_at,
    )


def _open() -> QuerySet[FlapEpisode]:
    episodes = FlapEpisode.objects.unscoped("devices whose locks are held, or a sweep of all")
    found: QuerySet[FlapEpisode] = episodes.filter(ended_at__isnull=True)
    return found
