"""Reads about exports: everybody sees their own, of the tenants they belong to at the time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet

from exports import registry
from exports.choices import ExportState
from exports.errors import ExportNotReady
from exports.file_forms import MEDIA_TYPES
from exports.models import Export, ExportPart
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.row_security import PLATFORM_TENANT

_TOGETHER: Final = 4


def exports_of(actor: Actor) -> QuerySet[Any]:
    """The actor's own exports, newest first, of the tenants they are in now."""
    rows: Any = Export.objects.unscoped("the requester's own, narrowed here")
    tenants = set(actor.tenant_ids)
    if actor.is_platform_admin:
        tenants.add(PLATFORM_TENANT)
    found: QuerySet[Any] = rows.filter(requester_id=actor.user_id, tenant_id__in=tenants)
    return found.order_by("-pk") if actor.user_id is not None else found.none()


def export_by_uid(*, actor: Actor, uid: str) -> Export:
    """The actor's export of that uid. Raises NotFound, also for another's."""
    found: Export | None = exports_of(actor).filter(uid=uid).first()
    if found is None:
        raise errors.NotFound
    return found


def title_of(export: Export) -> str:
    """What the file is of, for people."""
    kind = registry.kind_named(export.kind)
    return export.kind if kind is None else kind.title


def file_name(export: Export) -> str:
    """What the file is called when it is taken home."""
    return f"{export.kind}-{export.created_at:%Y-%m-%d}-{export.uid}.{export.file_format}"


def media_type(export: Export) -> str:
    """What the file is, for browsers."""
    return MEDIA_TYPES[export.file_format]  # type: ignore[index]  # a member of its choices


def file_of(*, export: Export, actor: Actor) -> Iterator[bytes]:
    """The file piece by piece, a few parts in memory at once.

    Raises ExportNotReady, and PermissionDenied for who has been limited to fewer sites since.
    """
    if export.state != ExportState.READY:
        raise ExportNotReady(export.problem or None)
    limit = actor.site_limits.get(export.tenant_id)
    if limit is not None and (export.site_ids is None or not limit.issuperset(export.site_ids)):
        raise errors.PermissionDenied("It was made when you could see more. Ask for it again.")
    return _pieces(export, actor)


def _pieces(export: Export, actor: Actor) -> Iterator[bytes]:
    for start in range(0, export.parts, _TOGETHER):
        # Each piece may be made on another thread: what holds for one ends with it.
        with row_security.actor_scope(actor):
            rows: Any = ExportPart.objects.unscoped("an export found to be the actor's own")
            some = rows.filter(export_id=export.pk, number__gte=start, number__lt=start + _TOGETHER)
            bodies = [bytes(part.body) for part in some.order_by("number")]
        if len(bodies) != min(_TOGETHER, export.parts - start):
            # Removed meanwhile: what ends here must not look like the whole file.
            raise errors.NotFound
        for body in bodies:
            yield zlib.decompress(body)
