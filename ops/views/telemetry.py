"""What one device measured: charts over a span, and the readings as they came."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kernel.pages.access import signed_in
from ops import measurements, raw_readings, selectors, spans

_MAX_SEARCH = 64


@require_safe
@never_cache
@signed_in
def telemetry(request: HttpRequest, uid: str) -> HttpResponse:
    """Every metric and sensor of a device over the span in the address."""
    now = timezone.now()
    streams = selectors.streams(actor=request.actor)
    sheet = measurements.telemetry_sheet(
        actor=request.actor,
        uid=uid,
        span=spans.span_of(request.GET, now=now),
        search=request.GET.get("q", "").strip()[:_MAX_SEARCH],
        compare=request.GET.getlist("compare"),
        now=now,
    )
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "span": sheet.span,
        "ranges": spans.CHOICES,
    }
    return render(request, "ops/device_telemetry.html", context)


@require_safe
@never_cache
@signed_in
def raw(request: HttpRequest, uid: str) -> HttpResponse:
    """The readings of a device as they came, the newest first."""
    now = timezone.now()
    streams = selectors.streams(actor=request.actor)
    sheet = raw_readings.raw_sheet(
        actor=request.actor,
        uid=uid,
        metric=request.GET.get("metric", "").strip(),
        span=spans.span_of(request.GET, now=now),
        before=request.GET.get("before", ""),
        now=now,
    )
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "span": sheet.span,
        "ranges": spans.CHOICES,
        "as_json": request.GET.get("as") == "json",
    }
    return render(request, "ops/device_readings.html", context)
