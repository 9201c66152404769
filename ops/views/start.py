"""Where somebody lands who asks for the product and for no page of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from kernel.pages.access import signed_in
from ops import faces


@require_safe
@signed_in
def start(request: HttpRequest) -> HttpResponse:
    """Send the viewer to the face of the product they have chosen."""
    return redirect(faces.start_page(actor=request.actor))
