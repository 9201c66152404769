"""Signing in with e-mail and password."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth import hashers
from django.test import override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import SessionKind
from accounts.models import LoginSession, User
from accounts.services import authentication
from kernel import errors
from tests.accounts import people

URL = "/api/v1/auth/login"


@pytest.mark.core
def test_the_right_password_opens_a_session(api: APIClient, ada: User) -> None:
    response = api.post(
        URL,
        {"email": " ADA@example.com ", "password": people.PASSWORD},
        headers={"User-Agent": "curl/8"},
    )

    body = response.json()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert body["user"]["uid"] == ada.uid
    session = LoginSession.objects.get()
    assert (session.kind, session.user_agent, session.address) == ("api", "curl/8", "127.0.0.1")
    assert people.client_with(body["access_token"]).get("/api/v1/auth/me").status_code == 200


@pytest.mark.core
def test_unknown_wrong_and_inactive_get_the_same_answer(api: APIClient, ada: User) -> None:
    inactive = people.make_user("gone@example.com")
    inactive.is_active = False
    inactive.save()
    tries = [
        {"email": "ada@example.com", "password": "not the password"},
        {"email": "nobody@example.com", "password": people.PASSWORD},
        {"email": "gone@example.com", "password": people.PASSWORD},
        {"email": "no address at all", "password": people.PASSWORD},
    ]

    answers = []
    for number, given in enumerate(tries):
        response = api.post(URL, given, headers={"X-Request-ID": "same"})
        people.assert_refused(response, 401, "invalid_credentials")
        answers.append((response.content, sorted(response.headers.items())))
        assert answers[number] == answers[0]
    assert not LoginSession.objects.exists()


def test_an_unknown_address_costs_a_password_check_too(
    api: APIClient, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    check = hashers.check_password

    def watched(password: str, encoded: str) -> bool:
        checked.append(encoded)
        return check(password, encoded)

    monkeypatch.setattr(hashers, "check_password", watched)

    api.post(URL, {"email": "nobody@example.com", "password": "anything"})

    assert len(checked) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada@example.com"},
        {"password": "x"},
        {"email": "ada@example.com", "password": ""},
        {"email": ["ada@example.com"], "password": {"$ne": ""}},
        {"email": "a" * 255, "password": "x"},
    ],
)
def test_a_malformed_login_is_a_validation_error(api: APIClient, body: dict[str, object]) -> None:
    assert people.assert_refused(api.post(URL, body), 400, "validation_error")


@pytest.mark.django_db
def test_other_methods_and_media_types_are_refused_in_the_same_shape(api: APIClient) -> None:
    people.assert_refused(api.get(URL), 405, "method_not_allowed")
    form = api.post(URL, "email=a", content_type="application/x-www-form-urlencoded")
    people.assert_refused(form, 415, "unsupported_media_type")
    broken = api.post(URL, '{"email":', content_type="application/json")
    people.assert_refused(broken, 400, "validation_error")


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
@override_settings(LOGIN_ATTEMPTS_PER_MINUTE=7)
def test_sixty_parallel_tries_at_an_account_evaluate_exactly_the_limit() -> None:
    people.make_user()
    now = timezone.now()

    results = people.at_once(60, lambda number: _try("ada@example.com", f"192.0.2.{number}", now))

    assert Counter(map(type, results)) == {errors.InvalidCredentials: 7, errors.RateLimited: 53}


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
@override_settings(LOGIN_ATTEMPTS_PER_MINUTE=7)
def test_sixty_parallel_tries_from_an_address_evaluate_exactly_the_limit() -> None:
    now = timezone.now()

    results = people.at_once(60, lambda number: _try(f"u{number}@example.com", "192.0.2.1", now))

    assert Counter(map(type, results)) == {errors.InvalidCredentials: 7, errors.RateLimited: 53}


@override_settings(LOGIN_ATTEMPTS_PER_MINUTE=2)
def test_over_the_limit_the_right_password_is_refused_until_the_minute_is_over(ada: User) -> None:
    now = timezone.now().replace(second=30)
    for _ in range(2):
        with pytest.raises(errors.InvalidCredentials):
            _raise(_try("ada@example.com", "192.0.2.1", now))

    refused = _try("ada@example.com", "192.0.2.2", now, people.PASSWORD)
    assert isinstance(refused, errors.RateLimited)
    assert refused.retry_after is not None
    assert 1 <= refused.retry_after <= 31

    later = now + timedelta(seconds=refused.retry_after)
    _raise(_try("ada@example.com", "192.0.2.2", later, people.PASSWORD))


def _try(email: str, address: str, now: object, password: str = "wrong") -> object:
    try:
        return authentication.log_in(
            email=email,
            password=password,
            address=address,
            user_agent="",
            kind=SessionKind.API,
            now=now,  # type: ignore[arg-type]
        )
    except errors.HomepotError as error:
        return error


def _raise(result: object) -> None:
    if isinstance(result, Exception):
        raise result
