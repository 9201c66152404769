"""The first page of the console, and the simulated fleet that makes an empty one alive."""

from __future__ import annotations

import json

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from fleet.choices import Need
from fleet.services import simulated
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import sentence_of
from ops import overview as sheets
from ops import selectors
from ops.views.tenants import in_tenant


class AskedForm(forms.Form):
    """What the address may ask for; what it asks wrongly is as if it had not."""

    range = forms.ChoiceField(choices=list(sheets.RANGES.items()), required=False)
    need = forms.ChoiceField(choices=Need.choices, required=False)
    all = forms.BooleanField(required=False)

    def asked(self) -> sheets.Asked:
        """What is asked for."""
        self.is_valid()
        given = self.cleaned_data
        return sheets.Asked(
            range=given.get("range") or "24h",
            need=given.get("need") or "",
            is_whole=given.get("all", False),
        )


@require_safe
@signed_in
@in_tenant
def overview(request: HttpRequest) -> HttpResponse:
    """The fleet in numbers, what needs somebody, and how it has been."""
    return _page(request)


@require_POST
@signed_in
@in_tenant
def start_simulated(request: HttpRequest) -> HttpResponse:
    """Have a simulated fleet run for the tenant."""
    try:
        simulated.start_fleet(actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        return _page(request, problem=sentence_of(error), status=error.status)
    return redirect("ops:overview")


@require_POST
@signed_in
@in_tenant
def remove_simulated(request: HttpRequest) -> HttpResponse:
    """Stop the tenant's simulated fleet and unpair its devices."""
    try:
        simulated.remove_fleet(actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        return _page(request, problem=sentence_of(error), status=error.status)
    return redirect("ops:overview")


def _page(request: HttpRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    streams = selectors.streams(actor=request.actor)
    asked = AskedForm(request.GET).asked()
    context = {
        "streams": json.dumps(streams),
        "asked": asked,
        "ranges": sheets.RANGES,
        "sheet": sheets.sheet(actor=request.actor, asked=asked, now=timezone.now()),
        "simulated_devices": simulated.DEVICES,
        "origin": f"{request.scheme}://{request.get_host()}",
        "problem": problem,
    }
    return render(request, "ops/overview.html", context, status=status)
