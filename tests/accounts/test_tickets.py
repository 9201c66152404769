"""One-time tickets for sockets."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import selectors
from accounts.models import LoginSession
from accounts.services import tickets
from accounts.types import LoggedIn
from kernel import errors
from kernel.actors import Actor
from tests.accounts import people

URL = "/api/v1/auth/ws-ticket"


@pytest.mark.core
def test_a_ticket_opens_one_socket_for_my_session(session: LoggedIn, signed_in: APIClient) -> None:
    response = signed_in.post(URL)

    assert response.status_code == 200
    assert response.json()["expires_in"] == 30
    ticket = response.json()["ticket"]
    redeemed = tickets.redeem_ticket(ticket=ticket, now=timezone.now())
    assert redeemed == (session.user.pk, session.session.pk)
    with pytest.raises(errors.InvalidCredentials):
        tickets.redeem_ticket(ticket=ticket, now=timezone.now())


def test_a_ticket_is_void_after_thirty_seconds(session: LoggedIn) -> None:
    now = timezone.now()
    ticket = _ticket(session)

    with pytest.raises(errors.InvalidCredentials):
        tickets.redeem_ticket(ticket=ticket, now=now + timedelta(seconds=31))


def test_a_ticket_ends_with_its_session(session: LoggedIn) -> None:
    ticket = _ticket(session)
    LoginSession.objects.update(ended_at=timezone.now())

    with pytest.raises(errors.InvalidCredentials):
        tickets.redeem_ticket(ticket=ticket, now=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("ticket", ["", "unknown", "x" * 5000, "\x00", "\ud800", "ü"])
def test_an_unknown_ticket_is_refused(ticket: str) -> None:
    with pytest.raises(errors.InvalidCredentials):
        tickets.redeem_ticket(ticket=ticket, now=timezone.now())


def test_an_actor_without_a_session_gets_no_ticket(db: None) -> None:
    with pytest.raises(errors.NotAuthenticated):
        tickets.issue_ticket(actor=Actor.system("test"), now=timezone.now())


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_of_twenty_parallel_uses_of_a_ticket_one_succeeds() -> None:
    session = people.sign_in(people.make_user())
    ticket, now = _ticket(session), timezone.now()

    results = people.at_once(20, lambda _: tickets.redeem_ticket(ticket=ticket, now=now))

    assert Counter(map(type, results)) == {tuple: 1, errors.InvalidCredentials: 19}


def _ticket(opened: LoggedIn) -> str:
    actor = selectors.actor_for_user(user_id=opened.user.pk, session_id=opened.session.pk)
    return tickets.issue_ticket(actor=actor, now=timezone.now()).value
