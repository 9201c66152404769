"""Provisioning keys: the list, making one, and ending one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.services import provisioning_keys as service
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import key_sheets, places, site_forms
from ops.views.tenants import in_tenant


@require_safe
@signed_in
@in_tenant
def keys(request: HttpRequest) -> HttpResponse:
    """The keys of the viewer's tenants with how often each was used."""
    rows, page = places.keys_page(
        actor=request.actor, number=request.GET.get("page", ""), now=timezone.now()
    )
    context = {"keys": rows, "page": page, "has_owners": len(request.actor.roles) > 1}
    return render(request, "ops/keys.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def new_key(request: HttpRequest) -> HttpResponse:
    """Ask what the key is for; on POST make it and show it, this once."""
    sites = places.sites_to_choose(actor=request.actor)
    asked = {"site": request.GET.get("site", ""), "max_devices": 10, "days": 7}
    form = site_forms.KeyForm(posted(request), initial=asked, sites=sites)
    status, now = 200, timezone.now()
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = service.create_key(**form.wanted(now), actor=request.actor, now=now)
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                origin = f"{request.scheme}://{request.get_host()}"
                context = {"made": made, "origin": origin}
                return render(request, "ops/key_made.html", context)
    return render(request, "ops/new_key.html", {"form": form}, status=status)


@require_safe
@signed_in
def key(request: HttpRequest, uid: str) -> HttpResponse:
    """One key: what it is good for, and which devices came in with it."""
    sheet = key_sheets.key_sheet(actor=request.actor, uid=uid, now=timezone.now())
    return render(request, "ops/key.html", {"sheet": sheet, "key": sheet.key})


@require_POST
@signed_in
def revoke_key(request: HttpRequest, uid: str) -> HttpResponse:
    """Let no more devices in with the key; again changes nothing."""
    service.revoke_key(key_uid=uid, actor=request.actor, now=timezone.now())
    return redirect("ops:keys")
