"""The first page behind the login: the viewer's devices."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from groups.errors import InvalidQuery
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import forms, selectors


@require_safe
@signed_in
def devices(request: HttpRequest) -> HttpResponse:
    """Devices by name, searched and filtered by the query string."""
    form = forms.DeviceFilter(request.GET)
    chosen = form.chosen()
    streams = selectors.streams(actor=request.actor)
    page, problem = selectors.DevicePage(cards=(), next_after=None), ""
    try:
        page = selectors.device_page(actor=request.actor, chosen=chosen, now=timezone.now())
    except InvalidQuery as error:
        problem = sentence_of(error)
    return render(
        request,
        "ops/devices.html",
        {
            "streams": json.dumps(streams),
            "form": form,
            "chosen": chosen,
            "is_filtered": bool(chosen.keys() - {"after"}),
            "page": page,
            "problem": problem,
            "tenants": selectors.tenant_choices(actor=request.actor),
            "counts": selectors.counts(actor=request.actor, simulated=chosen.get("simulated", "")),
            "origin": f"{request.scheme}://{request.get_host()}",
        },
        status=400 if problem else 200,
    )
