"""The palette finds what its viewer may see, and nothing of anybody else's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from devices.services import editing
from devices.types import DeviceChanges
from tests.factories.devices import Board, connected_device
from tests.factories.sites import join, make_site, site_row
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return Person(make_user())


def _named(person: Person, name: str, **changes: Any) -> Board:
    board = connected_device(person.actor, relay_count=2)
    editing.update_device(
        device_uid=board.uid,
        changes=DeviceChanges(name=name, **changes),
        actor=person.actor,
        now=timezone.now(),
    )
    return board


def _found(person: Person, text: str = "") -> list[dict[str, Any]]:
    answer = person.client.get(f"/api/v1/palette?{urlencode({'q': text})}")
    assert answer.status_code == 200, answer.content
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _titles(items: list[dict[str, Any]], kind: str) -> list[str]:
    return [item["title"] for item in items if item["kind"] == kind]


@pytest.mark.core
def test_everything_is_found_by_its_name(ada: Person) -> None:
    board = _named(ada, "Lobby board", relay_names={"0": "Lamp", "1": "Door"})
    make_site(ada.actor, "lobby")
    ada.sent_on(
        "/dashboard/groups/new",
        name="Lobby boards",
        kind="dynamic",
        query="status:online",
        do="save",
    )

    found = _found(ada, "lobby")

    assert _titles(found, "device") == ["Lobby board"]
    assert _titles(found, "relay") == ["Lamp", "Door"]
    assert _titles(found, "group") == ["Lobby boards"]
    assert _titles(found, "site") == [site_row(ada.actor, "lobby").name]
    device = next(item for item in found if item["kind"] == "device")
    assert device["url"] == f"/dashboard/devices/{board.uid}"
    assert device["state"] == "online"
    for item in found:
        if item["url"]:
            assert ada.client.get(item["url"]).status_code == 200, item


def test_a_device_and_its_relay_are_named_together(ada: Person) -> None:
    board = _named(ada, "Lobby board", relay_names={"0": "Lamp", "1": "Door"})

    found = _found(ada, "lobby  lamp")

    assert _titles(found, "device") == []
    assert [(item["title"], item["device_uid"], item["relay_index"]) for item in found] == [
        ("Lamp", board.uid, 0)
    ]


def test_who_may_not_switch_is_offered_no_switch(ada: Person) -> None:
    _named(ada, "Lobby board")

    found = _found(member(ada, "viewer"), "lobby")

    assert [item["kind"] for item in found] == ["device"]


@pytest.mark.core
def test_what_is_not_the_viewers_is_not_found(ada: Person) -> None:
    _named(ada, "Lobby board")
    make_site(ada.actor, "lobby")
    stranger = Person(make_user())
    limited = Person(join(ada.actor, "operator", site_ids=[site_row(ada.actor, "lobby").pk]))

    assert _found(stranger, "lobby") == []
    assert {item["kind"] for item in _found(limited, "lobby")} == {"site"}


def test_without_a_word_there_are_the_pages_that_may_be_followed(ada: Person) -> None:
    mine = _found(ada)
    of_viewer = _found(member(ada, "viewer"))

    assert {item["kind"] for item in mine} == {"page"}
    assert "Provisioning keys" in _titles(mine, "page")
    assert "Administration" not in _titles(mine, "page")
    # Everybody is an admin of their own tenant; the pages are for whom they take devices in.
    assert _titles(of_viewer, "page")
    for item in mine:
        assert ada.client.get(item["url"]).status_code in {200, 302}, item


@pytest.mark.parametrize("text", ["%", "_", "'\"<script>", "\u202e", "x" * 200])
def test_odd_words_find_nothing_and_break_nothing(ada: Person, text: str) -> None:
    _named(ada, "Lobby board")

    assert _titles(_found(ada, text), "device") == []


def test_more_than_a_line_is_refused(ada: Person) -> None:
    assert ada.client.get(f"/api/v1/palette?q={'x' * 201}").status_code == 400


def test_who_was_made_staff_is_led_to_the_administration() -> None:
    user = make_user()
    clerk = Person(user)
    assert 'href="/admin/"' not in clerk.client.get("/dashboard").content.decode()
    user.may_administer = True
    user.save()

    assert 'href="/admin/"' in clerk.client.get("/dashboard").content.decode()
    titles = _titles(_found(clerk), "page")
    assert "Administration" in titles
    assert "Users" not in titles
