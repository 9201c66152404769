"""The log of a device's connections, and how connected a site was."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from kernel.pages.access import signed_in
from ops import absences, connectivity, places, selectors, spans
from ops.views.tenants import in_tenant


@require_safe
@signed_in
def connections(request: HttpRequest, uid: str) -> HttpResponse:
    """When a device was there in a span, and why it was not; of an archived one too."""
    now = timezone.now()
    streams = selectors.streams(actor=request.actor)
    span = spans.span_of(request.GET, now=now, usual="7d")
    sheet = absences.connections_sheet(actor=request.actor, uid=uid, span=span, now=now)
    context = {
        "streams": json.dumps(streams),
        "device": sheet.card,
        "sheet": sheet,
        "record": sheet.record,
        "span": sheet.span,
        "ranges": spans.CHOICES,
        "limit": connectivity.LINES_OF_LOG,
    }
    return render(request, "ops/connections.html", context)


@require_safe
@signed_in
@in_tenant
def site(request: HttpRequest, site_id: str) -> HttpResponse:
    """Uptime of a site's devices together, and the outages of the whole site."""
    found = places.place(actor=request.actor, site_id=site_id)
    record = connectivity.site_record(actor=request.actor, site_id=site_id, now=timezone.now())
    return render(request, "ops/site_connectivity.html", {"site": found.site, "record": record})
