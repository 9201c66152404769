"""Claiming a device by its code, as a page of its own: works without JavaScript."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from devices.services import claiming
from kernel import errors
from ops import forms
from ops.views.access import signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def claim(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST claim the device for the viewer and open its page."""
    form = forms.ClaimForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                device = claiming.claim_device(
                    code=form.cleaned_data["claim_code"],
                    name=form.cleaned_data["name"],
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = error.status
                form.add_error(None, error.message)
            else:
                return redirect("ops:device", uid=device.uid)
    origin = f"{request.scheme}://{request.get_host()}"
    return render(request, "ops/claim.html", {"form": form, "origin": origin}, status=status)
