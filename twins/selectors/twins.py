"""Twins as they are now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import F

from devices import selectors as device_selectors
from devices.choices import Sync
from edge.protocol.messages import TwinDesired
from kernel.actors import Actor
from twins import delta, stamps
from twins.models import Twin
from twins.pointers import pointer
from twins.types import DeltaEntry, DeltaView, TwinView


def twin_of(*, actor: Actor, device_uid: str) -> TwinView:
    """The twin of a device the actor may see, living or archived. Raises NotFound."""
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    return view_of(found_twin(device.pk), device.uid, is_living=device.is_active)


def delta_of(*, actor: Actor, device_uid: str, now: datetime) -> DeltaView:
    """How the device differs from what is desired of it, place by place. Raises NotFound."""
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    twin = found_twin(device.pk)
    compared = delta.compare(twin.desired, twin.reported, twin.tombstones)
    view = view_of(twin, device.uid)
    return DeltaView(
        device_uid=device.uid,
        desired_version=twin.desired_version,
        reported_version=twin.reported_version,
        sync=sync_of(twin) if device.is_active else Sync.UNKNOWN,
        drift_since=twin.drift_since,
        entries=tuple(_entry(twin, difference, now) for difference in compared),
        etag=view.etag,
    )


def view_of(twin: Twin, device_uid: str, *, is_living: bool = True) -> TwinView:
    """A twin that the caller has found within its scope."""
    return TwinView(
        device_uid=device_uid,
        desired=twin.desired,
        desired_version=twin.desired_version,
        desired_at=twin.desired_at,
        desired_by=twin.desired_by,
        reported=twin.reported,
        reported_version=twin.reported_version,
        reported_at=twin.reported_at,
        edition=twin.edition,
        applied_version=twin.applied_version,
        applied_at=twin.applied_at,
        sync=sync_of(twin) if is_living else Sync.UNKNOWN,
        drift_since=twin.drift_since,
        desired_stamps=twin.desired_stamps,
        reported_stamps=twin.reported_stamps,
    )


def sync_of(twin: Twin) -> str:
    """How the device stands to what is desired; unknown where nothing ever was."""
    if twin.is_drifting:
        return Sync.DRIFT
    return Sync.IN_SYNC if twin.desired_version else Sync.UNKNOWN


def found_twin(device_id: int) -> Twin:
    """The twin of a device that the caller has found; an empty one where there is none yet."""
    rows: Any = Twin.objects.unscoped("the twin of a device found within the caller's scope")
    found: Twin | None = rows.filter(device_id=device_id).first()
    return Twin(device_id=device_id) if found is None else found


def unapplied_desired(device_ids: Collection[int]) -> dict[int, TwinDesired]:
    """What to tell those of the devices that have not taken over what is desired of them."""
    rows = Twin.objects.unscoped("for the wire of these devices")
    behind = rows.filter(device_id__in=device_ids, desired_version__gt=F("applied_version"))
    return {
        device_id: TwinDesired(version=version, desired=desired)
        for device_id, version, desired in behind.values_list(
            "device_id", "desired_version", "desired"
        )
    }


def desired_versions(device_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """For each of the devices that has a twin: its desired version, and the one it has applied."""
    rows = Twin.objects.unscoped("for the wire of these devices")
    return {
        device_id: (desired, applied)
        for device_id, desired, applied in rows.filter(device_id__in=device_ids).values_list(
            "device_id", "desired_version", "applied_version"
        )
    }


def _entry(twin: Twin, difference: delta.Difference, now: datetime) -> DeltaEntry:
    path = pointer(difference.parts)
    if difference.verdict is delta.Verdict.REMOVED:
        desired_stamp: int | None = twin.tombstones[path][0]
    else:
        desired_stamp = stamps.newest(twin.desired_stamps, difference.parts)
    reported_stamp = stamps.newest(twin.reported_stamps, difference.parts)
    known = [stamp for stamp in (desired_stamp, reported_stamp) if stamp is not None]
    stands_since = None if not known else stamps.moment(max(known))
    return DeltaEntry(
        verdict=difference.verdict,
        path=path,
        desired=difference.desired,
        reported=difference.reported,
        desired_at=_moment(desired_stamp),
        reported_at=_moment(reported_stamp),
        age_s=None if stands_since is None else max((now - stands_since).total_seconds(), 0.0),
    )


def _moment(stamp: int | None) -> datetime | None:
    return None if stamp is None else stamps.moment(stamp)
