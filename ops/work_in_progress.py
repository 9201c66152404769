"""Long work of the viewer's that is under way or ended lately: enrolments, batches, exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from commands import batch_selectors
from devices import selectors as devices
from exports import selectors as exports
from kernel import errors
from kernel.actors import Actor
from ops import wording

# How long something that ended is still shown.
LATELY: Final = timedelta(hours=1)
_OF_EACH: Final = 5
# Batches of others are passed over: this many are looked at.
_LOOKED_AT: Final = 25
_EXPORT_LABELS: Final = {
    "queued": "Waiting to begin",
    "running": "Being written",
    "ready": "Ready to download",
    "failed": "Failed",
}
_EXPORT_TONES: Final = {"queued": "busy", "running": "busy", "ready": "good", "failed": "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One piece of long work: how far it is, and the page that tells more."""

    kind: str
    uid: str
    title: str
    state: str
    label: str
    tone: str
    done: int
    total: int
    url: str
    begun_at: datetime
    finished_at: datetime | None


def of_viewer(*, actor: Actor, now: datetime) -> list[Work]:
    """What they have started and is not over, and what ended within the last hour; newest first."""
    since = Q(finished_at__isnull=True) | Q(finished_at__gte=now - LATELY)
    work = [*_enrolments(actor, since), *_batches(actor, since), *_exports(actor, since)]
    return sorted(work, key=lambda one: one.begun_at, reverse=True)


def _enrolments(actor: Actor, since: Q) -> Iterator[Work]:
    try:
        visible = devices.enrolments_visible_to(actor)
    except errors.PermissionDenied:
        return
    started = visible.filter(since, created_by_id=actor.user_id, started_at__isnull=False)
    for one in started.order_by("-pk")[:_OF_EACH]:
        yield Work(
            kind="enrolment",
            uid=one.uid,
            title=f"Enrol {wording.count_of(one.total - one.invalid, 'device')}",
            state=str(one.state),
            label=wording.ENROLMENT_LABELS.get(one.state, one.state),
            tone=wording.ENROLMENT_TONES.get(one.state, "idle"),
            done=one.enrolled + one.failed,
            total=one.total - one.invalid,
            url=reverse("ops:enrolment", args=(one.uid,)),
            begun_at=one.started_at,
            finished_at=one.finished_at,
        )


def _batches(actor: Actor, since: Q) -> Iterator[Work]:
    recent = batch_selectors.batches_visible_to(actor).filter(since).order_by("-pk")[:_LOOKED_AT]
    for batch in [one for one in recent if _is_of(one.cause, actor)][:_OF_EACH]:
        view = batch_selectors.view_of(batch, actor)
        title = wording.action(kind=view.kind, payload=view.payload, relay_names={})
        yield Work(
            kind="batch",
            uid=view.id,
            title=f"{title}: {wording.count_of(view.total, 'device')}",
            state=view.state,
            label=wording.BATCH_LABELS.get(view.state, view.state),
            tone=wording.BATCH_TONES.get(view.state, "idle"),
            done=view.counts.total - view.counts.pending - view.counts.open,
            total=view.total,
            url=reverse("ops:batch", args=(view.id,)),
            begun_at=view.created_at,
            finished_at=view.finished_at,
        )


def _exports(actor: Actor, since: Q) -> Iterator[Work]:
    for one in exports.exports_of(actor).filter(since)[:_OF_EACH]:
        yield Work(
            kind="export",
            uid=one.uid,
            title=f"{exports.title_of(one)} as a file",
            state=str(one.state),
            label=_EXPORT_LABELS.get(one.state, one.state),
            tone=_EXPORT_TONES.get(one.state, "idle"),
            done=one.done,
            total=max(one.total, one.done),
            url=reverse("ops:exports"),
            begun_at=one.created_at,
            finished_at=one.finished_at,
        )


def _is_of(cause: list[dict[str, Any]], actor: Actor) -> bool:
    return bool(cause) and cause[0].get("kind") == "user" and cause[0].get("id") == actor.id
