"""Sharing a home: who belongs to it, inviting, changing and removing."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.services import invitations, members
from household import families, forms
from household.views.pages import begin, within
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import show_refusal


@require_safe
@signed_in
def mine(request: HttpRequest) -> HttpResponse:
    """The people of the home that is shown, else of the viewer's own."""
    home, _ = within(request)
    return redirect("household:family", uid=home.uid)


@require_safe
@signed_in
def family(request: HttpRequest, uid: str) -> HttpResponse:
    """Who belongs to a home, and which invitations are open."""
    return _page(request, uid)


@never_cache
@require_POST
@signed_in
def invite(request: HttpRequest, uid: str) -> HttpResponse:
    """Make the link that lets somebody in, and show it, this once."""
    found = families.family(uid=uid, actor=request.actor, now=timezone.now(), least="admin")
    form = forms.InviteForm(request.POST, roles=families.ROLE_CHOICES)
    status = 400
    if form.is_valid():
        try:
            issued = invitations.create_invitation(
                tenant_uid=uid, **form.cleaned_data, actor=request.actor, now=timezone.now()
            )
        except errors.HomepotError as error:
            status = show_refusal(form, error)
        else:
            link = issued.url if settings.PUBLIC_URL else request.build_absolute_uri(issued.url)
            context = begin(request) | {"family": found, "made": issued.invitation, "link": link}
            return render(request, "household/invited.html", context)
    return _page(request, uid, status=status, form=form)


@require_POST
@signed_in
def revoke(request: HttpRequest, uid: str, invitation_uid: str) -> HttpResponse:
    """Make a link worthless; again changes nothing."""
    invitations.revoke_invitation(
        tenant_uid=uid, invitation_uid=invitation_uid, actor=request.actor, now=timezone.now()
    )
    return redirect("household:family", uid=uid)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def person(request: HttpRequest, uid: str, user_uid: str) -> HttpResponse:
    """What somebody may do; on POST another thing."""
    refused = None
    if request.method == "POST":
        try:
            members.change_member(
                tenant_uid=uid,
                user_uid=user_uid,
                role=request.POST.get("role", ""),
                actor=request.actor,
                now=timezone.now(),
            )
        except (errors.Conflict, errors.ValidationFailed) as error:
            refused = error
        else:
            return redirect("household:family", uid=uid)
    return _person(request, uid, user_uid, refused)


@require_POST
@signed_in
def remove(request: HttpRequest, uid: str, user_uid: str) -> HttpResponse:
    """End a membership. Who is gone already is gone: 404."""
    try:
        members.remove_member(
            tenant_uid=uid, user_uid=user_uid, actor=request.actor, now=timezone.now()
        )
    except errors.Conflict as error:
        return _person(request, uid, user_uid, error)
    return redirect("household:family", uid=uid)


def _page(request: HttpRequest, uid: str, *, status: int = 200, form: Any = None) -> HttpResponse:
    context = begin(request)
    found = families.family(uid=uid, actor=request.actor, now=timezone.now())  # type: ignore[attr-defined]
    homes = families.homes_of(request.signed_in)  # type: ignore[attr-defined]
    context |= {"family": found, "homes": homes, "roles": families.ROLES, "form": form}
    return render(request, "household/family.html", context, status=status)


def _person(
    request: HttpRequest, uid: str, user_uid: str, refused: errors.HomepotError | None
) -> HttpResponse:
    context = begin(request)
    found = families.family(
        uid=uid,
        actor=request.actor,  # type: ignore[attr-defined]
        now=timezone.now(),
        least="admin",
    )
    context |= {"family": found, "person": found.person(user_uid), "roles": families.ROLES}
    context |= {"refused": refused.message if refused else ""}
    status = refused.status if refused else 200
    return render(request, "household/person.html", context, status=status)
