"""Handing a device to another owner, and taking one over."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import selectors as accounts
from devices.services import transfers as service
from kernel import errors
from kernel.actors import Actor
from kernel.pages.access import signed_in
from ops import forms, handovers, selectors, wording


@require_safe
@signed_in
def transfers(request: HttpRequest) -> HttpResponse:
    """What is offered now, and what changed hands of late."""
    streams = selectors.streams(actor=request.actor)
    context = {
        "streams": json.dumps(streams),
        "handovers": handovers.handovers(actor=request.actor, now=timezone.now()),
        "may_accept": bool(handovers.receivers(actor=request.actor)),
    }
    return render(request, "ops/transfers.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def offer(request: HttpRequest, uid: str) -> HttpResponse:
    """Say what a transfer does; on POST offer the device and show the code, this once."""
    context: dict[str, Any] = {}
    template, status = "ops/transfer.html", 200
    if request.method == "POST":
        try:
            made = service.offer_transfer(device_uid=uid, actor=request.actor, now=timezone.now())
        except errors.Conflict as error:
            context, status = {"refused": error.message}, error.status
        else:
            template = "ops/transfer_offered.html"
            context = {"offer": made, "code": wording.grouped(made.code)}
    found = selectors.managed_device(actor=request.actor, uid=uid, now=timezone.now())
    context |= {"device": found.card, "standing": found.standing}
    return render(request, template, context, status=status)


@require_POST
@signed_in
def cancel(request: HttpRequest, uid: str) -> HttpResponse:
    """Take an offer back and show the open ones; one the other side accepted says so."""
    try:
        service.cancel_transfer(transfer_uid=uid, actor=request.actor, now=timezone.now())
    except errors.Conflict as error:
        context = {
            "streams": json.dumps(selectors.streams(actor=request.actor)),
            "handovers": handovers.handovers(actor=request.actor, now=timezone.now()),
            "refused": error.message,
        }
        return render(request, "ops/transfers.html", context, status=error.status)
    return redirect("ops:transfers")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def accept(request: HttpRequest) -> HttpResponse:
    """Ask for the code; on POST become the owner and show the device's new key, this once."""
    receivers = handovers.receivers(actor=request.actor)
    tenants = [(each.uid, each.name) for each in receivers] if len(receivers) > 1 else []
    given = request.POST if request.method == "POST" else None
    form = forms.AcceptForm(given, tenants=tenants)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                accepted = service.accept_transfer(
                    code=form.cleaned_data["code"],
                    site_id=form.cleaned_data["site"] or None,
                    actor=_within(request, form.cleaned_data["tenant"], receivers),
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = error.status
                _tell(form, error)
            else:
                return render(request, "ops/transfer_accepted.html", {"accepted": accepted})
    # A member who is limited to sites takes devices over for one of them.
    needs_site = bool(receivers) and all(each.needs_site for each in receivers)
    context = {
        "form": form,
        "receivers": receivers,
        "tenants": tenants,
        "needs_site": needs_site,
    }
    return render(request, "ops/transfer_accept.html", context, status=status)


def _within(request: HttpRequest, tenant_uid: str, receivers: list[handovers.Receiver]) -> Actor:
    """The viewer in the tenant they chose, or in the only one they take devices over for."""
    actor: Actor = request.actor
    if not tenant_uid and len(receivers) == 1 and len(actor.roles) > 1:
        tenant_uid = receivers[0].uid
    if tenant_uid:
        actor = accounts.narrowed(request.signed_in, tenant_uid).actor
    return actor


def _tell(form: forms.AcceptForm, error: errors.HomepotError) -> None:
    """Put a refusal beside the field it is about."""
    about = {name: said for name, said in error.details.items() if name in form.fields}
    for name, said in about.items():
        form.add_error(name, said)
    if not about:
        form.add_error(None, error.message)
