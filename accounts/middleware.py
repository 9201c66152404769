"""Puts the signed-in browser user on the request, while their session is valid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import auth
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.selectors import LOGIN_SESSION_KEY, TENANT_KEY, is_session_key, narrowed
from accounts.services import access
from accounts.types import Authenticated
from kernel import errors, row_security

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class ActorMiddleware:
    """Sets `request.actor` from the session cookie; a cookie whose session ended is dropped."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = _browser_user(request)
        request.actor = found.actor if found else None  # type: ignore[attr-defined]
        request.signed_in = found  # type: ignore[attr-defined]
        if found is None:
            return self._get_response(request)
        row_security.enter_for(found.actor)
        if request.method not in _READING:
            return self._get_response(request)
        with row_security.reading(connection):
            return self._get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        """Let administrators see all tenants in Django's admin, which shows and changes no rule."""
        match = request.resolver_match
        actor = request.actor  # type: ignore[attr-defined]
        if match and match.app_name == "admin" and actor and actor.is_platform_admin:
            row_security.enter_platform("admin.site")


def _browser_user(request: HttpRequest) -> Authenticated | None:
    if not is_session_key(request.session.session_key or "0"):
        request.session = type(request.session)()
        return None
    user_id = request.session.get(auth.SESSION_KEY)
    if user_id is None:
        return None
    found = access.authenticate_browser(
        session_uid=request.session.get(LOGIN_SESSION_KEY),
        user_id=user_id,
        user_agent=request.headers.get("User-Agent", ""),
        request_id=getattr(request, "request_id", ""),
        address=request.META.get("REMOTE_ADDR") or None,
        now=timezone.now(),
    )
    if found is None:
        auth.logout(request)
    else:
        # The query above loaded the user; without this Django would load them again.
        request._cached_user = found.user  # type: ignore[attr-defined]
        found = _in_chosen_tenant(request, found)
    return found


def _in_chosen_tenant(request: HttpRequest, found: Authenticated) -> Authenticated:
    """Within the tenant the browser has chosen; one that is not the user's any more is dropped."""
    uid = request.session.get(TENANT_KEY)
    if uid is None:
        return found
    try:
        return narrowed(found, str(uid))
    except errors.NotFound:
        del request.session[TENANT_KEY]
        return found
