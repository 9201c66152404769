"""What people and machines desire of a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from audit.services import recording
from commands.services.queueing import MAX_CAUSE_DEPTH
from devices import permissions
from devices import selectors as device_selectors
from devices.services import sessions
from edge.protocol.merge_patch import apply_patch
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from twins import documents
from twins.choices import Origin, Section
from twins.history import Change
from twins.pointers import pointer
from twins.selectors import document_at, view_of
from twins.services import conflicts
from twins.services.keeping import Keeper
from twins.types import TwinView

# Places that the audit entry names; the values are in the revision.
_TOLD = 50
Make = Callable[[dict[str, Any]], dict[str, Any]]


def patch_desired(
    *,
    device_uid: str,
    patch: Mapping[str, Any],
    if_match: str | None = None,
    actor: Actor,
    cause: list[dict[str, Any]] | None = None,
    now: datetime,
) -> TwinView:
    """Merge a patch (RFC 7396) into what is desired; one that changes nothing makes no version.

    `if_match` is the header as it came. Raises NotFound, PermissionDenied, DeviceArchived,
    PreconditionRequired, TwinVersionConflict, ValidationFailed.
    """
    normal = documents.normal(patch)
    return _change(
        device_uid, lambda desired: apply_patch(desired, normal), Origin.PATCH,
        if_match=if_match, actor=actor, cause=cause, now=now,
    )  # fmt: skip


def replace_desired(
    *,
    device_uid: str,
    document: Mapping[str, Any],
    if_match: str | None = None,
    actor: Actor,
    cause: list[dict[str, Any]] | None = None,
    now: datetime,
) -> TwinView:
    """Desire exactly this document. Raises as `patch_desired` does."""
    normal = documents.normal(document)
    return _change(
        device_uid, lambda desired: normal, Origin.REPLACE,
        if_match=if_match, actor=actor, cause=cause, now=now,
    )  # fmt: skip


def restore_revision(
    *,
    device_uid: str,
    version: int,
    if_match: str | None = None,
    actor: Actor,
    cause: list[dict[str, Any]] | None = None,
    now: datetime,
) -> TwinView:
    """Desire again what was desired in an earlier version, as a new one.

    Raises RevisionGone, and as `patch_desired` does.
    """
    return _change(
        device_uid, None, Origin.RESTORE,
        if_match=if_match, actor=actor, cause=cause, now=now, restored=version,
    )  # fmt: skip


def _change(
    device_uid: str,
    make: Make | None,
    origin: Origin,
    *,
    if_match: str | None,
    actor: Actor,
    cause: list[dict[str, Any]] | None,
    now: datetime,
    restored: int | None = None,
) -> TwinView:
    named = conflicts.parse_if_match(if_match)
    with unit_of_work():
        device_id, tenant_id = device_selectors.device_keys(actor=actor, uid=device_uid)
        permissions.require_operate(actor, tenant_id)
        conflicts.require_if_match(named, actor=actor, tenant_id=tenant_id)
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_living(facts)
        keeper = Keeper(facts, now)
        twin = keeper.twin
        if restored is not None:
            old = document_at(twin=twin, section=Section.DESIRED, version=restored)
        wish: Make = make if make is not None else lambda desired: old
        conflicts.require_current(named, twin=twin, device_uid=facts.device_uid, make=wish)
        document = wish(twin.desired)
        refused = documents.refusal(document)
        if refused is not None:
            raise ValidationFailed(details=refused)
        chain = [*(cause or []), actor.as_cause()][-MAX_CAUSE_DEPTH:]
        changes = keeper.desire(
            document, by=actor.label, cause=chain, origin=origin, restored=restored
        )
        if changes:
            keeper.save()
            _record(keeper, changes, actor, chain, now)
        failpoint("twins.desired.written")
    return view_of(twin, facts.device_uid)


def _record(
    keeper: Keeper, changes: list[Change], actor: Actor, cause: list[Any], now: datetime
) -> None:
    version = keeper.twin.desired_version
    recording.record(
        tenant_id=keeper.twin.tenant_id,
        action="twins.desired.changed",
        actor=actor,
        target_type="device",
        target_id=keeper.device_uid,
        before={"version": version - 1},
        after={
            "version": version,
            "changed": len(changes),
            "paths": [pointer(change.parts)[:200] for change in changes[:_TOLD]],
        },
        cause=cause,
        now=now,
    )
