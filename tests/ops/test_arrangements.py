"""What viewers arrange is on the first paint of the page, on every browser of theirs."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from accounts.pages import arrangements
from tests.accounts.people import browser_of
from tests.factories.users import make_user
from tests.ops.console import Person

CARD = '{% load cards %}{% card "device.relays" title refresh="relays" note=note %}x{% endcard %}'
FOLDED = '{% load cards %}<details{% card_state "a.b" folded=True %}></details>'


def _request(**arranged: Any) -> Any:
    request = RequestFactory().get("/")
    request.arranged = arranged  # type: ignore[attr-defined]
    return request


def _rendered(template: str, **context: Any) -> str:
    return Template(template).render(Context(context))


@pytest.mark.parametrize(
    ("left", "template", "is_open"),
    [
        (None, CARD, True),
        ("closed", CARD, False),
        ("open", CARD, True),
        (None, FOLDED, False),
        ("open", FOLDED, True),
        ("nonsense", FOLDED, False),
    ],
)
def test_a_card_is_rendered_as_it_was_left(
    left: str | None, template: str, *, is_open: bool
) -> None:
    cards = {"device.relays": left, "a.b": left}
    body = _rendered(template, request=_request(dashboard_layout={"cards": cards}), title="T")

    assert (" open" in body.partition("<summary")[0]) is is_open


def test_a_card_escapes_what_it_is_called() -> None:
    body = _rendered(CARD, request=_request(), title="<script>", note='"><b>')

    assert "<script>" not in body and "<b>" not in body
    assert 'data-refresh="relays"' in body and 'id="card-device-relays"' in body


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_preferences_of_any_shape_break_no_page(anything: Any) -> None:
    request = _request(dashboard_layout=anything, dashboard_settings=anything)

    assert arrangements.is_open(request, "device.relays") in {True, False}
    assert arrangements.theme(request) in {"", *arrangements.THEMES}


@pytest.mark.django_db
def test_theme_menu_and_keys_are_the_same_on_every_browser() -> None:
    user = make_user()
    first, second = Person(user), browser_of(user)
    chosen = {"theme": "dark", "sidebar": "narrow", "keys": "off"}

    answer = first.client.patch(
        "/api/v1/preferences", {"dashboard_settings": chosen}, content_type="application/json"
    )

    assert answer.status_code == 200
    root = second.get("/dashboard/devices").content.decode().partition("<head>")[0]
    for attribute in ('data-theme="dark"', 'data-menu="narrow"', 'data-keys="off"'):
        assert attribute in root


@pytest.mark.django_db
def test_a_choice_nobody_offers_is_not_rendered() -> None:
    person = Person(make_user())
    hostile = {"theme": '"><script>', "sidebar": 7, "keys": ["off"]}
    person.client.patch(
        "/api/v1/preferences", {"dashboard_settings": hostile}, content_type="application/json"
    )

    assert '<html lang="en">' in person.page("/dashboard/devices")
