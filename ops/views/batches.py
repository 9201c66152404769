"""Asking many devices together, and how far that is."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commands.batch_types import BatchOrder, BatchPreview
from commands.services import batch_control, batching
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, sentence_of
from ops import batches as model
from ops import groupings, selectors
from ops.payload_forms import PayloadForm, show_payload_refusal

_DEEDS = {
    "pause": batch_control.pause_batch,
    "resume": batch_control.resume_batch,
    "cancel": batch_control.cancel_batch,
}


@require_safe
@signed_in
def batches(request: HttpRequest) -> HttpResponse:
    """What was asked of many devices together, newest first."""
    streams = selectors.streams(actor=request.actor)
    rows, page = model.batches_page(actor=request.actor, number=request.GET.get("page", ""))
    context = {"streams": json.dumps(streams), "batches": rows, "page": page}
    return render(request, "ops/batches.html", context)


@require_safe
@signed_in
def batch(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """How far a batch is, and what became of each device."""
    return _sheet(request, batch_id)


@require_POST
@signed_in
def pause(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Ask no further device for now."""
    return _control(request, batch_id, "pause")


@require_POST
@signed_in
def resume(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Go on asking."""
    return _control(request, batch_id, "resume")


@require_POST
@signed_in
def cancel(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Call a batch off, and take back what is open."""
    return _control(request, batch_id, "cancel")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def ask_group(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask what a group is to do; on POST tell what that would mean, or start it."""
    group = groupings.require_member_editor(actor=request.actor, uid=uid)
    kinds = model.kinds_for_group(actor=request.actor, uid=uid)
    wanted = request.POST.get("kind") or request.GET.get("kind", "")
    kind = next((kind for kind in kinds if kind.name == wanted), None)
    form = None if kind is None else PayloadForm(posted(request), kind=kind)
    pace = model.PaceForm(posted(request))
    preview, status = None, 200
    if request.method == "POST":
        status = 400
        if form is not None and form.is_valid() and pace.is_valid():
            order = BatchOrder(
                kind=form.kind.name,
                payload=form.payload(),
                target={"group": uid},
                **form.terms(),
                **pace.pace(),
            )
            is_preview = request.POST.get("do") == "preview"
            preview, made, status = asked(request, form, order, is_preview=is_preview)
            if made:
                return redirect("ops:batch", batch_id=made)
    context = {
        "group": group,
        "kinds": model.kind_choices(kinds),
        "kind": kind,
        "form": form,
        "pace": pace,
        "preview": preview,
    }
    return render(request, "ops/group_ask.html", context, status=status)


def asked(
    request: HttpRequest, form: PayloadForm, order: BatchOrder, *, is_preview: bool
) -> tuple[BatchPreview | None, str, int]:
    """What became of an order: a preview, or the batch that was made, or neither."""
    try:
        if is_preview:
            return batching.preview_batch(order=order, actor=request.actor), "", 200
        made = batching.create_batch(order=order, actor=request.actor, now=timezone.now())
    except errors.HomepotError as error:
        return None, "", show_payload_refusal(form, error)
    return None, made.id, 302


def _control(request: HttpRequest, batch_id: uuid.UUID, deed: str) -> HttpResponse:
    try:
        _DEEDS[deed](batch_uid=batch_id, actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        return _sheet(request, batch_id, refused=sentence_of(error), status=error.status)
    return redirect("ops:batch", batch_id=batch_id)


def _sheet(
    request: HttpRequest, batch_id: uuid.UUID, *, refused: str = "", status: int = 200
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    shown = request.GET.get("show", "")
    sheet = model.batch_sheet(
        actor=request.actor, uid=batch_id, shown=shown, number=request.GET.get("page", "")
    )
    context: dict[str, Any] = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "row": sheet.row,
        "batch": sheet.row.view,
        "shown": shown if shown in model.NARROWED else "",
        "refused": refused,
    }
    return render(request, "ops/batch.html", context, status=status)
