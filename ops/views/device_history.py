"""What happened to a device: everything in one story, and its part of the audit log."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kernel import errors
from kernel.pages.access import signed_in
from ops import device_records, device_timeline, selectors


@never_cache
@require_safe
@signed_in
def timeline(request: HttpRequest, uid: str) -> HttpResponse:
    """Everything that happened to a device, by day, newest first; the address narrows it."""
    streams = selectors.streams(actor=request.actor)
    form = device_timeline.StoryFilter(request.GET)
    try:
        story = device_timeline.story_of(
            actor=request.actor, uid=uid, form=form, query=request.GET, now=timezone.now()
        )
    except errors.ValidationFailed:
        # A cursor that nobody gave out: the newest entries answer better than a refusal.
        return redirect("ops:device-timeline", uid=uid)
    context = {
        "streams": json.dumps(streams),
        "story": story,
        "device": story.card,
        "form": form,
    }
    return render(
        request, "ops/device_timeline.html", context, status=200 if form.is_valid() else 400
    )


@never_cache
@require_safe
@signed_in
def audit(request: HttpRequest, uid: str) -> HttpResponse:
    """Who changed what about a device, with what stood there before and after."""
    streams = selectors.streams(actor=request.actor)
    form = device_records.RecordFilter(request.GET)
    records = device_records.records_of(
        actor=request.actor, found=request.signed_in, uid=uid, form=form, now=timezone.now()
    )
    context = {
        "streams": json.dumps(streams),
        "records": records,
        "device": records.card,
        "form": form,
    }
    return render(request, "ops/device_audit.html", context)
