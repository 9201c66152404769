"""The device list and what a viewer arranges of it: columns and saved views."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from groups.errors import InvalidQuery, QueryTooSlow
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import bulk_forms, device_columns, device_list, device_views, forms, selectors

# Counting more takes longer than all the rest of the page.
_COUNTED_AT_ONCE: Final = 5_000


@require_safe
@signed_in
def devices(request: HttpRequest) -> HttpResponse:
    """Devices in the order, with the columns and as far as the query string says."""
    if request.GET.get("counts") == "only":
        return _counts(request)
    return _list(request)


@require_POST
@signed_in
def columns(request: HttpRequest) -> HttpResponse:
    """Show these columns from now on."""
    device_views.keep_columns(
        names=request.POST.getlist("column"), actor=request.actor, now=timezone.now()
    )
    # The address would otherwise still say which columns to show.
    return redirect(_address(request.POST.get("query", ""), without="columns"))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def views(request: HttpRequest) -> HttpResponse:
    """The saved views, to be renamed, pinned and removed; on POST save one."""
    if request.method != "POST":
        return _views(request)
    query = request.POST.get("query", "")
    try:
        view = device_views.save_view(
            name=request.POST.get("name", ""),
            query=query,
            is_pinned=bool(request.POST.get("pinned")),
            actor=request.actor,
            now=timezone.now(),
        )
    except errors.ValidationFailed as error:
        return _views(request, refused=sentence_of(error), status=error.status)
    return redirect(f"{reverse('ops:devices')}?{view.query}")


@require_POST
@signed_in
def view(request: HttpRequest) -> HttpResponse:
    """Rename a view, pin it, or remove it."""
    slug, now = request.POST.get("slug", ""), timezone.now()
    try:
        if request.POST.get("do") == "remove":
            device_views.remove_view(slug=slug, actor=request.actor, now=now)
        else:
            device_views.change_view(
                slug=slug,
                name=request.POST.get("name", ""),
                is_pinned=bool(request.POST.get("pinned")),
                actor=request.actor,
                now=now,
            )
    except errors.ValidationFailed as error:
        return _views(request, refused=sentence_of(error), status=error.status)
    return redirect("ops:device-views")


def _list(request: HttpRequest) -> HttpResponse:
    actor, now = request.actor, timezone.now()
    form = forms.DeviceFilter(request.GET)
    chosen = form.chosen()
    streams = selectors.streams(actor=actor)
    state = device_views.state_of(actor=actor).shown_at(request.GET.urlencode())
    names = [name for name in request.GET.get("columns", "").split(",") if name] or state.columns
    page, problem, status = device_list.DevicePage(), "", 200
    try:
        page = device_list.device_page(actor=actor, chosen=chosen, columns=names, now=now)
    except (InvalidQuery, QueryTooSlow) as error:
        problem, status = sentence_of(error), 400
    choice = forms.filter_of(chosen)
    context: dict[str, Any] = {
        "streams": json.dumps(streams),
        "form": form,
        "chosen": chosen,
        "choice": choice,
        "is_filtered": bool(choice),
        "page": page,
        "problem": problem,
        "state": state,
        "here": device_views.normal(request.GET.urlencode()),
        "choosable": device_columns.CHOOSABLE,
        "shown": {column.name for column in page.columns},
        "deeds": bulk_forms.DEEDS,
        "tenants": selectors.tenant_choices(actor=actor),
        **_figures(request, chosen, is_whole=not (choice or page.before or page.after)),
        "origin": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "ops/devices.html", context, status=status)


def _counts(request: HttpRequest) -> HttpResponse:
    """Only what the page has left out: how many devices there are."""
    # The tabs lead to pages, not to their figures.
    parameters = request.GET.copy()
    del parameters["counts"]
    request.GET = parameters  # type: ignore[assignment]
    chosen = forms.DeviceFilter(request.GET).chosen()
    counts = selectors.counts(actor=request.actor, simulated=chosen.get("simulated", ""))
    context = {"counts": counts, "chosen": chosen, "is_large": True}
    return render(request, "ops/device_counts.html", context)


def _figures(request: HttpRequest, chosen: Mapping[str, str], *, is_whole: bool) -> dict[str, Any]:
    """The counts above the list; of a large fleet where its script, or who has none, asks for them.

    `is_whole` says that all there are stand on the page.
    """
    is_large = not is_whole and selectors.has_more_than(_COUNTED_AT_ONCE, actor=request.actor)
    if is_large and request.GET.get("counts") != "with":
        return {
            "is_large": True,
            "uncounted": f"{_COUNTED_AT_ONCE:,}",
            "later": _with(request, counts="only"),
            "counted": _with(request, counts="with"),
        }
    counts = selectors.counts(actor=request.actor, simulated=chosen.get("simulated", ""))
    return {"is_large": is_large, "counts": counts}


def _with(request: HttpRequest, **changes: str) -> str:
    parameters = request.GET.copy()
    for name, value in changes.items():
        parameters[name] = value
    return f"?{parameters.urlencode()}"


def _views(request: HttpRequest, *, refused: str = "", status: int = 200) -> HttpResponse:
    context = {"state": device_views.state_of(actor=request.actor), "refused": refused}
    return render(request, "ops/device_views.html", context, status=status)


def _address(query: str, *, without: str) -> str:
    kept = [
        part
        for part in device_views.normal(query).split("&")
        if part and not part.startswith(f"{without}=")
    ]
    return f"{reverse('ops:devices')}?{'&'.join(kept)}" if kept else reverse("ops:devices")
