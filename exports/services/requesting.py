"""Asking for a file, and giving it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from audit.services import recording
from exports import registry, selectors
from exports.choices import ExportState, FileFormat
from exports.errors import TooManyExports
from exports.models import Export
from exports.registry import Kind
from kernel import errors, live, tokens
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.row_security import PLATFORM_TENANT
from kernel.unit_of_work import unit_of_work

KEPT_FOR: Final = timedelta(days=3)
# Of one user: those that wait, run, or lie there to be fetched.
MOST: Final = 20
MOST_OPEN: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOrder:
    """What is to be in a file: a kind, what of it, and in which columns; none are all."""

    kind: str
    choice: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    file_format: str = FileFormat.CSV
    has_bom: bool = False


def request_export(*, order: ExportOrder, actor: Actor, now: datetime) -> Export:
    """Write down that a file is wanted; a job makes it, and it is kept for three days.

    Raises ValidationFailed for an unknown kind, column or choice, TooManyExports, TenantRequired,
    and whatever the kind refuses with.
    """
    if actor.user_id is None:
        raise errors.PermissionDenied("Files are made for people.")
    kind = _kind(order.kind)
    columns = _columns(kind, order.columns)
    tenant_id = kind.tenant(actor, order.choice)
    choice = kind.clean(actor, order.choice)
    # Before the lock of SQLite, which is everybody's: counting takes its time.
    total = kind.count(actor, tenant_id, choice)
    with unit_of_work():
        _require_room(actor)
        export: Export = Export.objects.create(
            uid=tokens.new_public_id(),
            tenant_id=tenant_id,
            requester_id=actor.user_id,
            requested_by=actor.label[:200],
            kind=kind.name,
            choice=choice,
            columns=columns,
            file_format=order.file_format,
            has_bom=order.has_bom,
            total=total,
            created_at=now,
            expires_at=now + KEPT_FOR,
        )
        note(export, "requested", actor, now, {"kind": kind.name, "choice": choice, "rows": total})
        tell(export, now)
    return export


def remove_export(*, uid: str, actor: Actor, now: datetime) -> None:
    """Give a file up, wherever it is; what makes it stops. Raises NotFound."""
    with unit_of_work():
        export = selectors.export_by_uid(actor=actor, uid=uid)
        rows = Export.objects.unscoped("the actor's own, found above").filter(pk=export.pk)
        note(export, "removed", actor, now, {"kind": export.kind})
        # Who makes it holds its row while they add a part: the parts go with nobody at it.
        lock_rows(rows)
        rows.delete()
        tell(export, now, state="removed")


def note(export: Export, action: str, actor: Actor, now: datetime, after: dict[str, Any]) -> None:
    """Add what happened to the audit log, within the caller's unit of work."""
    recording.record(
        tenant_id=None if export.tenant_id == PLATFORM_TENANT else export.tenant_id,
        action=f"exports.export.{action}",
        actor=actor,
        target_type="export",
        target_id=export.uid,
        before=None,
        after=after,
        now=now,
    )


def tell(export: Export, now: datetime, *, state: str = "") -> None:
    """Tell browsers how far the file is, within the caller's unit of work."""
    live.append(
        tenant_id=None if export.tenant_id == PLATFORM_TENANT else export.tenant_id,
        kind="export_updated",
        payload={
            "export": export.uid,
            "state": state or str(export.state),
            "done": export.done,
            "total": export.total,
        },
        now=now,
    )


def _kind(name: str) -> Kind:
    kind = registry.kind_named(name)
    if kind is None:
        known = ", ".join(kind.name for kind in registry.kinds())
        raise errors.ValidationFailed(details={"kind": [f"One of {known}."]})
    return kind


def _columns(kind: Kind, wanted: Sequence[str]) -> list[str]:
    names = [column.name for column in kind.columns]
    if unknown := [name for name in wanted if name not in names]:
        raise errors.ValidationFailed(
            details={"columns": [f"Unknown: {', '.join(unknown[:5])}. Of {', '.join(names)}."]}
        )
    return list(dict.fromkeys(wanted)) or names


def _require_room(actor: Actor) -> None:
    rows: Any = Export.objects.unscoped("the requester's own").filter(requester_id=actor.user_id)
    waiting = rows.filter(state__in=(ExportState.QUEUED, ExportState.RUNNING))
    if waiting.count() >= MOST_OPEN:
        raise TooManyExports(f"{MOST_OPEN} of your exports are being made. Wait for one of them.")
    if rows.count() >= MOST:
        raise TooManyExports
