"""Read models of a device's twin: what is desired, what is reported, and every version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.dateparse import parse_datetime

from accounts.permissions import has_role
from devices import permissions
from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor
from ops import documents, selectors
from twins import selectors as twins
from twins.choices import Section
from twins.pointers import MISSING
from twins.types import DeltaEntry, TwinView

PAGE_SIZE = 20
_MAX_DIGITS = 18
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
class Step:
    """What a version made of one place."""

    path: str
    before: str
    after: str


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


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerTwin:
    """A twin as it was in a version or at a time."""

    card: selectors.DeviceCard
    may_edit: bool
    view: TwinView
    present_etag: str
    is_present: bool
    desired_text: str
    reported_text: str | None
    steps: Sequence[Step]


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one of two people made of the version that both had read."""

    text: str
    paths: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Collision:
    """Two changes of the same version: what was read, what others made of it, what is asked for."""

    base_version: int | None
    base: str
    theirs: Side
    theirs_version: int
    theirs_by: str
    yours: Side
    merged: str
    overlapping: Sequence[str]
    etag: str


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
        may_edit=_may_edit(actor, device),
        view=view,
        differing=[place for place in places if place.verdict != _UNCHANGED],
        alike=[place for place in places if place.verdict == _UNCHANGED],
        desired_text=documents.written(view.desired),
        reported_text=documents.written(view.reported),
        versions=[_version(row, view.desired_version) for row in page.object_list],
        page=page,
    )


def former_twin(*, actor: Actor, uid: str, at: str, now: datetime) -> FormerTwin:
    """The twin as it was in a desired version, or at a time. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    view = twins.twin_at(actor=actor, device_uid=device.uid, at=_place_in_time(at))
    present = twins.twin_of(actor=actor, device_uid=device.uid)
    made, _ = twins.revision_of(
        actor=actor, device_uid=device.uid, section=Section.DESIRED, version=view.desired_version
    )
    return FormerTwin(
        card=selectors.device_card(device, now=now),
        may_edit=_may_edit(actor, device),
        view=view,
        present_etag=present.etag,
        is_present=view.desired_version == present.desired_version,
        desired_text=documents.written(view.desired),
        reported_text=None if view.reported is None else documents.written(view.reported),
        steps=[_step(change) for change in made.changes],
    )


def require_editor(*, actor: Actor, uid: str) -> None:
    """Whoever posts must be an operator of the device. Raises NotFound, PermissionDenied."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    permissions.require_operate(actor, device.tenant_id)


def collision(details: Mapping[str, Any]) -> Collision:
    """Both sides, as the refusal `twin_version_conflict` tells them."""
    base, theirs, yours = details["base"], details["theirs"], details["yours"]
    merged = details["merged"]
    return Collision(
        base_version=None if base is None else base["version"],
        base="" if base is None else documents.written(base["document"]),
        theirs=Side(text=documents.written(theirs["document"]), paths=theirs.get("paths", ())),
        theirs_version=theirs["version"],
        theirs_by=theirs["by"],
        yours=Side(text=documents.written(yours["document"]), paths=yours["paths"]),
        merged="" if merged is None else documents.written(merged),
        overlapping=details["overlapping"],
        etag=details["etag"],
    )


def _may_edit(actor: Actor, device: Any) -> bool:
    return bool(device.is_active and has_role(actor, device.tenant_id, "operator"))


def _place(entry: DeltaEntry, now: datetime) -> Place:
    return Place(
        path=entry.path,
        verdict=entry.verdict.value,
        desired=_value(entry.desired),
        reported=_value(entry.reported),
        since=None if entry.age_s is None else now - timedelta(seconds=entry.age_s),
    )


def _version(row: Any, present: int) -> Version:
    return Version(
        number=row.version,
        at=row.at,
        by=row.by,
        origin=row.origin,
        restored=row.restored,
        changed=len(row.changes),
        is_present=row.version == present,
    )


def _step(change: Mapping[str, Any]) -> Step:
    return Step(
        path=change["path"],
        before=_value(change.get("old", MISSING)),
        after=_value(change.get("new", MISSING)),
    )


def _value(value: Any) -> str:
    return "" if value is MISSING else documents.in_line(value)


def _place_in_time(text: str) -> int | datetime:
    """A version, or a time. Raises NotFound for what is neither."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    try:
        # A + in an address is a space unless it was encoded.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        moment = None
    if moment is None:
        raise errors.NotFound
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
