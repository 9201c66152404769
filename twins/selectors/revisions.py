"""Versions of twins: found by number or time, rebuilt exactly, compared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from devices import selectors as device_selectors
from edge.protocol.merge_patch import NotExpressible, patch_between
from kernel.actors import Actor
from twins.choices import Origin, Section
from twins.errors import RevisionGone
from twins.history import Change, changes_between, undo
from twins.models import Twin, TwinRevision
from twins.selectors.twins import found_twin
from twins.types import DiffView, Named, TwinView


def revisions_of(
    *, actor: Actor, device_uid: str, section: str
) -> QuerySet[TwinRevision, TwinRevision]:
    """Every kept version of one of a device's documents, newest first. Raises NotFound."""
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    return _revisions(device.pk, section).defer("document").order_by("-version")


def revision_of(
    *, actor: Actor, device_uid: str, section: str, version: int
) -> tuple[TwinRevision, dict[str, Any]]:
    """One version: who made it and what changed, and the whole document.

    Raises NotFound, RevisionGone.
    """
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    found = _revisions(device.pk, section).filter(version=version).first()
    if version == 0:
        found = _nothing(device, section)
    if found is None:
        raise RevisionGone
    return found, document_at(twin=found_twin(device.pk), section=section, version=version)


def twin_at(*, actor: Actor, device_uid: str, at: int | datetime) -> TwinView:
    """The twin as it was at a time, or when it had a desired version and not yet the next.

    Raises NotFound, RevisionGone.
    """
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    twin = found_twin(device.pk)
    desired = _named(twin, Section.DESIRED, at)
    # A version holds until the next one: what was reported by then belongs to it.
    until = at if isinstance(at, datetime) else _end_of(twin, desired.version)
    try:
        reported = _named(twin, Section.REPORTED, _latest(twin) if until is None else until)
    except RevisionGone:
        reported = None
    made = _revisions(device.pk, Section.DESIRED).filter(version=desired.version).first()
    return TwinView(
        device_uid=device.uid,
        desired=desired.document,
        desired_version=desired.version,
        desired_at=desired.at,
        desired_by="" if made is None else made.by,
        reported=None if reported is None else reported.document,
        reported_version=None if reported is None else reported.version,
        reported_at=None if reported is None else reported.at,
        as_of=until,
    )


def diff_of(
    *,
    actor: Actor,
    device_uid: str,
    section: str,
    before: int | datetime,
    after: int | datetime | None,
) -> DiffView:
    """What changed from one version to another, which is the present one where none is named.

    Raises NotFound, RevisionGone.
    """
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    twin = found_twin(device.pk)
    one = _named(twin, section, before)
    other = _named(twin, section, _present(twin, section)[0] if after is None else after)
    try:
        patch = patch_between(one.document, other.document)
    except NotExpressible:
        patch = None
    return DiffView(
        section=section,
        before=one,
        after=other,
        changes=tuple(changes_between(one.document, other.document)),
        patch=patch,
    )


def document_at(*, twin: Twin, section: str, version: int) -> dict[str, Any]:
    """One document of a twin the caller has found, as it was. Raises RevisionGone."""
    present, document = _present(twin, section)
    if version == present:
        return document
    if not 0 <= version < present:
        raise RevisionGone
    newer = _revisions(twin.device_id, section).filter(version__gt=version)
    whole = newer.filter(document__isnull=False).order_by("version").first()
    if whole is not None and whole.version < present:
        present, document = whole.version, whole.document or {}
    steps = list(newer.filter(version__lte=present).order_by("-version").defer("document"))
    # Those in between must all be there, and the wanted one itself unless it is the beginning.
    is_kept = version == 0 or _revisions(twin.device_id, section).filter(version=version).exists()
    if not is_kept or sum(step.span for step in steps) != present - version:
        raise RevisionGone
    for step in steps:
        document = undo(document, map(Change.of, step.changes))
    return document


def _nothing(device: Any, section: str) -> TwinRevision:
    """What every document begins with."""
    return TwinRevision(
        device_id=device.pk, section=section, version=0, at=device.created_at, origin=Origin.REPLACE
    )


def _named(twin: Twin, section: str, at: int | datetime) -> Named:
    version = at if isinstance(at, int) else _version_at(twin, section, at)
    made = _revisions(twin.device_id, section).filter(version=version)
    return Named(
        section=section,
        version=version,
        at=made.values_list("at", flat=True).first(),
        document=document_at(twin=twin, section=section, version=version),
    )


def _version_at(twin: Twin, section: str, moment: datetime) -> int:
    """The version that was the present one at a time; before the first, that of nothing."""
    kept = _revisions(twin.device_id, section).values_list("version", flat=True)
    found = kept.filter(at__lte=moment).order_by("-version").first()
    if found is not None:
        return int(found)
    first = kept.order_by("version").first()
    is_whole = first == 1 or (first is None and not _present(twin, section)[0])
    if not is_whole:
        raise RevisionGone
    return 0


def _end_of(twin: Twin, version: int) -> datetime | None:
    """When the desired version was replaced; None while it holds."""
    newer = _revisions(twin.device_id, Section.DESIRED).filter(version__gt=version)
    ended: datetime | None = newer.order_by("version").values_list("at", flat=True).first()
    return ended


def _latest(twin: Twin) -> int:
    return int(twin.reported_version)


def _present(twin: Twin, section: str) -> tuple[int, dict[str, Any]]:
    if section == Section.DESIRED:
        return twin.desired_version, twin.desired
    return twin.reported_version, twin.reported


def _revisions(device_id: int, section: str) -> QuerySet[TwinRevision, TwinRevision]:
    rows: Any = TwinRevision.objects.unscoped("revisions of a device found within the scope")
    found: QuerySet[TwinRevision, TwinRevision] = rows.filter(device_id=device_id, section=section)
    return found
