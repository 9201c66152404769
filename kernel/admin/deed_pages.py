"""The page between choosing a deed and its being done, and the page of what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from kernel import errors
from kernel.actors import Actor
from kernel.admin import deeds, scope

if TYPE_CHECKING:
    from kernel.admin.base import ReadOnlyAdmin

# The last step of a form does the deed; those before it ask for what it needs.
LAST_STEP: Final = "do"
_NAMED: Final = 12


def show_chosen(
    model_admin: ReadOnlyAdmin, request: HttpRequest, deed: deeds.Deed, queryset: Any
) -> HttpResponse | None:
    """The page for rows that were chosen in a list; none where there are too many of them."""
    rows = list(queryset[: deed.most + 1])
    if len(rows) > deed.most:
        said = f"{deed.label}: at most {deed.most} rows at once. Choose fewer."
        model_admin.message_user(request, said, messages.WARNING)
        return None
    return show(model_admin, request, deed, rows)


def show(
    model_admin: ReadOnlyAdmin,
    request: HttpRequest,
    deed: deeds.Deed,
    rows: Sequence[Any],
    *,
    object_id: str = "",
) -> HttpResponse:
    """Ask for what the deed needs; once that is there, do it."""
    actor = scope.actor_of(request)
    fitting = [row for row in rows if deed.applies(row)]
    step = request.POST.get("step", "") if request.method == "POST" else ""
    form = deed.make_form(fitting, _asking(actor, fitting), request.POST if step else None, step)
    status = 200
    if step and form.is_bound and fitting and actor is not None:
        if form.is_valid() and getattr(form, "step", LAST_STEP) == LAST_STEP:
            return _do(model_admin, request, deed, fitting, form, actor, object_id)
        status = 400
    context = {
        **model_admin.admin_site.each_context(request),
        "title": deed.label,
        "deed": deed,
        "form": form,
        "step": getattr(form, "step", LAST_STEP),
        "rows": fitting[:_NAMED],
        "more": max(0, len(fitting) - _NAMED),
        "count": len(fitting),
        "left_out": [str(row) for row in rows if not deed.applies(row)][:_NAMED],
        "keys": [] if object_id else [str(row.pk) for row in fitting],
        "key_name": ACTION_CHECKBOX_NAME,
        "back": _back(model_admin, object_id),
        "opts": model_admin.opts,
        "called": model_admin.called,
    }
    return TemplateResponse(request, "admin/deed.html", context, status=status)


def _do(
    model_admin: ReadOnlyAdmin,
    request: HttpRequest,
    deed: deeds.Deed,
    rows: Sequence[Any],
    form: forms.Form,
    actor: Actor,
    object_id: str,
) -> HttpResponse:
    try:
        outcome = deeds.carry_out(deed, rows=rows, form=form, actor=actor, now=timezone.now())
    except errors.HomepotError as error:
        outcome = deeds.Done(refused=[deeds.sentence(error)])
    back = _back(model_admin, object_id)
    if outcome.shown_once or len(outcome.done) + len(outcome.refused) > 1:
        context = {
            **model_admin.admin_site.each_context(request),
            "title": deed.label,
            "deed": deed,
            "outcome": outcome,
            "back": back,
            "opts": model_admin.opts,
            "called": model_admin.called,
        }
        # Nothing but a refusal is told by its status too.
        status = 200 if outcome.done or outcome.shown_once else 409
        response = TemplateResponse(request, "admin/deed_done.html", context, status=status)
        add_never_cache_headers(response)
        return response
    for said in outcome.done:
        model_admin.message_user(request, said, messages.SUCCESS)
    for said in outcome.refused:
        model_admin.message_user(request, said, messages.ERROR)
    return HttpResponseRedirect(back)


def _asking(actor: Actor | None, rows: Sequence[Any]) -> Actor:
    """Who asks, in the tenant of the rows where they are of one."""
    if actor is None:
        return Actor.system("admin.nobody")
    tenants = set(scope.by_tenant(rows))
    return scope.acting_in(actor, tenants.pop()) if len(tenants) == 1 else actor


def _back(model_admin: ReadOnlyAdmin, object_id: str) -> str:
    opts = model_admin.opts
    if object_id:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=(object_id,))
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
