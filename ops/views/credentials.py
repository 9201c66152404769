"""The keys of a device: which there are, which is used, and what became of the former ones."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kernel.pages.access import signed_in
from ops import device_keys, selectors


@never_cache
@require_safe
@signed_in
def credentials(request: HttpRequest, uid: str) -> HttpResponse:
    """The keys of a device and who still uses the old one; never a key itself."""
    streams = selectors.streams(actor=request.actor)
    page = device_keys.keys_page(actor=request.actor, uid=uid, now=timezone.now())
    context = {"streams": json.dumps(streams), "page": page, "device": page.card}
    return render(request, "ops/device_credentials.html", context)
