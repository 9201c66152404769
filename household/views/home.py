"""The first page of the app, and what is a favourite on it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from devices import selectors as devices
from household import arrangement, homes
from household.views.pages import begin
from kernel.pages.access import signed_in


@require_safe
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Show favourites and rooms, or one room alone."""
    context = begin(request)
    found = homes.home(
        actor=request.actor, room=request.GET.get("room", "")[:60], now=timezone.now()
    )
    return render(request, "household/home.html", context | {"home": found})


@require_POST
@signed_in
def favourite(request: HttpRequest, uid: str) -> HttpResponse:
    """Make a device a favourite, or none any more, and go back to where it was asked."""
    found = devices.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
    arrangement.set_favourite(
        uid=found.uid,
        is_favourite=request.POST.get("favourite") == "yes" and found.is_active,
        actor=request.actor,
        now=timezone.now(),
    )
    if request.POST.get("back") == "home":
        return redirect("household:home")
    return redirect("household:device", uid=found.uid)
