"""Read models of a device's twin: what is desired, what is reported, and every version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator

from accounts.permissions import has_role
from devices import permissions
from devices import selectors as devices
from kernel.actors import Actor
from ops import collisions, documents, selectors
from ops.rails import Rail, rail_of
from twins import selectors as twins
from twins.choices import Section
from twins.types import DeltaEntry, TwinView

PAGE_SIZE = 20
_UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One place of the documents, and how the device stands to what is desired there."""

    path: str
    verdict: str
    desired: str
    reported: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of what is desired, as the list shows it."""

    number: int
    at: datetime
    by: str
    origin: str
    restored: int | None
    changed: int
    is_present: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinSheet:
    """Everything the page of a twin shows."""

    card: selectors.DeviceCard
    may_edit: bool
    view: TwinView
    differing: Sequence[Place]
    alike: Sequence[Place]
    desired_text: str
    reported_text: str
    versions: Sequence[Version]
    page: Page[Any]
    rail: Rail


def twin_sheet(*, actor: Actor, uid: str, number: str, now: datetime) -> TwinSheet:
    """The twin of a device of the viewer. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    view = twins.twin_of(actor=actor, device_uid=device.uid)
    delta = twins.delta_of(actor=actor, device_uid=device.uid, now=now)
    places = [_place(entry, now) for entry in delta.entries]
    found = twins.revisions_of(actor=actor, device_uid=device.uid, section=Section.DESIRED)
    page = Paginator(found, PAGE_SIZE).get_page(number)
    return TwinSheet(
        card=selectors.device_card(device, now=now),
        may_edit=may_edit(actor, device),
        view=view,
        differing=[place for place in places if place.verdict != _UNCHANGED],
        alike=[place for place in places if place.verdict == _UNCHANGED],
        desired_text=documents.written(view.desired),
        reported_text=documents.written(view.reported),
        versions=[version_of(row, view.desired_version) for row in page.object_list],
        page=page,
        rail=rail_of(
            found,
            here=view.desired_version,
            present=view.desired_version,
            begins_at_nothing=True,
        ),
    )


def require_editor(*, actor: Actor, uid: str) -> None:
    """Whoever posts must be an operator of the device. Raises NotFound, PermissionDenied."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    permissions.require_operate(actor, device.tenant_id)


def collision(details: Mapping[str, Any]) -> collisions.Collision:
    """Both sides, as the refusal `twin_version_conflict` tells them."""
    base, theirs = details["base"], details["theirs"]
    return collisions.collision_of(
        base=None if base is None else base["document"],
        base_version=None if base is None else base["version"],
        theirs=theirs["document"],
        theirs_version=theirs["version"],
        theirs_by=theirs["by"],
        yours=details["yours"]["document"],
        etag=details["etag"],
    )


def may_edit(actor: Actor, device: Any) -> bool:
    """Whether the viewer may change the documents of this device."""
    return bool(device.is_active and has_role(actor, device.tenant_id, "operator"))


def _place(entry: DeltaEntry, now: datetime) -> Place:
    return Place(
        path=entry.path,
        verdict=entry.verdict.value,
        desired=collisions.value(entry.desired),
        reported=collisions.value(entry.reported),
        since=None if entry.age_s is None else now - timedelta(seconds=entry.age_s),
    )


def version_of(row: Any, present: int) -> Version:
    """A kept version as the lists show it."""
    return Version(
        number=row.version,
        at=row.at,
        by=row.by,
        origin=row.origin,
        restored=row.restored,
        changed=len(row.changes),
        is_present=row.version == present,
    )
