"""What happened at home."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from household import diary
from household.views.pages import begin
from kernel.pages.access import signed_in

_FIRST_YEAR: Final = 2000


@require_safe
@signed_in
def activity(request: HttpRequest) -> HttpResponse:
    """What happened last, or before the time that the address names."""
    context = begin(request)
    until = _moment(request.GET.get("until", ""))
    page = diary.diary(actor=request.actor, now=timezone.now(), until=until)
    context |= {"page": page, "is_first": until is None}
    return render(request, "household/activity.html", context)


def _moment(text: str) -> datetime | None:
    """The time an address names, in UTC; None for what is none, or before anything happened."""
    try:
        found = parse_datetime(text)
        if found is None or timezone.is_naive(found):
            return None
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year >= _FIRST_YEAR else None
