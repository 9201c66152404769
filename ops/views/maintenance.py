"""Maintenance windows: the list, announcing one, ending one, taking one back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.services import maintenance as service
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import maintenance, selectors
from ops.views.tenants import in_tenant

_TYPED = "%Y-%m-%dT%H:%M"
_USUAL = timedelta(hours=1)


@require_safe
@signed_in
@in_tenant
def windows(request: HttpRequest) -> HttpResponse:
    """The windows of the viewer's tenants: what comes, what goes on, what is over."""
    return _list(request)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def new_window(request: HttpRequest) -> HttpResponse:
    """Ask for whom and when; on POST announce it and show the list."""
    reach = maintenance.reach_of(actor=request.actor)
    device = request.POST.get("device") or request.GET.get("device", "")
    subject = maintenance.subject_of(actor=request.actor, device_uid=device) if device else ""
    now = timezone.now()
    asked = {
        "site": request.GET.get("site", ""),
        "device": device,
        "starts_at": f"{now:{_TYPED}}",
        "ends_at": f"{now + _USUAL:{_TYPED}}",
        "zone": "UTC",
    }
    everywhere = [("", "Everything")] if reach.is_everywhere or device else []
    sites = [*everywhere, *reach.sites]
    form = maintenance.WindowForm(posted(request), initial=asked, sites=sites)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                service.create_window(**form.window(), actor=request.actor, now=now)
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return redirect("ops:maintenance")
    context = {"form": form, "subject": subject, "longest_days": maintenance.LONGEST_DAYS}
    return render(request, "ops/new_maintenance.html", context, status=status)


@require_POST
@signed_in
def end_window(request: HttpRequest, uid: str) -> HttpResponse:
    """Let a window that goes on end now."""
    now = timezone.now()
    return _changed(
        request,
        lambda: service.update_window(
            window_uid=uid, changes={"ends_at": now}, actor=request.actor, now=now
        ),
    )


@require_POST
@signed_in
def remove_window(request: HttpRequest, uid: str) -> HttpResponse:
    """Take a window back, as if it had never been agreed."""
    return _changed(
        request,
        lambda: service.delete_window(window_uid=uid, actor=request.actor, now=timezone.now()),
    )


def _changed(request: HttpRequest, change: Callable[[], object]) -> HttpResponse:
    try:
        change()
    except errors.ValidationFailed as error:
        return _list(request, refused="This window has not begun yet.", status=error.status)
    return redirect("ops:maintenance")


def _list(request: HttpRequest, *, refused: str = "", status: int = 200) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    rows, page = maintenance.windows_page(
        actor=request.actor, number=request.GET.get("page", ""), now=timezone.now()
    )
    context = {
        "streams": json.dumps(streams),
        "windows": rows,
        "page": page,
        "refused": refused,
        "has_owners": len(request.actor.roles) > 1,
        "may_announce": maintenance.is_operator_somewhere(request.actor),
    }
    return render(request, "ops/maintenance.html", context, status=status)
