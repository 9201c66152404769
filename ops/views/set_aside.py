"""What devices sent that could not be used: look at it, try it again, throw it away."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import selectors
from ops import set_aside as payloads
from ops.wording import count_of
from telemetry.services import set_aside_replay

_MAX_FILTER = 64


@require_safe
@never_cache
@signed_in
def set_aside(request: HttpRequest) -> HttpResponse:
    """The payloads of the last two weeks, the newest first."""
    return _page(request)


@require_POST
@signed_in
def replay(request: HttpRequest, uid: str) -> HttpResponse:
    """Take a payload in as if it came now, and say what became of it."""
    try:
        done = set_aside_replay.replay_payload(uid=uid, actor=request.actor, now=timezone.now())
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        return _page(request, refused=sentence_of(error), status=error.status)
    told = f"{count_of(done.stored, 'record')} stored, {done.duplicates} known, {done.rejected} refused."
    return _page(request, done=told)


@require_POST
@signed_in
def discard(request: HttpRequest, uid: str) -> HttpResponse:
    """Throw a payload away."""
    set_aside_replay.discard_payload(uid=uid, actor=request.actor, now=timezone.now())
    return redirect("ops:set-aside")


def _page(
    request: HttpRequest, *, refused: str = "", done: str = "", status: int = 200
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    page = payloads.set_aside_page(
        actor=request.actor,
        device=request.GET.get("device", "").strip()[:_MAX_FILTER],
        reason=request.GET.get("reason", "").strip()[:_MAX_FILTER],
        before=request.GET.get("before", ""),
    )
    context = {
        "streams": json.dumps(streams),
        "page": page,
        "kept_days": payloads.KEPT_DAYS,
        "refused": refused,
        "done": done,
    }
    return render(request, "ops/set_aside.html", context, status=status)
