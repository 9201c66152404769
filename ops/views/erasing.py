"""Removing the personal data of a life that has ended."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from devices.services import erasing
from kernel import errors
from kernel.pages.access import signed_in
from ops import selectors


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def erase(request: HttpRequest, uid: str) -> HttpResponse:
    """Say what is removed and what stays, on POST ask for it; then the report of it."""
    refused: errors.HomepotError | None = None
    if request.method == "POST":
        try:
            erasing.request_erasure(device_uid=uid, actor=request.actor, now=timezone.now())
        except errors.Conflict as error:
            refused = error
        else:
            return redirect("ops:device-erase", uid=uid)
    streams = selectors.streams(actor=request.actor)
    found = selectors.managed_device(actor=request.actor, uid=uid, now=timezone.now())
    context = {
        "streams": json.dumps(streams),
        "device": found.card,
        "standing": found.standing,
        "erasure": found.standing.erasure,
        "refused": refused.message if refused else "",
    }
    return render(request, "ops/erase.html", context, status=refused.status if refused else 200)
