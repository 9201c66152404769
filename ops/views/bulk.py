"""What is done to many devices of the list: chosen, foreseen, done."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commands.batch_types import BatchOrder
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, sentence_of, show_refusal
from ops import batches, bulk, bulk_forms
from ops.payload_forms import PayloadForm
from ops.views.batches import asked

_DEEDS = {name: title for name, title, _ in bulk_forms.DEEDS}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def devices(request: HttpRequest) -> HttpResponse:
    """Ask what to do with the chosen devices; on POST tell what that would mean, or do it."""
    given = request.POST if request.method == "POST" else request.GET
    wanted = given.get("do", "")
    context: dict[str, Any] = {
        "deeds": bulk_forms.DEEDS,
        "do": wanted if wanted in _DEEDS else "",
        "title": _DEEDS.get(wanted, "Choose what to do"),
        "selection": bulk.selection_of(given),
    }
    try:
        context["chosen"] = bulk.chosen(selection=context["selection"], actor=request.actor)
    except (errors.NotFound, errors.PermissionDenied):
        raise
    except errors.HomepotError as error:
        return _page(request, context | {"refused": sentence_of(error)}, error.status)
    if not context["chosen"].total or not context["do"]:
        return _page(request, context)
    show = _command if context["do"] == "command" else _deed
    return show(request, context)


def _deed(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """A deed of ours: foreseen on the first press, done on the second."""
    form = _form(request, context["do"])
    context["form"] = form
    if request.method != "POST" or not form.is_valid():
        return _page(request, context, 400 if request.method == "POST" else 200)
    selection, actor = context["selection"], request.actor
    try:
        if request.POST.get("step") != "apply":
            context["outlook"] = bulk.foresee(deed=form.deed(), selection=selection, actor=actor)
        else:
            context["done"] = bulk.carry_out(
                deed=form.deed(),
                selection=selection,
                after=_number(request.POST.get("after", "")),
                actor=actor,
                now=timezone.now(),
            )
    except errors.HomepotError as error:
        return _page(request, context, show_refusal(form, error))
    return _page(request, context)


def _form(request: HttpRequest, deed: str) -> Any:
    if deed == "group":
        return bulk_forms.GroupForm(posted(request), groups=bulk.static_groups(actor=request.actor))
    if deed == "site":
        return bulk_forms.SiteForm(posted(request), sites=bulk.sites(actor=request.actor))
    made = bulk_forms.TagsForm if deed == "tags" else bulk_forms.UnpairForm
    return made(posted(request))


def _command(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """A command: it becomes a batch, which has a page of its own."""
    given = request.POST if request.method == "POST" else request.GET
    if len(context["chosen"].tenant_ids) != 1:
        told = "Ask devices of one organisation at a time. Choose one at the top of the sidebar."
        return _page(request, context | {"refused": told}, 400)
    (tenant_id,) = context["chosen"].tenant_ids
    kinds = batches.kinds_in(actor=request.actor, tenant_id=tenant_id)
    kind = next((kind for kind in kinds if kind.name == given.get("kind", "")), None)
    form = None if kind is None else PayloadForm(posted(request), kind=kind)
    pace = batches.PaceForm(posted(request))
    context |= {"kinds": batches.kind_choices(kinds), "kind": kind, "form": form, "pace": pace}
    status = 200
    if request.method == "POST":
        status = 400
        if form is not None and form.is_valid() and pace.is_valid():
            order = BatchOrder(
                kind=form.kind.name,
                payload=form.payload(),
                target=context["selection"].target,
                **form.terms(),
                **pace.pace(),
            )
            is_preview = request.POST.get("do_what") != "send"
            preview, made, status = asked(request, form, order, is_preview=is_preview)
            if made:
                return redirect("ops:batch", batch_id=made)
            context["preview"] = preview
    return _page(request, context, status)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, "ops/bulk.html", context, status=status)
