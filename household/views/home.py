"""The first page of the app."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from kernel.pages.access import signed_in


@require_safe
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Show the devices."""
    return redirect("ops:devices")
