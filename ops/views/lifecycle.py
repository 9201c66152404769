"""Unpairing, releasing and a new key: each a page that says what happens, then does it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from devices.services import releasing, rotation, unpairing
from kernel import errors
from kernel.pages.access import signed_in
from ops import lifecycle, selectors, wording


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def unpair(request: HttpRequest, uid: str) -> HttpResponse:
    """Say what unpairing does; on POST do it and open the archive. A second time changes nothing."""
    if request.method == "POST":
        ended = unpairing.unpair_device(device_uid=uid, actor=request.actor, now=timezone.now())
        return redirect("ops:device", uid=ended.uid)
    return _page(request, uid, "ops/unpair.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def release(request: HttpRequest, uid: str) -> HttpResponse:
    """Say what releasing does; on POST do it and show the next owner's claim code, this once."""
    if request.method != "POST":
        return _page(request, uid, "ops/release.html")
    try:
        released = releasing.release_device(device_uid=uid, actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        return _page(request, uid, "ops/release.html", refused=error)
    code = wording.grouped(released.claim_code)
    origin = f"{request.scheme}://{request.get_host()}"
    context: dict[str, Any] = {
        "code": code,
        "address": f"{origin}/claim?code={code}",
        "released": released,
    }
    return _page(request, released.archived.uid, "ops/released.html", **context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def rotate(request: HttpRequest, uid: str) -> HttpResponse:
    """Explain the two phases of a new key; on POST make it and show it, this once."""
    if request.method != "POST":
        return _page(request, uid, "ops/rotate.html", graces=lifecycle.GRACE_CHOICES)
    grace = lifecycle.grace_of(request.POST.get("grace", ""))
    try:
        rotated = rotation.rotate_token(
            device_uid=uid, **grace, actor=request.actor, now=timezone.now()
        )
    except errors.Conflict as error:
        return _page(request, uid, "ops/rotate.html", refused=error, graces=lifecycle.GRACE_CHOICES)
    return _page(request, rotated.device_uid, "ops/rotated.html", rotated=rotated)


def _page(
    request: HttpRequest,
    uid: str,
    template: str,
    *,
    refused: errors.HomepotError | None = None,
    **more: Any,
) -> HttpResponse:
    found = selectors.managed_device(actor=request.actor, uid=uid, now=timezone.now())
    context = {
        "device": found.card,
        "standing": found.standing,
        "refused": refused.message if refused else "",
        **more,
    }
    return render(request, template, context, status=refused.status if refused else 200)
