"""A browser goes on without a password while its second cookie is good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import LoginSession, RefreshToken, User
from accounts.services import tokens
from kernel import errors
from tests.accounts import people

ME = "/api/v1/auth/me"
REFRESH = "/login/refresh"
JSON = {"Accept": "application/json"}


def _late(browser: Client) -> Client:
    """The browser after the half day for which its first cookie is good."""
    browser.session.flush()
    return browser


@pytest.mark.core
def test_a_browser_is_renewed_without_a_password(ada: User) -> None:
    browser = _late(people.browser_of(ada))
    people.assert_refused(browser.get(ME), 401, "not_authenticated")
    before = browser.cookies["homepot_refresh"].value

    answer = browser.post(REFRESH)

    assert (answer.status_code, answer.json()) == (200, {"user": ada.uid})
    assert browser.cookies["homepot_refresh"].value != before
    assert browser.get(ME).json()["uid"] == ada.uid
    assert LoginSession.objects.count() == 1


def test_a_reload_renews_and_comes_back_to_the_page(ada: User) -> None:
    browser = _late(people.browser_of(ada))

    answer = browser.get("/dashboard/devices?q=x", follow=True)

    assert [where for where, _ in answer.redirect_chain][-1] == "/dashboard/devices?q=x"
    assert answer.status_code == 200


def test_the_second_cookie_goes_to_the_login_only_and_no_script_reads_it(ada: User) -> None:
    cookie = people.browser_of(ada).cookies["homepot_refresh"]

    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/login", True, "Lax")
    assert not RefreshToken.objects.filter(token_hash=cookie.value).exists()


def test_who_is_signed_in_is_told_so_and_keeps_the_cookie(ada: User) -> None:
    browser = people.browser_of(ada)
    before = browser.cookies["homepot_refresh"].value

    assert browser.post(REFRESH).json() == {"user": ada.uid}
    assert browser.cookies["homepot_refresh"].value == before


@pytest.mark.parametrize("how", ["logged out", "used twice", "ended elsewhere", "made up", "none"])
def test_what_is_over_is_not_renewed(ada: User, how: str) -> None:
    browser = people.browser_of(ada)
    kept = browser.cookies["homepot_refresh"].value
    if how == "logged out":
        browser.post("/logout")
        browser.cookies["homepot_refresh"] = kept
    elif how == "used twice":
        _late(browser).post(REFRESH)
        RefreshToken.objects.filter(used_at__isnull=False).update(
            used_at=timezone.now() - tokens.GRACE - timedelta(seconds=1)
        )
        _late(browser).cookies["homepot_refresh"] = kept
    elif how == "ended elsewhere":
        uid = LoginSession.objects.get().uid
        people.browser_of(ada).delete(f"/api/v1/auth/sessions/{uid}")
    elif how == "made up":
        _late(browser).cookies["homepot_refresh"] = "hpr_\u00e9"
    else:
        del _late(browser).cookies["homepot_refresh"]

    people.assert_refused(browser.post(REFRESH), 401, "not_authenticated")
    assert browser.get("/login").status_code == 200


def test_a_browsers_cookie_is_no_refresh_token_of_the_api(ada: User) -> None:
    browser = people.browser_of(ada)
    shown = browser.cookies["homepot_refresh"].value

    answer = Client().post(
        "/api/v1/auth/refresh", {"refresh_token": shown}, content_type="application/json"
    )

    people.assert_refused(answer, 401, "invalid_credentials")
    with pytest.raises(errors.InvalidCredentials):
        tokens.rotate(refresh_token=shown, address="", user_agent="", now=timezone.now())


def test_the_dialogue_of_a_page_is_answered_in_json(ada: User) -> None:
    browser = Client(headers=JSON)
    form: dict[str, Any] = {"email": ada.email, "password": "wrong"}

    people.assert_refused(browser.post("/login", form), 401, "invalid_credentials")

    answer = browser.post("/login", {**form, "password": people.PASSWORD})
    assert answer.json() == {"user": ada.uid}
    assert browser.get(ME).status_code == 200


def test_a_refresh_needs_the_csrf_token(ada: User) -> None:
    browser = _late(people.browser_of(ada, enforce_csrf_checks=True))

    assert browser.post(REFRESH).status_code == 403
    token = browser.cookies["homepot_csrf"].value
    assert browser.post(REFRESH, headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.core
def test_the_chosen_tenant_is_there_again_after_the_next_login(ada: User) -> None:
    browser = people.browser_of(ada)
    made = browser.post(
        "/api/v1/tenants", {"name": "Shop"}, content_type="application/json"
    ).json()["uid"]
    browser.post("/tenant", {"tenant": made})

    later = people.browser_of(ada)
    assert later.session["tenant"] == made

    later.post("/tenant", {"tenant": ""})
    assert "tenant" not in people.browser_of(ada).session


@pytest.mark.core
def test_a_logout_after_the_half_day_ends_the_session_too(ada: User) -> None:
    browser = _late(people.browser_of(ada))
    kept = browser.cookies["homepot_refresh"].value

    sent_on = browser.post("/logout")
    assert (sent_on.status_code, sent_on["Location"]) == (307, "/login/out")
    assert browser.post(sent_on["Location"])["Location"] == "/login"

    assert LoginSession.objects.get().end_reason == "logout"
    assert browser.cookies["homepot_refresh"].value == ""
    browser.cookies["homepot_refresh"] = kept
    people.assert_refused(browser.post(REFRESH), 401, "not_authenticated")
