"""Who belongs to a tenant: showing, changing, removing, leaving, handing over."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.services import members as service
from accounts.services import tenants
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import people as read
from ops import people_forms, tenancy


@require_safe
@signed_in
def people(request: HttpRequest) -> HttpResponse:
    """The people of the tenant that is shown; of several, a list to choose from."""
    choices = tenancy.choices_of(request.signed_in)
    shown = next((each.uid for each in choices if each.is_shown), "")
    if not choices:
        shown = next(iter(request.signed_in.tenants), "")
    if shown:
        return redirect("ops:tenant-people", uid=shown)
    mine = tenants.list_tenants(actor=request.actor)
    return render(request, "ops/tenants.html", {"tenants": mine})


@require_safe
@signed_in
def tenant_people(request: HttpRequest, uid: str) -> HttpResponse:
    """Members and open invitations of one tenant."""
    return _page(request, uid)


@require_POST
@signed_in
def rename(request: HttpRequest, uid: str) -> HttpResponse:
    """Give the tenant another name."""
    form = people_forms.TenantForm(request.POST)
    status = 400
    if form.is_valid():
        try:
            tenants.rename_tenant(
                tenant_uid=uid,
                name=form.cleaned_data["name"],
                actor=request.actor,
                now=timezone.now(),
            )
        except errors.HomepotError as error:
            status = show_refusal(form, error)
        else:
            return redirect("ops:tenant-people", uid=uid)
    found = household_of(request, uid, least="admin")
    return render(request, "ops/people.html", {"found": found, "name_form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def member(request: HttpRequest, uid: str, user_uid: str) -> HttpResponse:
    """Role and sites of one member; on POST change them."""
    found = household_of(request, uid, least="admin")
    about = found.member(user_uid)
    known = {
        "role": about.role,
        "reach": "all" if about.sites is None else "some",
        "sites": about.sites or (),
    }
    form = people_forms.PlaceForm(
        posted(request), initial=known, roles=found.role_choices, sites=found.sites
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                service.change_member(
                    tenant_uid=uid,
                    user_uid=user_uid,
                    role=form.cleaned_data["role"],
                    limit=form.limit(),
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return redirect("ops:tenant-people", uid=uid)
    context = {"found": found, "member": about, "form": form}
    return render(request, "ops/member.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove(request: HttpRequest, uid: str, user_uid: str) -> HttpResponse:
    """Say what removing does; on POST end the membership. Who is gone already is gone: 404."""
    refused: errors.HomepotError | None = None
    if request.method == "POST":
        try:
            service.remove_member(
                tenant_uid=uid, user_uid=user_uid, actor=request.actor, now=timezone.now()
            )
        except errors.Conflict as error:
            refused = error
        else:
            return redirect("ops:tenant-people", uid=uid)
    found = household_of(request, uid, least="admin")
    context = {"found": found, "member": found.member(user_uid)}
    return _sure(request, "ops/remove_member.html", context, refused)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def leave(request: HttpRequest, uid: str) -> HttpResponse:
    """Say what leaving does; on POST leave and show the devices that are left."""
    refused: errors.HomepotError | None = None
    if request.method == "POST":
        try:
            service.leave_tenant(tenant_uid=uid, actor=request.actor, now=timezone.now())
        except errors.Conflict as error:
            refused = error
        else:
            return redirect("ops:devices")
    context = {"found": household_of(request, uid)}
    return _sure(request, "ops/leave_tenant.html", context, refused)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def hand_over(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask for the next owner; on POST put them in the viewer's place."""
    refused: errors.HomepotError | None = None
    if request.method == "POST":
        try:
            service.hand_over_tenant(
                tenant_uid=uid,
                user_uid=request.POST.get("user", ""),
                actor=request.actor,
                now=timezone.now(),
            )
        except (errors.Conflict, errors.ValidationFailed) as error:
            refused = error
        else:
            return redirect("ops:tenant-people", uid=uid)
    context = {"found": household_of(request, uid, least="owner")}
    return _sure(request, "ops/hand_over.html", context, refused)


def household_of(request: HttpRequest, uid: str, *, least: str = "viewer") -> read.Household:
    """The tenant as the page shows it. Raises NotFound, PermissionDenied."""
    return read.household(
        tenant_uid=uid,
        found=request.signed_in,
        actor=request.actor,
        now=timezone.now(),
        least=least,
    )


def _page(request: HttpRequest, uid: str) -> HttpResponse:
    found = household_of(request, uid)
    return render(request, "ops/people.html", {"found": found})


def _sure(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    refused: errors.HomepotError | None,
) -> HttpResponse:
    context |= {"refused": refused.message if refused else ""}
    return render(request, template, context, status=refused.status if refused else 200)
