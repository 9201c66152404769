"""The cookies of a browser: one for half a day that every request shows, one that renews it.

The second goes to the login only. What a browser shows all day is therefore good for hours, while
nobody types a password twice who comes back within the life of a refresh token.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse

from accounts.choices import SessionKind
from accounts.selectors import LOGIN_SESSION_KEY, TENANT_KEY
from accounts.services import preferences, tokens
from accounts.types import LoggedIn
from kernel import errors

REFRESH_COOKIE: Final = "homepot_refresh"
_PATH: Final = "/login"
_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


def let_in(request: HttpRequest, response: HttpResponse, opened: LoggedIn) -> HttpResponse:
    """Have the browser be signed in by its cookies, in the tenant its user looked at last."""
    # A new session key, so that one planted before the login is worth nothing after it.
    auth.login(request, opened.user, backend=_BACKEND)
    request.session[LOGIN_SESSION_KEY] = opened.session.uid
    tenant_uid = preferences.last_tenant_of(opened.user.pk)
    if tenant_uid:
        # One that is not the user's any more is dropped by the next request.
        request.session[TENANT_KEY] = tenant_uid
    response.set_cookie(
        REFRESH_COOKIE,
        opened.tokens.refresh_token,
        max_age=opened.tokens.refresh_expires_in,
        path=_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def renewed(request: HttpRequest, *, now: datetime) -> LoggedIn | None:
    """The session that the browser's second cookie stands for, or None; the cookie is used up.

    Of a reuse the session ends, as for any client.
    """
    shown = request.COOKIES.get(REFRESH_COOKIE, "")
    if not shown.isascii() or not shown:
        return None
    try:
        return tokens.rotate(
            refresh_token=shown,
            kind=SessionKind.BROWSER,
            address=request.META.get("REMOTE_ADDR", ""),
            user_agent=request.headers.get("User-Agent", ""),
            request_id=getattr(request, "request_id", ""),
            now=now,
        )
    except errors.InvalidCredentials:
        return None


def let_go(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Take both cookies back."""
    auth.logout(request)
    response.delete_cookie(REFRESH_COOKIE, path=_PATH, samesite="Lax")
    return response
