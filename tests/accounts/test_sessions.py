"""Seeing where one is signed in, and ending it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import selectors
from accounts.choices import SessionKind
from accounts.models import LoginSession, User
from accounts.services import lifecycle
from accounts.types import LoggedIn
from kernel import errors, realtime
from kernel.actors import Actor
from tests.accounts import people

URL = "/api/v1/auth/sessions"
ME = "/api/v1/auth/me"


@pytest.mark.core
def test_i_see_my_own_live_sessions_the_newest_first(
    ada: User, session: LoggedIn, signed_in: APIClient
) -> None:
    other = people.sign_in(ada, kind=SessionKind.BROWSER)
    people.sign_in(people.make_user("eve@example.com"))

    body = signed_in.get(URL).json()

    assert [(item["uid"], item["kind"], item["is_current"]) for item in body["items"]] == [
        (other.session.uid, "browser", False),
        (session.session.uid, "api", True),
    ]
    assert body["items"][1].keys() == {
        "uid",
        "kind",
        "created_at",
        "last_used_at",
        "user_agent",
        "address",
        "is_current",
    }


@pytest.mark.core
def test_ending_a_session_voids_its_tokens_at_once(ada: User, signed_in: APIClient) -> None:
    other = people.sign_in(ada)
    client = people.client_of(other)
    assert client.get(ME).status_code == 200

    assert signed_in.delete(f"{URL}/{other.session.uid}").status_code == 204

    people.assert_refused(client.get(ME), 401, "not_authenticated")
    refresh = {"refresh_token": people.tokens_of(other).refresh_token}
    people.assert_refused(client.post("/api/v1/auth/refresh", refresh), 401, "invalid_credentials")
    assert signed_in.get(ME).status_code == 200
    assert LoginSession.objects.get(uid=other.session.uid).end_reason == "ended_by_user"


@pytest.mark.core
def test_another_users_session_reads_like_a_missing_one(signed_in: APIClient) -> None:
    foreign = people.sign_in(people.make_user("eve@example.com"))

    answers = [
        signed_in.delete(f"{URL}/{uid}", headers={"X-Request-ID": "same"})
        for uid in (foreign.session.uid, "nothing")
    ]

    for answer in answers:
        people.assert_refused(answer, 404, "not_found")
    assert answers[0].content == answers[1].content
    assert LoginSession.objects.get(uid=foreign.session.uid).ended_at is None


def test_ending_a_session_twice_is_not_found(ada: User, signed_in: APIClient) -> None:
    address = f"{URL}/{people.sign_in(ada).session.uid}"
    signed_in.delete(address)

    people.assert_refused(signed_in.delete(address), 404, "not_found")


def test_ending_all_others_keeps_mine(ada: User, signed_in: APIClient) -> None:
    others = [people.sign_in(ada) for _ in range(3)]
    stranger = people.client_of(people.sign_in(people.make_user("eve@example.com")))

    assert signed_in.delete(URL).json() == {"ended": 3}

    assert signed_in.get(ME).status_code == 200
    assert stranger.get(ME).status_code == 200
    for other in others:
        people.assert_refused(people.client_of(other).get(ME), 401, "not_authenticated")


def test_logging_out_ends_the_session_i_came_with(session: LoggedIn, signed_in: APIClient) -> None:
    assert signed_in.post("/api/v1/auth/logout").status_code == 204

    people.assert_refused(signed_in.get(ME), 401, "not_authenticated")
    assert LoginSession.objects.get().end_reason == "logout"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", ME),
        ("patch", ME),
        ("get", URL),
        ("delete", URL),
        ("delete", f"{URL}/anything"),
        ("post", "/api/v1/auth/logout"),
        ("post", "/api/v1/auth/password"),
        ("post", "/api/v1/auth/ws-ticket"),
    ],
)
def test_a_stranger_gets_401(api: APIClient, method: str, address: str) -> None:
    response = getattr(api, method)(address)

    people.assert_refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.core
def test_an_ended_session_is_announced_to_the_sockets_after_commit(
    ada: User,
    session: LoggedIn,
    signed_in: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(realtime, "publish", lambda topic, message: heard.append((topic, message)))
    with django_capture_on_commit_callbacks() as callbacks:
        signed_in.post("/api/v1/auth/logout")
    assert heard == []

    for callback in callbacks:
        callback()

    assert heard == [
        (
            realtime.user_topic(ada.pk),
            {
                "type": "session_ended",
                "session": session.session.uid,
                "session_id": session.session.pk,
                "reason": "logout",
            },
        )
    ]


@pytest.mark.core
def test_invalid_sessions_names_the_ended_the_unknown_and_the_deactivated(
    ada: User, session: LoggedIn
) -> None:
    eve = people.sign_in(people.make_user("eve@example.com"))
    ended = people.sign_in(ada)
    LoginSession.objects.filter(pk=ended.session.pk).update(ended_at=timezone.now())
    lifecycle.deactivate_user(user_id=eve.user.pk, actor=Actor.system("t"), now=timezone.now())

    wanted = {session.session.pk, eve.session.pk, ended.session.pk, 10**9}

    assert selectors.invalid_sessions(wanted) == {eve.session.pk, ended.session.pk, 10**9}
    assert selectors.invalid_sessions([]) == set()


@pytest.mark.core
def test_the_actor_of_a_user_has_their_roles_and_ends_with_the_session(
    ada: User, session: LoggedIn
) -> None:
    actor = selectors.actor_for_user(
        user_id=ada.pk, session_id=session.session.pk, request_id="r", address="::1", via="socket"
    )

    assert (actor.kind, actor.id, actor.label, actor.via) == ("user", ada.uid, "Ada", "socket")
    assert list(actor.roles.values()) == ["owner"]
    assert actor.session_id == session.session.pk
    assert selectors.actor_for_user(user_id=ada.pk).roles == actor.roles

    LoginSession.objects.update(ended_at=timezone.now())
    with pytest.raises(errors.NotAuthenticated):
        selectors.actor_for_user(user_id=ada.pk, session_id=session.session.pk)
    with pytest.raises(errors.NotAuthenticated):
        selectors.actor_for_user(user_id=10**9)


@pytest.mark.core
@pytest.mark.parametrize("uid", ["%F0%9F%98%80", "x" * 3000, "..", "1 OR 1=1"])
def test_a_nonsense_session_id_is_not_found(signed_in: APIClient, uid: str) -> None:
    people.assert_refused(signed_in.delete(f"{URL}/{uid}"), 404, "not_found")


@pytest.mark.core
@pytest.mark.parametrize(
    "cursor", ["x", "cD1hYmM=", "cD0lMDA=", "cj0xJnA9MQ==", "bz05OTk5OTk5OTk5OTk="]
)
def test_a_nonsense_cursor_never_breaks_the_list(signed_in: APIClient, cursor: str) -> None:
    assert signed_in.get(URL, {"cursor": cursor}).status_code in {200, 400, 404}
