"""What users change about themselves."""

from __future__ import annotations

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import LoginSession, User
from accounts.types import LoggedIn
from audit.models import AuditEntry
from tests.accounts import people

ME = "/api/v1/auth/me"
URL = "/api/v1/auth/password"
NEW = "a rather different phrase"


def test_i_can_change_my_name_and_nothing_else(ada: User, signed_in: APIClient) -> None:
    response = signed_in.patch(
        ME, {"display_name": " Ada L. ", "email": "x@example.com", "platform_role": "admin"}
    )

    assert response.status_code == 200
    assert response.json()["display_name"] == "Ada L."
    ada.refresh_from_db()
    assert (ada.email, ada.platform_role) == ("ada@example.com", "user")
    entry = AuditEntry.objects.unscoped("test").get(action="accounts.user.updated")
    assert (entry.before, entry.after) == ({"display_name": "Ada"}, {"display_name": "Ada L."})


@pytest.mark.parametrize("name", ["x" * 81, "a\x1b[31mb", None, 5 * ["x"]])
def test_an_unusable_name_is_refused(signed_in: APIClient, name: object) -> None:
    details = people.assert_refused(
        signed_in.patch(ME, {"display_name": name}), 400, "validation_error"
    )
    assert details.keys() == {"display_name"}


@pytest.mark.core
def test_a_new_password_ends_my_other_sessions(
    ada: User, session: LoggedIn, signed_in: APIClient, api: APIClient
) -> None:
    other = people.client_of(people.sign_in(ada))

    response = signed_in.post(URL, {"current_password": people.PASSWORD, "new_password": NEW})

    assert response.status_code == 204
    assert signed_in.get(ME).status_code == 200
    people.assert_refused(other.get(ME), 401, "not_authenticated")
    assert LoginSession.objects.get(ended_at__isnull=False).end_reason == "password_changed"
    login = {"email": ada.email, "password": people.PASSWORD}
    people.assert_refused(api.post("/api/v1/auth/login", login), 401, "invalid_credentials")
    assert api.post("/api/v1/auth/login", {**login, "password": NEW}).status_code == 200


def test_a_wrong_present_password_is_named_by_field(signed_in: APIClient) -> None:
    response = signed_in.post(URL, {"current_password": "wrong", "new_password": NEW})

    assert people.assert_refused(response, 400, "validation_error").keys() == {"current_password"}


@pytest.mark.parametrize("weak", ["short", "password123", "ada@example.com", "12345678901"])
def test_a_weak_new_password_is_named_by_field(signed_in: APIClient, weak: str) -> None:
    response = signed_in.post(URL, {"current_password": people.PASSWORD, "new_password": weak})

    assert people.assert_refused(response, 400, "validation_error").keys() == {"new_password"}


@override_settings(LOGIN_ATTEMPTS_PER_MINUTE=2)
def test_guessing_the_present_password_is_limited(signed_in: APIClient) -> None:
    guess = {"current_password": "wrong", "new_password": NEW}
    # Two windows at most can be touched while this runs.
    answers = [
        signed_in.post(URL, guess, headers={"Idempotency-Key": f"{n}"}).status_code
        for n in range(5)
    ]

    assert answers.count(400) <= 4
    assert answers[-1] == 429
