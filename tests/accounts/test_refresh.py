"""Refresh tokens: one line per session, a short grace, an end on reuse."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import LoginSession, RefreshToken
from accounts.services import sessions, tokens
from accounts.types import LoggedIn
from audit.models import AuditEntry
from kernel import errors
from kernel.actors import Actor
from tests.accounts import people
from tests.rounds import rounds

URL = "/api/v1/auth/refresh"
ME = "/api/v1/auth/me"


@pytest.mark.core
def test_a_refresh_answers_with_a_new_pair_and_voids_the_old_token(
    api: APIClient, session: LoggedIn
) -> None:
    first = people.tokens_of(session).refresh_token

    response = api.post(URL, {"refresh_token": first})

    body = response.json()
    assert response.status_code == 200
    assert body.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
    }
    assert body["refresh_token"] != first
    assert people.client_with(body["access_token"]).get(ME).status_code == 200
    assert api.post(URL, {"refresh_token": body["refresh_token"]}).status_code == 200


def test_a_stale_access_token_beside_it_does_not_hinder_a_refresh(session: LoggedIn) -> None:
    client = people.client_with("stale")

    response = client.post(URL, {"refresh_token": people.tokens_of(session).refresh_token})

    assert response.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["unknown", "hpr_", "' OR 1=1", "x" * 256])
def test_an_unknown_refresh_token_is_refused(api: APIClient, token: str) -> None:
    people.assert_refused(api.post(URL, {"refresh_token": token}), 401, "invalid_credentials")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": "x" * 257}])
def test_a_malformed_refresh_is_a_validation_error(api: APIClient, body: dict[str, str]) -> None:
    people.assert_refused(api.post(URL, body), 400, "validation_error")


@pytest.mark.core
def test_within_ten_seconds_a_second_presenter_gets_the_same_successor(session: LoggedIn) -> None:
    now = timezone.now()
    first = people.tokens_of(session).refresh_token

    one = _rotate(first, now)
    other = _rotate(first, now + timedelta(seconds=10))

    assert one == other
    assert _live_tokens(session) == 1


@pytest.mark.core
@pytest.mark.parametrize("seconds", [10.001, 3600.0])
def test_reuse_after_the_grace_ends_the_session_and_that_stays(
    session: LoggedIn, seconds: float
) -> None:
    now = timezone.now()
    first = people.tokens_of(session).refresh_token
    successor = _rotate(first, now)

    with pytest.raises(errors.InvalidCredentials):
        _rotate(first, now + timedelta(seconds=seconds))

    ended = LoginSession.objects.get()
    assert ended.end_reason == "refresh_reuse"
    assert _live_tokens(session) == 0
    with pytest.raises(errors.InvalidCredentials):
        _rotate(successor, now + timedelta(seconds=seconds))
    entry = AuditEntry.objects.unscoped("test").get(action="accounts.session.ended")
    assert entry.after == {"reason": "refresh_reuse"}


def test_within_the_grace_a_token_whose_successor_was_used_counts_as_reuse(
    session: LoggedIn,
) -> None:
    now = timezone.now()
    first = people.tokens_of(session).refresh_token
    _rotate(_rotate(first, now), now)

    with pytest.raises(errors.InvalidCredentials):
        _rotate(first, now + timedelta(seconds=1))

    assert LoginSession.objects.get().end_reason == "refresh_reuse"


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_the_api_answers_401_to_reuse_and_the_access_token_is_dead_at_once(
    api: APIClient,
) -> None:
    session = people.sign_in(people.make_user(), now=timezone.now() - timedelta(minutes=1))
    first = people.tokens_of(session).refresh_token
    _rotate(first, timezone.now() - timedelta(seconds=30))
    client = people.client_of(session)
    assert client.get(ME).status_code == 200

    reuse = api.post(URL, {"refresh_token": first}, headers={"Idempotency-Key": "again"})

    people.assert_refused(reuse, 401, "invalid_credentials")
    people.assert_refused(client.get(ME), 401, "not_authenticated")


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_refreshes_leave_one_live_line() -> None:
    session = people.sign_in(people.make_user())
    first, now = people.tokens_of(session).refresh_token, timezone.now()

    successors = people.at_once(50, lambda _: _rotate(first, now))

    assert len(set(successors)) == 1
    assert isinstance(successors[0], str)
    assert _live_tokens(session) == 1
    assert RefreshToken.objects.count() == 2


@pytest.mark.core
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_round_after_round_of_parallel_refreshes_one_line_lives_on() -> None:
    session = people.sign_in(people.make_user())
    token, now = people.tokens_of(session).refresh_token, timezone.now()
    for number in range(rounds(4, full=500)):
        moment = now + timedelta(seconds=number)
        successors = people.at_once(50, lambda _, old=token, at=moment: _rotate(old, at))  # type: ignore[misc]
        assert len(set(successors)) == 1, number
        token = successors[0]
        assert isinstance(token, str)
        assert _live_tokens(session) == 1
        assert RefreshToken.objects.count() == number + 2


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_a_logout_beside_parallel_refreshes_leaves_no_live_line() -> None:
    session = people.sign_in(people.make_user())
    first, now = people.tokens_of(session).refresh_token, timezone.now()
    actor = Actor(kind="user", id="x", label="x", user_id=session.user.pk)

    def work(number: int) -> object:
        if number == 7:
            uid = session.session.uid
            return sessions.end_session(session_uid=uid, actor=actor, now=now)
        return _rotate(first, now)

    results = people.at_once(16, work)

    assert not isinstance(results[7], Exception)
    assert _live_tokens(session) == 0


def test_an_expired_refresh_token_is_refused(session: LoggedIn) -> None:
    with pytest.raises(errors.InvalidCredentials):
        _rotate(people.tokens_of(session).refresh_token, timezone.now() + timedelta(days=31))


def test_a_refresh_moves_the_session_to_the_present_client(session: LoggedIn) -> None:
    now = timezone.now() + timedelta(minutes=5)
    token = people.tokens_of(session).refresh_token

    tokens.rotate(refresh_token=token, address="192.0.2.99", user_agent="new/1", now=now)

    moved = LoginSession.objects.get()
    assert (moved.address, moved.user_agent, moved.last_used_at) == ("192.0.2.99", "new/1", now)


def _rotate(token: str, now: datetime) -> str:
    renewed = tokens.rotate(refresh_token=token, address="192.0.2.7", user_agent="test", now=now)
    return people.tokens_of(renewed).refresh_token


def _live_tokens(opened: LoggedIn) -> int:
    return RefreshToken.objects.filter(
        session_id=opened.session.pk, used_at__isnull=True, revoked_at__isnull=True
    ).count()
