"""The page of one device."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ops import selectors
from ops.views.access import signed_in


@require_safe
@signed_in
def device(request: HttpRequest, uid: str) -> HttpResponse:
    """Who the device is, its relays and metrics, and what happened last."""
    streams = selectors.streams(actor=request.actor)
    sheet = selectors.device_sheet(actor=request.actor, uid=uid, now=timezone.now())
    context = {"streams": json.dumps(streams), "sheet": sheet, "device": sheet.card}
    return render(request, "ops/device.html", context)
