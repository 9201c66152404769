"""Inviting people, and what the one who opens the link sees."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import InvitationInvalid
from accounts.pages import cookies
from accounts.selectors import TENANT_KEY
from accounts.services import invitations as service
from accounts.services import joining
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import people_forms
from ops.views.people import household_of


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def invite(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask whom and for what; on POST make the link and show it, this once."""
    found = household_of(request, uid, least="admin")
    form = people_forms.InviteForm(
        posted(request),
        initial={"role": "viewer" if not found.is_family else "operator", "reach": "all"},
        roles=found.role_choices,
        sites=found.sites,
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                issued = service.create_invitation(
                    tenant_uid=uid,
                    role=form.cleaned_data["role"],
                    email=form.cleaned_data["email"],
                    limit=form.limit(),
                    valid_days=form.cleaned_data["valid_days"],
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                link = issued.url if settings.PUBLIC_URL else request.build_absolute_uri(issued.url)
                context = {"found": found, "invitation": issued.invitation, "link": link}
                return render(request, "ops/invited.html", context)
    return render(request, "ops/invite.html", {"found": found, "form": form}, status=status)


@require_POST
@signed_in
def revoke(request: HttpRequest, uid: str, invitation_uid: str) -> HttpResponse:
    """Make a link worthless; again changes nothing."""
    service.revoke_invitation(
        tenant_uid=uid, invitation_uid=invitation_uid, actor=request.actor, now=timezone.now()
    )
    return redirect("ops:tenant-people", uid=uid)


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link offers; on POST accept it. Strangers are asked to log in or sign up."""
    if getattr(request, "actor", None) is None:
        return _to_a_stranger(request, token)
    known = {"token": token, "actor": request.actor, "now": timezone.now()}
    try:
        if request.method != "POST":
            context = {"offer": service.preview_invitation(**known)}
            return render(request, "ops/invitation.html", context)
        accepted = service.accept_invitation(**known)
    except errors.HomepotError as error:
        return _no_good(request, error)
    request.session[TENANT_KEY] = accepted.tenant.uid
    return redirect("ops:devices")


@never_cache
@csrf_protect
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page that makes an account, for who holds a valid link; on POST sign up and come in."""
    if getattr(request, "actor", None) is not None:
        return _of_a_user(request, token)
    address, now = request.META.get("REMOTE_ADDR", ""), timezone.now()
    form = people_forms.JoinForm(posted(request))
    status = 200
    try:
        offer = joining.show_offer(token=token, address=address, now=now)
        if request.method == "POST":
            status = 400
            if form.is_valid():
                return _signed_up(request, token, form, address)
    except errors.ValidationFailed as error:
        status = show_refusal(form, error)
    except errors.HomepotError as error:
        return _no_good(request, error)
    context = {"form": form, "offer": offer, "token": token}
    return render(request, "ops/join.html", context, status=status)


def _of_a_user(request: HttpRequest, token: str) -> HttpResponse:
    """Who has an account needs no other: the invitation itself is what they are shown."""
    try:
        service.preview_invitation(token=token, actor=request.actor, now=timezone.now())
    except errors.HomepotError as error:
        return _no_good(request, error)
    return redirect("ops:invitation", token=token)


def _signed_up(
    request: HttpRequest, token: str, form: people_forms.JoinForm, address: str
) -> HttpResponse:
    opened = joining.sign_up_invited(
        token=token,
        **form.cleaned_data,
        address=address,
        user_agent=request.headers.get("User-Agent", ""),
        request_id=getattr(request, "request_id", ""),
        now=timezone.now(),
    )
    return cookies.let_in(request, redirect("ops:devices"), opened)


def _to_a_stranger(request: HttpRequest, token: str) -> HttpResponse:
    address = request.META.get("REMOTE_ADDR", "")
    try:
        offer = joining.show_offer(token=token, address=address, now=timezone.now())
    except errors.HomepotError as error:
        return _no_good(request, error)
    return render(
        request, "ops/invitation.html", {"offer": offer, "token": token, "is_stranger": True}
    )


def _no_good(request: HttpRequest, error: errors.HomepotError) -> HttpResponse:
    if not isinstance(error, InvitationInvalid | errors.RateLimited):
        raise Http404(error.message)
    context: dict[str, Any] = {"error": error, "is_late": isinstance(error, errors.RateLimited)}
    response = render(request, "ops/invitation_void.html", context, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response
