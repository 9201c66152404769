"""Makes the files: a page of rows per transaction, by as many tickers as there are.

An export is leased by compare-and-set; its next page is read and written down with where the one
after it begins, in one transaction that begins with the same compare-and-set. A process killed
anywhere leaves a lease that ends, and no row is in the file twice.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import InterfaceError, OperationalError

from accounts import selectors as people
from exports import file_forms, registry
from exports.choices import ExportState
from exports.models import Export, ExportPart
from exports.registry import Kind
from exports.services import requesting
from exports.types import Page, PageOrder
from kernel import row_security
from kernel.actors import Actor
from kernel.errors import HomepotError, NotAuthenticated, NotFound, PermissionDenied
from kernel.failpoints import failpoint
from kernel.row_security import PLATFORM_TENANT
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

PAGE: Final = 1_000
RUN_SECONDS: Final = 1.0
LEASE: Final = timedelta(seconds=60)
MOST_ROWS: Final = 1_000_000
MOST_BYTES: Final = 256 * 1024 * 1024
_OPEN: Final = (ExportState.QUEUED, ExportState.RUNNING)
_SYSTEM: Final = Actor.system("exports")
_DATABASE_AWAY: Final = (OperationalError, InterfaceError)
Clock = Callable[[], float]


class _Refused(Exception):
    """Why the rest of a file cannot be made."""

    def __init__(self, code: str, sentence: str) -> None:
        self.code, self.sentence = code, sentence
        super().__init__(sentence)


def run(now: datetime, *, clock: Clock = time.monotonic) -> int:
    """Make files for about a second, a page of each in turn; returns how many pages."""
    ends_at, made = clock() + RUN_SECONDS, 0
    while clock() < ends_at:
        # One a process of a newer release asked for is left to that.
        with row_security.platform_scope("exports.making"):
            waiting = _unleased(now)
        pages = 0
        for pk in waiting:
            if clock() < ends_at:
                pages += make_page(export_id=pk, now=now)
        if not pages:
            break
        made += pages
    return made


def make_page(*, export_id: int, now: datetime) -> bool:
    """Write the next page of one export; False when another process has it, or it is over."""
    with row_security.platform_scope("exports.making"):
        export = _lease(export_id, now)
        if export is None:
            return False
        try:
            page = _read(export, now)
        except _DATABASE_AWAY:
            raise
        except _Refused as refused:
            fail(export, refused.code, refused.sentence, now)
        except Exception:
            logger.exception("An export cannot be made", extra={"export": export.uid})
            fail(export, "internal_error", "Something went wrong on our side.", now)
        else:
            failpoint("exports.page.read")
            _keep(export, page, now)
    return True


def fail(export: Export, code: str, sentence: str, now: datetime) -> None:
    """End an export that cannot be made, with its reason; what was made of it goes."""
    with unit_of_work():
        values = {
            "state": ExportState.FAILED, "reason": code[:60], "problem": sentence[:300],
            "finished_at": now, "leased_until": None, "parts": 0, "size": 0,
        }  # fmt: skip
        if not _one(export).filter(state__in=_OPEN).update(**values):
            return
        export.state = ExportState.FAILED
        _parts().filter(export_id=export.pk).delete()
        requesting.note(export, "failed", _SYSTEM, now, {"kind": export.kind, "reason": code})
        requesting.tell(export, now)


def _unleased(now: datetime) -> list[int]:
    rows = _rows().filter(finished_at__isnull=True)
    free = rows.filter(leased_until__isnull=True) | rows.filter(leased_until__lte=now)
    names = [kind.name for kind in registry.kinds()]
    return list(free.filter(kind__in=names).order_by("pk").values_list("pk", flat=True)[:20])


def _lease(export_id: int, now: datetime) -> Export | None:
    rows = _rows().filter(pk=export_id, state__in=_OPEN)
    export: Export | None = rows.first()
    if export is None or (export.leased_until or now) > now:
        return None
    leased_until = now + LEASE
    won = rows.filter(leased_until=export.leased_until).update(
        leased_until=leased_until, state=ExportState.RUNNING
    )
    export.leased_until = leased_until
    return export if won else None


def _read(export: Export, now: datetime) -> Page:
    """The next rows, as the requester may see them in this moment. Raises _Refused."""
    kind = registry.kind_named(export.kind)
    if kind is None:
        raise _Refused("unknown_kind", "This cannot be exported any more.")
    try:
        actor = _requester(export)
        export.site_ids = _sites_with(export, actor)
        with row_security.actor_scope(actor):
            return _page(kind, export, actor, now)
    except (NotAuthenticated, NotFound, PermissionDenied):
        raise _Refused(
            "permission_denied", f"{export.requested_by} may not see this any more."
        ) from None
    except HomepotError as error:
        raise _Refused(error.code, error.message) from None


def _page(kind: Kind, export: Export, actor: Actor, now: datetime) -> Page:
    choice = kind.clean(actor, export.choice)
    return kind.page(
        PageOrder(
            actor=actor,
            tenant_id=export.tenant_id,
            choice=choice,
            columns=export.columns,
            after=export.after or None,
            limit=PAGE,
            now=now,
        )
    )


def _requester(export: Export) -> Actor:
    """Who asked, with the roles of this moment and in the tenant they asked in."""
    actor = people.actor_for_user(user_id=export.requester_id, via="system")
    if export.tenant_id == PLATFORM_TENANT:
        if not actor.is_platform_admin:
            raise PermissionDenied
        return actor
    if export.tenant_id not in actor.roles:
        raise NotFound
    return _in_tenant(actor, export.tenant_id)


def _sites_with(export: Export, actor: Actor) -> list[int] | None:
    """The sites that the file is of with a page as the actor may see it now; None: of all."""
    limit = actor.site_limits.get(export.tenant_id)
    if limit is None or (export.parts and export.site_ids is None):
        return None
    return sorted(limit.union(export.site_ids or ()))


def _in_tenant(actor: Actor, tenant_id: int) -> Actor:
    limits = {tenant_id: actor.site_limits[tenant_id]} if tenant_id in actor.site_limits else {}
    return replace(
        actor,
        roles={tenant_id: actor.roles[tenant_id]},
        site_limits=limits,
        member_tenants=actor.member_of,
    )


def _keep(export: Export, page: Page, now: datetime) -> None:
    body = file_forms.written(
        file_format=export.file_format, columns=export.columns, rows=page.rows
    )
    if export.parts == 0:
        body = (
            file_forms.beginning(
                file_format=export.file_format, columns=export.columns, has_bom=export.has_bom
            )
            + body
        )
    done, size = export.done + len(page.rows), export.size + len(body)
    if page.after is not None and (done >= MOST_ROWS or size >= MOST_BYTES):
        fail(export, "too_large", f"It has more than {MOST_ROWS:,} rows. Narrow it.", now)
        return
    is_last = page.after is None
    with unit_of_work():
        mine = _one(export).filter(state=ExportState.RUNNING, leased_until=export.leased_until)
        changed = mine.update(
            done=done,
            size=size,
            # Devices come and go while it is counted and made.
            total=done if is_last else max(export.total, done),
            parts=export.parts + 1,
            after=page.after or "",
            site_ids=export.site_ids,
            leased_until=None,
            state=ExportState.READY if is_last else ExportState.RUNNING,
            finished_at=now if is_last else None,
            expires_at=now + requesting.KEPT_FOR,
        )
        if not changed:
            return
        ExportPart.objects.create(
            export_id=export.pk,
            tenant_id=export.tenant_id,
            number=export.parts,
            body=zlib.compress(body, 6),
        )
        export.done, export.total = done, done if is_last else max(export.total, done)
        export.state = ExportState.READY if is_last else ExportState.RUNNING
        requesting.tell(export, now)
        failpoint("exports.page.written")


def _rows() -> Any:
    return Export.objects.unscoped("jobs work for all tenants")


def _one(export: Export) -> Any:
    return _rows().filter(pk=export.pk)


def _parts() -> Any:
    return ExportPart.objects.unscoped("parts of an export that the job holds")
