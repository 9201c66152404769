"""All users of the installation, for who runs it: looking, roles, shutting out and letting in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import require_platform_admin
from accounts.services import administration, user_care
from accounts.services.administration import UserSearch
from kernel import errors
from kernel.pages.access import signed_in
from ops import clients, people

PAGE_SIZE = 50
_STATES = {"active": True, "deactivated": False}
_DEEDS = {
    "deactivate": {"is_active": False},
    "reactivate": {"is_active": True},
    "make-administrator": {"platform_role": "admin"},
    "make-user": {"platform_role": "user"},
}


@never_cache
@require_safe
@signed_in
def users(request: HttpRequest) -> HttpResponse:
    """Users that fit, the newest first; each look is audited."""
    state, role = request.GET.get("state", ""), request.GET.get("role", "")
    search = request.GET.get("search", "").strip()[:200]
    after = request.GET.get("after", "")
    found = user_care.list_users(
        wanted=UserSearch(
            search=search,
            is_active=_STATES.get(state),
            platform_role=role if role in {"admin", "user"} else "",
        ),
        after=int(after) if after.isdecimal() and len(after) < 19 else None,
        size=PAGE_SIZE,
        actor=request.actor,
        now=timezone.now(),
    )
    context = {
        "found": found,
        "search": search,
        "state": state,
        "role": role,
        "is_first": not after,
    }
    return render(request, "ops/users.html", context)


@never_cache
@require_safe
@signed_in
def user(request: HttpRequest, uid: str) -> HttpResponse:
    """One user: where they belong, where they are signed in, what may be done."""
    return _page(request, uid)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change(request: HttpRequest, uid: str, deed: str) -> HttpResponse:
    """Say what shutting out, letting in or another role does; on POST do it."""
    require_platform_admin(request.actor)
    if deed not in _DEEDS:
        raise errors.NotFound
    refused = ""
    status = 200
    if request.method == "POST":
        try:
            administration.change_user(
                user_uid=uid,
                **_DEEDS[deed],  # type: ignore[arg-type]  # one of two keywords
                take=lambda _: None,
                actor=request.actor,
                now=timezone.now(),
            )
        except errors.Conflict as error:
            refused, status = error.message, error.status
        else:
            return redirect("ops:user", uid=uid)
    context = {"sheet": _sheet(request, uid), "deed": deed, "refused": refused}
    return render(request, "ops/user_change.html", context, status=status)


@require_POST
@signed_in
def end_sessions(request: HttpRequest, uid: str) -> HttpResponse:
    """End one session of a user, or all of them."""
    user_care.end_sessions(
        user_uid=uid,
        session_uid=request.POST.get("session") or None,
        actor=request.actor,
        now=timezone.now(),
    )
    return redirect("ops:user", uid=uid)


def _sheet(request: HttpRequest, uid: str) -> user_care.UserSheet:
    return user_care.user_sheet(user_uid=uid, actor=request.actor, now=timezone.now())


def _page(request: HttpRequest, uid: str) -> HttpResponse:
    sheet = _sheet(request, uid)
    context: dict[str, Any] = {
        "sheet": sheet,
        "roles": people.ROLES,
        "sessions": [
            {
                "row": row,
                "client": clients.client_of(row.user_agent),
                "is_phone": clients.is_phone(row.user_agent),
            }
            for row in sheet.sessions
        ],
    }
    return render(request, "ops/user.html", context)
