"""What happened at home."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from household import diary
from household.views.pages import begin
from kernel.pages.access import signed_in


@require_safe
@signed_in
def activity(request: HttpRequest) -> HttpResponse:
    """What happened last, or before the time that the address names."""
    context = begin(request)
    try:
        until = parse_datetime(request.GET.get("until", ""))
    except ValueError:
        until = None
    if until is not None and timezone.is_naive(until):
        until = None
    page = diary.diary(actor=request.actor, now=timezone.now(), until=until)
    context |= {"page": page, "is_first": until is None}
    return render(request, "household/activity.html", context)
