"""Sites: the list, one of them with its devices, making, changing, removing, registering there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from devices.services import site_registration, site_removal
from devices.services import sites as service
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import device_list, places, selectors, site_forms
from ops.views.tenants import in_tenant


@require_safe
@signed_in
@in_tenant
def sites(request: HttpRequest) -> HttpResponse:
    """Sites by name, with how many devices stand there and are online."""
    streams = selectors.streams(actor=request.actor)
    views, page = places.sites_page(actor=request.actor, number=request.GET.get("page", ""))
    context = {
        "streams": json.dumps(streams),
        "sites": views,
        "page": page,
        "board": places.maps_of_sites(actor=request.actor, now=timezone.now())
        if page.number == 1
        else None,
        "has_owners": len(request.actor.roles) > 1,
        "may_manage": places.is_manager_somewhere(request.actor),
    }
    return render(request, "ops/sites.html", context)


@require_safe
@signed_in
@in_tenant
def site(request: HttpRequest, site_id: str) -> HttpResponse:
    """One site with its devices."""
    streams = selectors.streams(actor=request.actor)
    found = places.place(actor=request.actor, site_id=site_id)
    now = timezone.now()
    context = {
        "streams": json.dumps(streams),
        "place": found,
        "site": found.site,
        "page": device_list.device_page(
            actor=request.actor, chosen={"site": site_id}, columns=(), now=now
        ),
        "map": places.map_of(found),
        "periods": places.uptime_at(actor=request.actor, place=found, now=now),
        "outages": places.outages_at(actor=request.actor, site_id=site_id, now=now),
    }
    return render(request, "ops/site.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def new_site(request: HttpRequest) -> HttpResponse:
    """Ask for the facts; on POST make the site and open its page."""
    # Asked first, so that nobody fills in a form in vain.
    places.sites_to_choose(actor=request.actor)
    form = site_forms.NewSiteForm(posted(request), initial={"time_zone": "UTC"})
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = service.create_site(
                    given=form.site(), actor=request.actor, now=timezone.now()
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return _to_site(request, made.site_id)
    return render(request, "ops/site_form.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def edit_site(request: HttpRequest, site_id: str) -> HttpResponse:
    """Show the facts; on POST change them and open the site's page."""
    found = places.managed_place(actor=request.actor, site_id=site_id)
    names = ("name", "address", "time_zone", "latitude", "longitude")
    known = {name: getattr(found.site, name) for name in names}
    form = site_forms.SiteForm(posted(request), initial=known)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                service.update_site(
                    site_id=site_id,
                    changes=form.changes(),
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return _to_site(request, site_id)
    context = {"form": form, "site": found.site}
    return render(request, "ops/site_form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def remove_site(request: HttpRequest, site_id: str) -> HttpResponse:
    """Say what stands there and ask what becomes of it; on POST remove the site."""
    found = places.managed_place(actor=request.actor, site_id=site_id)
    form = site_forms.RemoveSiteForm(posted(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                service_call = form.departure()
                site_removal.remove_site(
                    site_id=site_id, **service_call, actor=request.actor, now=timezone.now()
                )
            except errors.HomepotError as error:
                status = _told(form, error)
            else:
                return redirect(f"{reverse('ops:sites')}{_query(request)}")
    rest = places.others(actor=request.actor, place=found)
    context = {"form": form, "site": found.site, "others": rest}
    return render(request, "ops/remove_site.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def register_device(request: HttpRequest, site_id: str) -> HttpResponse:
    """Ask what the device is; on POST register it and show its key, this once."""
    found = places.managed_place(actor=request.actor, site_id=site_id)
    form = site_forms.SiteDeviceForm(
        posted(request), initial={"device_class": "other", "relay_count": 0}
    )
    context: dict[str, Any] = {
        "form": form,
        "site": found.site,
        "origin": f"{request.scheme}://{request.get_host()}",
    }
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                context["registered"] = site_registration.register_at_site(
                    site_id=site_id,
                    given=form.device(),
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return render(request, "ops/registered.html", context)
    return render(request, "ops/register_device.html", context, status=status)


def _told(form: site_forms.RemoveSiteForm, error: errors.HomepotError) -> int:
    """The refusal above the form: which devices are meant is plain there."""
    if isinstance(error, errors.Conflict):
        form.add_error(None, "Say first what becomes of its devices.")
        return error.status
    return show_refusal(form, error)


def _to_site(request: HttpRequest, site_id: str) -> HttpResponse:
    return redirect(f"{reverse('ops:site', kwargs={'site_id': site_id})}{_query(request)}")


def _query(request: HttpRequest) -> str:
    return f"?{urlencode({'tenant': request.tenant_uid})}" if request.POST.get("tenant") else ""
