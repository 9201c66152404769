"""The twin of one device: what it is to be, what it says it is, and every version of both."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import collisions, documents, selectors, travels, twins
from twins.errors import TwinVersionConflict
from twins.services import desiring


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def twin(request: HttpRequest, uid: str) -> HttpResponse:
    """Both documents and how they differ; on POST desire what was typed, if nobody was faster."""
    if request.method == "POST":
        return _save(request, uid)
    if at := request.GET.get("at", ""):
        streams = selectors.streams(actor=request.actor)
        former = travels.former_twin(
            actor=request.actor,
            uid=uid,
            at=at,
            other=request.GET.get("with", ""),
            now=timezone.now(),
        )
        context = {"streams": json.dumps(streams), "former": former, "device": former.card}
        return render(request, "ops/former_twin.html", context)
    return _page(request, uid)


@require_POST
@signed_in
def restore(request: HttpRequest, uid: str, version: int) -> HttpResponse:
    """Desire again what was desired in an earlier version."""
    twins.require_editor(actor=request.actor, uid=uid)
    form = documents.DocumentForm({"etag": request.POST.get("etag", "")})
    return _changed(
        request,
        uid,
        form,
        lambda: desiring.restore_revision(
            device_uid=uid,
            version=version,
            if_match=request.POST.get("etag") or None,
            actor=request.actor,
            now=timezone.now(),
        ),
    )


def _save(request: HttpRequest, uid: str) -> HttpResponse:
    twins.require_editor(actor=request.actor, uid=uid)
    form = documents.DocumentForm(request.POST)
    if not form.is_valid():
        return _page(request, uid, form=form, status=400)
    return _changed(
        request,
        uid,
        form,
        lambda: desiring.replace_desired(
            device_uid=uid,
            document=form.cleaned_data["document"],
            if_match=form.cleaned_data["etag"] or None,
            actor=request.actor,
            now=timezone.now(),
        ),
    )


def _changed(
    request: HttpRequest, uid: str, form: documents.DocumentForm, change: Callable[[], object]
) -> HttpResponse:
    try:
        change()
    except TwinVersionConflict as error:
        collision = twins.collision(error.details)
        typed = {"document": collision.yours, "etag": form.data["etag"]}
        return _page(
            request,
            uid,
            form=documents.DocumentForm(typed),
            collision=collision,
            status=error.status,
        )
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        kept = form if "document" in form.data else None
        return _page(request, uid, form=kept, refused=sentence_of(error), status=error.status)
    return redirect("ops:device-twin", uid=uid)


def _page(
    request: HttpRequest,
    uid: str,
    *,
    form: documents.DocumentForm | None = None,
    collision: collisions.Collision | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    sheet = twins.twin_sheet(
        actor=request.actor, uid=uid, number=request.GET.get("page", ""), now=timezone.now()
    )
    present = {"document": sheet.desired_text, "etag": sheet.view.etag}
    context: dict[str, Any] = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "form": form or documents.DocumentForm(initial=present),
        "collision": collision,
        "refused": refused,
    }
    return render(request, "ops/twin.html", context, status=status)
