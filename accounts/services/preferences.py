"""What users have arranged for themselves: one small document each, with a version."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from accounts.models import Preferences
from accounts.services import tenancy
from audit.services import recording
from edge.protocol import strict_json
from edge.protocol.merge_patch import apply_patch
from kernel import errors, preconditions
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.preconditions import EntityTag
from kernel.unit_of_work import unit_of_work

MEMBERS: Final = (
    "dashboard_layout",
    "dashboard_settings",
    "device_view_state",
    "notification_settings",
)
# In `dashboard_settings`.
LAST_TENANT: Final = "last_tenant"
MAX_BYTES: Final = 32 * 1024
# The document itself is the first level.
MAX_DEPTH: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A user's preferences at one version; 0 is the empty document nobody has written."""

    members: dict[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def tag(self) -> EntityTag:
        """The version as an entity tag."""
        return preconditions.version_tag(self.version)


def read_preferences(*, actor: Actor) -> Document:
    """The actor's own preferences."""
    kept = Preferences.objects.filter(user_id=_user_id(actor)).first()
    return Document() if kept is None else _document(kept)


def last_tenant_of(user_id: int) -> str:
    """The uid of the tenant whose devices the user's pages showed last; empty for all of theirs."""
    kept = Preferences.objects.filter(user_id=user_id).first()
    settings = {} if kept is None else kept.document.get("dashboard_settings")
    tenant_uid = settings.get(LAST_TENANT) if isinstance(settings, dict) else None
    return tenant_uid if isinstance(tenant_uid, str) else ""


def merge_preferences(
    *, patch: dict[str, Any], if_match: str | None, actor: Actor, now: datetime
) -> Document:
    """Apply a merge patch (RFC 7396) to the actor's preferences; null removes a member.

    `if_match` is the header of that name: the change is made to a version it names, or not at
    all. Without it the patch is merged into whatever is there. A patch that changes nothing makes
    no new version. Raises ValidationFailed for an unknown member, one that is no object, a
    malformed If-Match or a document too large or deep; PreconditionFailed for another version.
    """
    user_id = _user_id(actor)
    _require_known(patch)
    with unit_of_work():
        Preferences.objects.get_or_create(user_id=user_id)
        kept = lock_rows(Preferences.objects.filter(pk=user_id))[0]
        held = _document(kept)
        _require_version(held, if_match)
        merged = apply_patch(held.members, patch)
        if _canonical(merged) == _canonical(held.members):
            return held
        _require_bounded(merged)
        changed = Document(members=merged, version=held.version + 1)
        kept.document, kept.version, kept.updated_at = merged, changed.version, now
        kept.save(update_fields=["document", "version", "updated_at"])
        recording.record(
            tenant_id=tenancy.home_of(user_id),
            action="accounts.preferences.updated",
            actor=actor,
            target_type="user",
            target_id=actor.id,
            before={"version": held.version},
            after={"version": changed.version, "members": sorted(patch)},
            now=now,
        )
        return changed


def _user_id(actor: Actor) -> int:
    if actor.user_id is None:
        raise errors.NotAuthenticated
    return actor.user_id


def _document(kept: Preferences) -> Document:
    return Document(members=kept.document, version=kept.version)


def _canonical(document: dict[str, Any]) -> str:
    # Python finds True equal to 1, and 1 to 1.0; JSON does not.
    return json.dumps(document, sort_keys=True)


def _require_known(patch: dict[str, Any]) -> None:
    problems = {}
    for name, value in patch.items():
        if name not in MEMBERS:
            problems[name] = [f"Unknown. One of {', '.join(MEMBERS)}."]
        elif not isinstance(value, dict | None):
            problems[name] = ["Send an object, or null to remove it."]
    if problems:
        raise errors.ValidationFailed(details=problems)


def _require_version(held: Document, if_match: str | None) -> None:
    try:
        holds = preconditions.if_match_holds(if_match, held.tag)
    except preconditions.MalformedPrecondition:
        problem = 'Send entity tags like "3", or *.'
        raise errors.ValidationFailed(details={"If-Match": [problem]}) from None
    if not holds:
        raise errors.PreconditionFailed(etag=str(held.tag), current=held.members)


def _require_bounded(merged: dict[str, Any]) -> None:
    try:
        strict_json.loads(strict_json.dumps(merged), max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    except strict_json.StrictJSONError as error:
        limits = f"At most {MAX_BYTES} bytes and {MAX_DEPTH} levels in all."
        raise errors.ValidationFailed(limits, details={"body": [error.reason]}) from None
