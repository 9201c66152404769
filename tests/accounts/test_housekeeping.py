"""What is over is forgotten, and nothing stored is a working secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import selectors
from accounts.models import LoginSession, RefreshToken, SocketTicket, User
from accounts.services import housekeeping, tickets, tokens
from accounts.types import LoggedIn
from kernel import ticker
from tests.accounts import people


@pytest.mark.core
def test_no_table_holds_a_working_secret(api: APIClient, db: None) -> None:
    answer = api.post(
        "/api/v1/auth/register",
        {"email": "ada@example.com", "password": people.PASSWORD},
        headers={"Idempotency-Key": "keep this to yourself"},
    ).json()
    client = people.client_with(answer["access_token"])
    ticket = client.post("/api/v1/auth/ws-ticket").json()["ticket"]
    renewed = api.post("/api/v1/auth/refresh", {"refresh_token": answer["refresh_token"]}).json()
    people.browser_of(User.objects.get())
    secrets = [
        people.PASSWORD,
        "keep this to yourself",
        answer["access_token"],
        answer["refresh_token"],
        renewed["access_token"],
        renewed["refresh_token"],
        renewed["refresh_token"].removeprefix("hpr_"),
        ticket,
    ]

    dump = _dump()

    assert "ada@example.com" in dump
    assert [secret for secret in secrets if secret in dump] == []


@pytest.mark.core
def test_sessions_tokens_and_tickets_go_when_their_time_is_over(
    ada: User, session: LoggedIn
) -> None:
    now = timezone.now()
    actor = selectors.actor_for_user(user_id=ada.pk, session_id=session.session.pk)
    tickets.issue_ticket(actor=actor, now=now)
    tokens.rotate(
        refresh_token=people.tokens_of(session).refresh_token, address="", user_agent="", now=now
    )

    housekeeping.purge(now=now + timedelta(minutes=5))
    assert (SocketTicket.objects.count(), RefreshToken.objects.count()) == (0, 2)

    housekeeping.purge(now=now + timedelta(days=31))
    ended = LoginSession.objects.get()
    assert (ended.end_reason, RefreshToken.objects.count()) == ("expired", 0)

    housekeeping.purge(now=now + timedelta(days=31 + 91))
    assert not LoginSession.objects.exists()


def test_a_session_in_use_outlives_the_purge(ada: User) -> None:
    now = timezone.now()
    opened = people.sign_in(ada, now=now - timedelta(days=29))

    housekeeping.purge(now=now)

    assert people.client_of(people.sign_in(ada)).get("/api/v1/auth/me").status_code == 200
    assert LoginSession.objects.get(pk=opened.session.pk).ended_at is None


def test_the_purge_is_a_job_of_the_ticker() -> None:
    assert "accounts.housekeeping" in {job.name for job in ticker.jobs()}


def _dump() -> str:
    parts: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            parts.extend(repr(tuple(map(_text, row))) for row in cursor.fetchall())
    return "\n".join(parts)


def _text(value: object) -> str:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("latin-1")
    return str(value)
