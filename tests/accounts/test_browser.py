"""Signing in with a browser: the page, the cookie, CSRF."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import auth
from django.test import Client, override_settings
from django.utils import timezone

from accounts import selectors
from accounts.choices import SessionKind
from accounts.models import LoginSession, User
from accounts.services import lifecycle
from accounts.types import LoggedIn
from kernel.actors import Actor
from tests.accounts import people

ME = "/api/v1/auth/me"
FORM = {"email": "ada@example.com", "password": people.PASSWORD}


@pytest.mark.core
def test_the_login_page_opens_a_browser_session(ada: User) -> None:
    browser = Client()

    response = browser.post("/login", {**FORM, "next": "/dashboard/claim?code=ABC"})

    assert (response.status_code, response["Location"]) == (302, "/dashboard/claim?code=ABC")
    session = LoginSession.objects.get()
    assert (session.kind, session.user_id) == ("browser", ada.pk)
    key = browser.cookies["homepot_session"].value
    assert selectors.session_from_cookie(key) == (ada.pk, session.pk)
    cookie = browser.cookies["homepot_session"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert browser.get(ME).json()["uid"] == ada.uid


def test_the_session_key_changes_at_login(ada: User) -> None:
    browser = Client()
    planted = browser.session
    planted["seen"] = True
    planted.save()
    before = planted.session_key

    browser.post("/login", FORM)

    assert browser.cookies["homepot_session"].value != before
    assert selectors.session_from_cookie(before or "") is None


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "\n"],
)
def test_a_foreign_next_is_not_followed(ada: User, target: str) -> None:
    response = Client().post("/login", {**FORM, "next": target})

    assert (response.status_code, response["Location"]) == (302, "/")


def test_the_page_says_what_is_wrong_and_never_what_was_typed(ada: User) -> None:
    browser = Client()

    wrong = browser.post("/login", {**FORM, "password": "not this one"})
    unknown = browser.post("/login", {**FORM, "email": "no@example.com", "password": "not this"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.context["error"] == unknown.context["error"]
    assert b"not this one" not in wrong.content
    assert not LoginSession.objects.exists()
    assert browser.post("/login", {"email": "", "password": ""}).status_code == 400


@override_settings(LOGIN_ATTEMPTS_PER_MINUTE=1)
def test_the_page_says_when_to_come_back(ada: User) -> None:
    browser = Client()
    # Two windows at most can be touched while this runs.
    for _ in range(3):
        response = browser.post("/login", {**FORM, "password": "wrong"})

    assert response.status_code == 429
    assert response.context["retry_after"] == int(response["Retry-After"]) > 0


@pytest.mark.core
def test_a_login_without_its_csrf_token_is_refused(ada: User) -> None:
    assert Client(enforce_csrf_checks=True).post("/login", FORM).status_code == 403
    assert people.browser_of(ada, enforce_csrf_checks=True).get(ME).status_code == 200


@pytest.mark.core
def test_a_cookie_alone_changes_nothing_through_the_api(ada: User) -> None:
    browser = people.browser_of(ada, enforce_csrf_checks=True)
    change: dict[str, Any] = {
        "path": ME,
        "data": {"display_name": "Eve"},
        "content_type": "application/json",
    }

    people.assert_refused(browser.patch(**change), 403, "permission_denied")

    token = browser.cookies["homepot_csrf"].value
    assert browser.patch(**change, headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.core
def test_a_wrong_bearer_is_not_saved_by_a_good_cookie(ada: User) -> None:
    browser = people.browser_of(ada)

    response = browser.get(ME, headers={"Authorization": "Bearer nonsense"})

    people.assert_refused(response, 401, "not_authenticated")


def test_a_bearer_wins_over_the_cookie(ada: User) -> None:
    eve = people.sign_in(people.make_user("eve@example.com"))
    token = people.tokens_of(eve).access_token

    response = people.browser_of(ada).get(ME, headers={"Authorization": f"Bearer {token}"})

    assert response.json()["uid"] == eve.user.uid


@pytest.mark.core
def test_a_cookie_is_void_as_soon_as_its_session_ends(ada: User, session: LoggedIn) -> None:
    browser = people.browser_of(ada)
    key = browser.cookies["homepot_session"].value
    uid = LoginSession.objects.get(kind=SessionKind.BROWSER).uid

    people.client_of(session).delete(f"/api/v1/auth/sessions/{uid}")

    assert selectors.session_from_cookie(key) is None
    people.assert_refused(browser.get(ME), 401, "not_authenticated")
    assert auth.SESSION_KEY not in browser.session
    assert browser.get("/dashboard/devices").status_code == 302


def test_a_cookie_is_void_as_soon_as_its_user_is_deactivated(ada: User) -> None:
    browser = people.browser_of(ada)

    lifecycle.deactivate_user(user_id=ada.pk, actor=Actor.system("t"), now=timezone.now())

    people.assert_refused(browser.get(ME), 401, "not_authenticated")
    assert Client().post("/login", FORM).status_code == 401


def test_logging_out_takes_a_post_and_ends_the_session(ada: User) -> None:
    browser = people.browser_of(ada)
    key = browser.cookies["homepot_session"].value

    assert browser.get("/logout").status_code == 405
    assert browser.get(ME).status_code == 200
    response = browser.post("/logout")

    assert (response.status_code, response["Location"]) == (302, "/login")
    assert LoginSession.objects.get().end_reason == "logout"
    assert selectors.session_from_cookie(key) is None
    again = browser.post("/logout")
    assert (again.status_code, again["Location"]) == (307, "/login/out")
    late = browser.post("/login/out")
    assert (late.status_code, late["Location"]) == (302, "/login")


def test_the_api_logout_drops_the_cookie_too(ada: User) -> None:
    browser = people.browser_of(ada)

    assert browser.post("/api/v1/auth/logout").status_code == 204

    people.assert_refused(browser.get(ME), 401, "not_authenticated")


def test_changing_the_password_keeps_this_browser_signed_in(ada: User) -> None:
    browser, other = people.browser_of(ada), people.browser_of(ada)
    change = {"current_password": people.PASSWORD, "new_password": "a rather different phrase"}

    response = browser.post("/api/v1/auth/password", change, content_type="application/json")

    assert response.status_code == 204
    assert browser.get(ME).status_code == 200
    people.assert_refused(other.get(ME), 401, "not_authenticated")


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "unknown", "x" * 500, "../../etc", "\x00" * 9])
def test_an_unknown_cookie_belongs_to_nobody(key: str) -> None:
    assert selectors.session_from_cookie(key) is None


@pytest.mark.core
@pytest.mark.django_db
@pytest.mark.parametrize(
    "cookie", [r'"\000\000\000\000\000\000\000\000\000"', "x" * 4000, "{}", '"']
)
def test_a_nonsense_cookie_is_a_stranger(cookie: str) -> None:
    browser = Client(headers={"Cookie": f"homepot_session={cookie}"})

    people.assert_refused(browser.get(ME), 401, "not_authenticated")
    assert browser.get("/login").status_code == 200
