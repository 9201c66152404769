"""My account on pages: name, password, sessions, what is arranged, and erasing it."""

from __future__ import annotations

import pytest

from accounts import selectors
from accounts.services import preferences
from ops.clients import client_of
from tests.accounts.people import PASSWORD, browser_of, make_admin, sign_in
from tests.factories.users import make_user
from tests.ops.console import Person

pytestmark = [pytest.mark.django_db, pytest.mark.core]
PAGE = "/dashboard/account"


@pytest.fixture
def ada(db: None) -> Person:
    return Person(make_user("ada@example.com"))


def test_a_name_is_changed_and_shown_as_text(ada: Person) -> None:
    assert ada.sent_on(f"{PAGE}/name", display_name="Ada <b>L</b>") == f"{PAGE}?said=name"
    body = ada.page(f"{PAGE}?said=name")
    assert "Ada &lt;b&gt;L&lt;/b&gt;" in body and "Your name is changed." in body
    ada.post(f"{PAGE}/name", 400, display_name="x" * 500)


def test_a_password_is_changed_with_the_one_in_use(ada: Person) -> None:
    elsewhere = browser_of(selectors.user_by_email("ada@example.com"))
    told = ada.post(f"{PAGE}/password", 400, current_password="wrong", new_password="new one 1 2 3")
    assert "This is not your password." in told and 'value="wrong"' not in told
    assert "This password is" in ada.post(
        f"{PAGE}/password", 400, current_password=PASSWORD, new_password="123"
    )
    ada.sent_on(
        f"{PAGE}/password", current_password=PASSWORD, new_password="correct battery staple 9"
    )
    assert "ada@example.com" in ada.page(PAGE)
    assert elsewhere.get(PAGE).status_code == 302


def test_sessions_are_shown_and_ended(ada: Person) -> None:
    user = selectors.user_by_email("ada@example.com")
    other, third = sign_in(user).session, sign_in(user).session
    body = ada.page(PAGE)
    assert body.count("This one") == 1 and other.uid in body
    assert ada.sent_on(f"{PAGE}/sessions", session=other.uid) == f"{PAGE}?said=session"
    body = ada.page(PAGE)
    assert other.uid not in body and third.uid in body
    foreign = sign_in(make_user()).session
    ada.post(f"{PAGE}/sessions", 404, session=foreign.uid)
    ada.sent_on(f"{PAGE}/sessions")
    assert [each.pk for each in selectors.sessions_of(ada.actor)] != []
    assert selectors.sessions_of(ada.actor).count() == 1


def test_what_is_arranged_is_kept_and_shown(ada: Person) -> None:
    chosen = {"start_page": "app", "theme": "dark", "time_zone": "Europe/Berlin"}
    ada.sent_on(f"{PAGE}/preferences", **chosen)
    kept = preferences.read_preferences(actor=ada.actor).members["dashboard_settings"]
    assert kept == chosen
    assert 'data-time-zone="Europe/Berlin"' in ada.page(PAGE)
    ada.sent_on(f"{PAGE}/preferences", **chosen | {"time_zone": ""})
    assert "data-time-zone" not in ada.page(PAGE)
    ada.post(f"{PAGE}/preferences", 400, **chosen | {"time_zone": "Mars/Olympus"})


def test_an_account_is_erased_with_its_password_only(ada: Person) -> None:
    assert "cannot be taken back" in ada.page(f"{PAGE}/erase")
    assert "This is not your password." in ada.post(f"{PAGE}/erase", 400, password="wrong")
    body = ada.post(f"{PAGE}/erase", password=PASSWORD)
    assert "being erased" in body and "X-Report-Token" in body
    assert ada.client.get(PAGE).status_code == 302


def test_the_last_administrator_is_told_to_stay(db: None) -> None:
    root = Person(make_admin())
    body = root.page(f"{PAGE}/erase")
    assert "last administrator" in body and 'name="password"' not in body
    root.post(f"{PAGE}/erase", 409, password=PASSWORD)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown client"),
        ("x" * 200, "x" * 60),
    ],
)
def test_clients_are_called_by_their_names(agent: str, said: str) -> None:
    assert client_of(agent) == said
