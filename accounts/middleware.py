"""Puts the signed-in browser user on the request, while their session is valid."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.selectors import LOGIN_SESSION_KEY, is_session_key
from accounts.services import access
from accounts.types import Authenticated


class ActorMiddleware:
    """Sets `request.actor` from the session cookie; a cookie whose session ended is dropped."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = _browser_user(request)
        request.actor = found.actor if found else None  # type: ignore[attr-defined]
        request.signed_in = found  # type: ignore[attr-defined]
        return self._get_response(request)


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
    return found
