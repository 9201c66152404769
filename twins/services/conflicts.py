"""Which version a change is made to, and what stands in the answer when it is not the present one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel import preconditions
from kernel.actors import Actor
from kernel.errors import PreconditionRequired, ValidationFailed
from kernel.preconditions import EntityTag, EntityTags
from twins.choices import Section
from twins.errors import RevisionGone, TwinVersionConflict
from twins.history import changes_between
from twins.merging import merge
from twins.models import Twin
from twins.pointers import pointer
from twins.selectors import document_at, policy_of, view_of

# A longer number is no version of ours.
_MAX_DIGITS = 18


def parse_if_match(header: str | None) -> EntityTags | None:
    """What If-Match names; None where it was not sent. Raises ValidationFailed."""
    if header is None:
        return None
    try:
        return preconditions.parse(header)
    except preconditions.MalformedPrecondition:
        raise ValidationFailed(details={"If-Match": ["Send entity tags, or *."]}) from None


def require_if_match(named: EntityTags | None, *, actor: Actor, tenant_id: int | None) -> None:
    """Refuse a change that names no version: of people always, of machines if the tenant says so.

    Raises PreconditionRequired.
    """
    if named is not None:
        return
    if actor.kind == "user" or policy_of(tenant_id).machines_need_if_match:
        raise PreconditionRequired


def require_current(
    named: EntityTags | None,
    *,
    twin: Twin,
    device_uid: str,
    make: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Refuse a change of another version than the present one. Raises TwinVersionConflict.

    Every tag of a twin begins with the version of what is desired: what the device reported
    meanwhile does not make somebody's change a stale one.
    """
    if named is None or named.is_any:
        return
    versions = {_desired_version(tag) for tag in named.tags if not tag.is_weak}
    if twin.desired_version in versions:
        return
    known = [version for version in versions if version is not None]
    etag = view_of(twin, device_uid).etag
    raise TwinVersionConflict(etag=etag, details=_both_sides(twin, max(known, default=None), make))


def _desired_version(tag: EntityTag) -> int | None:
    """The desired version that a tag of ours names; anything else names none."""
    digits = tag.opaque.partition(".")[0]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_DIGITS:
        return None
    return int(digits)


def _both_sides(
    twin: Twin, version: int | None, make: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """What the caller read, what others made of it, what the caller would have, and both."""
    theirs = {"version": twin.desired_version, "document": twin.desired, **_author(twin)}
    current = {"desired": twin.desired, "desired_version": twin.desired_version}
    try:
        if version is None:
            raise RevisionGone
        base = document_at(twin=twin, section=Section.DESIRED, version=version)
    except RevisionGone:
        # Nobody knows what the caller has read: what they would have is told of the present.
        yours = make(twin.desired)
        return {
            "base": None,
            "theirs": theirs,
            "yours": {"document": yours, "paths": _paths(twin.desired, yours)},
            "current": current,
            "overlapping": [],
            "mergeable": False,
            "merged": None,
        }
    yours = make(base)
    merged = merge(base, twin.desired, yours)
    return {
        "base": {"version": version, "document": base},
        "theirs": theirs | {"paths": _paths(base, twin.desired)},
        "yours": {"document": yours, "paths": _paths(base, yours)},
        "current": current,
        "overlapping": [pointer(parts) for parts in merged.overlapping],
        "mergeable": merged.document is not None,
        "merged": merged.document,
    }


def _paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [pointer(change.parts) for change in changes_between(before, after)]


def _author(twin: Twin) -> dict[str, Any]:
    at = twin.desired_at
    return {"by": twin.desired_by, "at": None if at is None else at.isoformat()}
