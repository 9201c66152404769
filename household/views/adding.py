"""The setup of a new device, step by step; the address says the step, so a reload loses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import selectors as accounts
from devices.services import claiming
from household import arrangement, families, forms, sheets
from household.views.device import put_in_room, rename
from household.views.pages import begin
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal


@require_safe
def scanned(request: HttpRequest) -> HttpResponse:
    """Where the QR code of a label leads: to the step that takes its code."""
    code = request.GET.get("code", "")[:40]
    return redirect(f"{reverse('household:add')}?{urlencode({'step': 'code', 'code': code})}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def add(request: HttpRequest) -> HttpResponse:
    """Power, then the code; on POST pair the device and go on with its name."""
    homes = families.homes_to_add_to(request.signed_in, request.actor)
    typed = {"claim_code": request.GET.get("code", "")[:40]}
    form = forms.CodeForm(posted(request), initial=typed, homes=homes)
    status, refused = 200, None
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return _paired(request, form.cleaned_data)
            except errors.PermissionDenied:
                raise
            except errors.HomepotError as error:
                status, refused = error.status, error
    context = begin(request) | {
        "form": form,
        "homes": homes,
        "may_add": bool(homes),
        "refused": refused,
        "code_life": timedelta(hours=settings.CLAIM_CODE_HOURS),
        "step": "code" if request.method == "POST" else request.GET.get("step", "power"),
    }
    return render(request, "household/add.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def name(request: HttpRequest, uid: str) -> HttpResponse:
    """What it is called; on POST call it so and go on with its room."""
    form = forms.NameForm(posted(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                rename(uid=uid, name=form.cleaned_data["name"], actor=request.actor)
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return _next(request, uid, "room")
    return _step(request, uid, "name", status=status, form=form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def room(request: HttpRequest, uid: str) -> HttpResponse:
    """Where it stands; on POST put it there and go on with the test."""
    form = forms.RoomForm(posted(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                put_in_room(uid=uid, room=form.chosen(), actor=request.actor)
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return _next(request, uid, "test")
    return _step(request, uid, "room", status=status, form=form)


@never_cache
@require_safe
@signed_in
def test(request: HttpRequest, uid: str) -> HttpResponse:
    """Its switches, to see that they do what they say."""
    return _step(request, uid, "test")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def done(request: HttpRequest, uid: str) -> HttpResponse:
    """On POST the setup is finished; the page says what can be done next."""
    if request.method == "POST":
        found = sheets.managed_sheet(
            actor=request.actor, uid=uid, now=timezone.now(), least="operator"
        )
        arrangement.set_setup(uid=found.tile.uid, step="", actor=request.actor, now=timezone.now())
        return redirect("household:setup-done", uid=found.tile.uid)
    return _step(request, uid, "done")


@require_POST
@signed_in
def leave(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask no more about a setup that was left; the device stays as it is."""
    found = sheets.sheet(actor=request.actor, uid=uid, now=timezone.now())
    arrangement.set_setup(uid=found.tile.uid, step="", actor=request.actor, now=timezone.now())
    return redirect("household:home")


def _paired(request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    if given["home"]:
        actor = accounts.narrowed(request.signed_in, given["home"]).actor  # type: ignore[attr-defined]
    device = claiming.claim_device(code=given["claim_code"], actor=actor, now=timezone.now())
    return _next(request, device.uid, "name")


def _next(request: HttpRequest, uid: str, step: str) -> HttpResponse:
    arrangement.set_setup(uid=uid, step=step, actor=request.actor, now=timezone.now())  # type: ignore[attr-defined]
    return redirect(f"household:setup-{step}", uid=uid)


def _step(
    request: HttpRequest, uid: str, step: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = begin(request)
    found = sheets.managed_sheet(
        actor=request.actor,  # type: ignore[attr-defined]
        uid=uid,
        now=timezone.now(),
        least="operator",
    )
    if found.tile.is_archived:
        return redirect("household:device", uid=found.tile.uid)
    context |= {"sheet": found, "step": step} | more
    return render(request, f"household/setup_{step}.html", context, status=status)
