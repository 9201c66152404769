"""How API requests say who they are: an access token, or the browser's session with CSRF."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from accounts import selectors
from accounts.models import User
from accounts.services import access
from accounts.types import Authenticated
from kernel import errors
from kernel.actors import Actor

# Narrows what a request may see and change to one tenant of the caller's.
TENANT_HEADER = "X-Tenant"


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; a wrong one is refused, whatever else came along."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """The token's user, or None where there is no Authorization header at all."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise errors.NotAuthenticated
        found = access.authenticate_token(
            token=token.strip(),
            request_id=getattr(request, "request_id", ""),
            address=request.META.get("REMOTE_ADDR") or None,
            now=timezone.now(),
        )
        return _chosen(request, found)

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer to a stranger 401 instead of 403."""
        return 'Bearer realm="homepot"'


class BrowserSessionAuthentication(BaseAuthentication):
    """The session cookie of a signed-in browser; unsafe methods need the CSRF token too."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """The user that `accounts.middleware.ActorMiddleware` found, or None."""
        found = getattr(request._request, "signed_in", None)
        if found is None:
            return None
        _require_csrf(request._request)
        return _chosen(request, found)


def _chosen(request: Request, found: Authenticated) -> tuple[User, Actor]:
    """The caller within the tenant they name, if they do; it wins over what a page has chosen."""
    uid = request.headers.get(TENANT_HEADER)
    chosen = found if uid is None else selectors.narrowed(found, uid)
    return chosen.user, chosen.actor


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _require_csrf(request: HttpRequest) -> None:
    check: Any = CSRFCheck(_nothing)
    check.process_request(request)
    reason = check.process_view(request, None, (), {})
    if reason:
        raise errors.PermissionDenied(f"CSRF check failed: {reason}")
