"""The page of one device."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from devices.services import tagging
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import device_overview, selectors, twins


@require_safe
@signed_in
def device(request: HttpRequest, uid: str) -> HttpResponse:
    """Who the device is, its relays and metrics, and what happened last."""
    return _sheet(request, uid)


@require_POST
@signed_in
def tags(request: HttpRequest, uid: str) -> HttpResponse:
    """Give the device these tags and no others."""
    twins.require_editor(actor=request.actor, uid=uid)
    typed = request.POST.get("tags", "")
    wanted = [tag.strip() for tag in typed.split(",") if tag.strip()]
    try:
        tagging.change_tags_of(
            device_uid=uid,
            edit=tagging.TagEdit(only=wanted),
            actor=request.actor,
            now=timezone.now(),
        )
    except (errors.ValidationFailed, errors.Conflict) as error:
        return _sheet(request, uid, typed=typed, refused=sentence_of(error), status=error.status)
    return redirect("ops:device", uid=uid)


def _sheet(
    request: HttpRequest, uid: str, *, typed: str = "", refused: str = "", status: int = 200
) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    now = timezone.now()
    sheet = selectors.device_sheet(actor=request.actor, uid=uid, now=now)
    context = {
        "streams": json.dumps(streams),
        "sheet": sheet,
        "device": sheet.card,
        "insight": device_overview.insight_of(actor=request.actor, sheet=sheet, now=now),
        "ended_deeds": device_overview.ENDED_DEEDS,
        "tags_typed": typed or ", ".join(sheet.card.tags),
        "tags_refused": refused,
    }
    return render(request, "ops/device.html", context, status=status)
