"""The lives of a piece of hardware, and the archive of those that have ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from devices import selectors as devices
from kernel.actors import Actor
from ops import final_states, selectors

if TYPE_CHECKING:
    from devices.querysets import DeviceQuerySet

PAGE_SIZE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One life of a piece of hardware: when, who, why, and how it stood in the end."""

    uid: str
    name: str
    epoch: int
    pairing: str
    device_class: str
    connectivity: str
    site: str
    device_id: str
    began_at: datetime
    began_by: str
    enrolled_by: str
    ended_at: datetime | None
    ended_by: str
    end_reason: str
    lasted: timedelta
    erased_at: datetime | None
    input_events: int
    final: final_states.FinalState | None
    final_json: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended_at is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class LivesPage:
    """The lives the viewer may see, newest first; `uid` and `name` are of the one asked for."""

    uid: str
    name: str
    is_archived: bool
    hardware_id: str
    lives: Sequence[Life]
    card: selectors.DeviceCard


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivePage:
    """One page of ended lives; `total` is how many there are without any filter."""

    lives: Sequence[Life]
    next_after: str | None
    total: int


def lives_page(*, actor: Actor, uid: str, now: datetime) -> LivesPage:
    """The lives of a device's hardware. Raises NotFound for a foreign device as for none."""
    device: Any = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    return LivesPage(
        uid=device.uid,
        name=device.name or device.uid,
        is_archived=not device.is_active,
        hardware_id=device.hardware_id,
        lives=[_life(row, now) for row in devices.lives_visible_to(actor, device)],
        card=selectors.device_card(device, now=now),
    )


def archive_page(*, actor: Actor, chosen: Mapping[str, str], now: datetime) -> ArchivePage:
    """The ended lives that match, the last ended first."""
    archive = devices.archive_visible_to(actor)
    found = _matching(archive, chosen)
    if after := chosen.get("after"):
        last: Any = archive.filter(uid=after).first()
        if last is not None:
            found = found.filter(
                Q(unpaired_at__lt=last.unpaired_at)
                | Q(unpaired_at=last.unpaired_at, pk__lt=last.pk)
            )
    rows = list(found.order_by("-unpaired_at", "-pk")[: PAGE_SIZE + 1])
    page = rows[:PAGE_SIZE]
    return ArchivePage(
        lives=[_life(row, now) for row in page],
        next_after=page[-1].uid if len(rows) > PAGE_SIZE else None,
        total=archive.count(),
    )


def _matching(found: DeviceQuerySet, chosen: Mapping[str, str]) -> DeviceQuerySet:
    if text := chosen.get("q"):
        found = found.search(text)
    if reason := chosen.get("end_reason"):
        found = found.filter(end_reason=reason)
    if device_class := chosen.get("device_class"):
        found = found.filter(device_class=device_class)
    return found


def _life(device: Any, now: datetime) -> Life:
    began_at = device.claimed_at or device.created_at
    return Life(
        uid=device.uid,
        name=device.name or device.uid,
        epoch=device.epoch,
        pairing=str(device.pairing),
        device_class=str(device.device_class),
        connectivity=devices.connectivity(device, now),
        site=device.site.name if device.site else "",
        device_id=device.device_id,
        began_at=began_at,
        began_by=device.claimed_by,
        enrolled_by=str(device.enrolled_by),
        ended_at=device.unpaired_at,
        ended_by=device.unpaired_by,
        end_reason=str(device.end_reason),
        lasted=(device.unpaired_at or now) - began_at,
        erased_at=device.erased_at,
        input_events=getattr(device, "input_event_count", 0),
        final=final_states.read(device.final_state),
        final_json=json.dumps(device.final_state, indent=2, ensure_ascii=False),
    )
