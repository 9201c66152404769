"""Claiming a device by its code, as a page of its own: works without JavaScript."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import selectors as accounts
from devices.services import claiming
from kernel import errors
from kernel.actors import Actor
from kernel.pages.access import signed_in
from ops import forms, selectors


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def claim(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST claim the device for the viewer and open its page."""
    # A label's QR code leads here with its code.
    scanned = {"claim_code": request.GET.get("code", "")[:40]}
    tenants = selectors.tenant_choices(actor=request.actor)
    form = forms.ClaimForm(request.POST or None, initial=scanned, tenants=tenants)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                device = claiming.claim_device(
                    code=form.cleaned_data["claim_code"],
                    name=form.cleaned_data["name"],
                    actor=_within(request, form.cleaned_data["tenant"]),
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = error.status
                form.add_error(None, error.message)
            else:
                return redirect("ops:device", uid=device.uid)
    origin = f"{request.scheme}://{request.get_host()}"
    context = {"form": form, "tenants": tenants, "origin": origin}
    return render(request, "ops/claim.html", context, status=status)


def _within(request: HttpRequest, tenant_uid: str) -> Actor:
    actor: Actor = request.actor
    if tenant_uid:
        actor = accounts.narrowed(request.signed_in, tenant_uid).actor
    return actor
