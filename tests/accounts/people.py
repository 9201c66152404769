"""Users, sessions and clients for tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

from django.db import connections
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import PlatformRole, SessionKind
from accounts.models import User
from accounts.services import authentication, registration
from accounts.types import LoggedIn, TokenPair

PASSWORD = "correct horse battery"


def make_user(email: str = "ada@example.com", **more: Any) -> User:
    """A registered user with a personal tenant, whose password is PASSWORD."""
    return registration.register_user(
        email=email, password=PASSWORD, now=timezone.now(), **{"display_name": "Ada", **more}
    )


def make_admin(email: str = "root@example.com") -> User:
    """A platform administrator."""
    return make_user(email, display_name="Root", platform_role=PlatformRole.ADMIN)


def sign_in(
    user: User, *, kind: SessionKind = SessionKind.API, now: datetime | None = None
) -> LoggedIn:
    """An open session of the user, past the password."""
    return authentication.open_for(
        user=user,
        kind=kind,
        address="192.0.2.7",
        user_agent="test",
        now=now or timezone.now(),
    )


def tokens_of(opened: LoggedIn) -> TokenPair:
    """The tokens of an API session."""
    assert opened.tokens is not None
    return opened.tokens


def client_of(opened: LoggedIn) -> APIClient:
    """An API client that sends the session's access token."""
    return client_with(tokens_of(opened).access_token)


def client_with(access_token: str) -> APIClient:
    """An API client that sends that access token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token}")
    return client


def browser_of(user: User, **options: Any) -> Client:
    """A browser in which the user has logged in through the page."""
    browser = Client(**options)
    page = browser.get("/login")
    token = page.cookies["homepot_csrf"].value
    form = {"email": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post("/login", form).status_code == 302
    return browser


def assert_refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The response is a refusal in the one shape; returns its details."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert body.keys() == {"code", "message", "details", "request_id"}
    assert body["request_id"] == response["X-Request-ID"]
    details: dict[str, Any] = body["details"]
    return details


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """What `call(0)` to `call(count - 1)` return or raise, each on a thread, all let go at once."""
    gate = Barrier(count)

    def run(number: int) -> Any:
        gate.wait()
        try:
            return call(number)
        except Exception as error:  # noqa: BLE001  the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
