"""What was: the lives of one piece of hardware, and all lives that have ended."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from kernel.pages.access import signed_in
from ops import forms, selectors
from ops import lives as life_pages


@require_safe
@signed_in
def lives(request: HttpRequest, uid: str) -> HttpResponse:
    """Every life of the device's hardware that the viewer may see, newest first."""
    streams = selectors.streams(actor=request.actor)
    page = life_pages.lives_page(actor=request.actor, uid=uid, now=timezone.now())
    context = {"streams": json.dumps(streams), "page": page, "device": page.card}
    return render(request, "ops/lives.html", context)


@require_safe
@signed_in
def archive(request: HttpRequest) -> HttpResponse:
    """The lives that have ended, searched and filtered by the query string."""
    form = forms.ArchiveFilter(request.GET)
    chosen = form.chosen()
    streams = selectors.streams(actor=request.actor)
    page = life_pages.archive_page(actor=request.actor, chosen=chosen, now=timezone.now())
    context = {
        "streams": json.dumps(streams),
        "form": form,
        "chosen": chosen,
        "is_filtered": bool(chosen.keys() - {"after"}),
        "page": page,
    }
    return render(request, "ops/archive.html", context)
