"""The timeline, the audit, the keys and the "why?" of a device on pages and over the API."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from commands.services import sweeping
from devices.models import DeviceCredential
from devices.services import credentials, editing, rotation, sessions
from devices.types import DeviceChanges
from ops.device_tabs import URL_NAMES
from tests.factories.devices import Board, connected_device, switch
from tests.factories.users import make_user
from tests.ops.console import Person, member, row, unpair

pytestmark = pytest.mark.django_db
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the device."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device, which is connected."""
    return connected_device(ada.actor)


def entries(body: str) -> list[str]:
    return re.findall(r'data-entry="([a-z]+-\d+)"', body)


def test_every_page_of_a_device_leads_to_every_other(ada: Person, board: Board) -> None:
    body = ada.page(f"/dashboard/devices/{board.uid}")
    found = re.findall(r'class="device-tab" href="([^"]+)"', body)
    assert len(found) == len(URL_NAMES) - 1  # infrared is for those who can
    for address in found:
        page = ada.page(address)
        assert re.findall(r'class="device-tab" href="([^"]+)" aria-current="page"', page) == [
            address
        ]
        assert page.count("<h1") == 1


def test_the_timeline_is_by_day_and_loads_older_ones(ada: Person, board: Board) -> None:
    for number in range(45):
        switch(ada.actor, board, number % 4, number % 2 == 0)
    newest = ada.page(f"/dashboard/devices/{board.uid}/timeline")
    assert "Today · " in newest
    assert "data-story-live" in newest
    older = re.search(r'href="(\?before=[^"]+)"[^>]* data-story-older', newest)
    assert older is not None
    second = ada.page(f"/dashboard/devices/{board.uid}/timeline{older[1]}")
    assert entries(newest)
    assert entries(second)
    assert not set(entries(newest)) & set(entries(second))
    assert "data-story-live" not in second
    assert "That is where it began." in second


def test_the_timeline_keeps_to_what_is_chosen(ada: Person, board: Board) -> None:
    switch(ada.actor, board, 0, True)
    path = f"/dashboard/devices/{board.uid}/timeline"
    assert {name.partition("-")[0] for name in entries(ada.page(f"{path}?source=commands"))} == {
        "command"
    }
    assert "Nothing of that happened" in ada.page(f"{path}?until=2020-01-01")
    assert "before the first one" in ada.page(f"{path}?since=2026-02-02&until=2026-02-01", 400)
    assert ada.client.get(f"{path}?before=1.nothing.1").status_code == 302


def test_hostile_names_stay_text_in_the_timeline(ada: Person, board: Board) -> None:
    editing.update_device(
        device_uid=board.uid,
        changes=DeviceChanges(name=HOSTILE, relay_names={"0": HOSTILE}),
        actor=ada.actor,
        now=timezone.now(),
    )
    switch(ada.actor, board, 0, True)
    for page in ("", "/timeline", "/audit", "/credentials", "/lives"):
        assert HOSTILE not in ada.page(f"/dashboard/devices/{board.uid}{page}")
    assert HOSTILE not in ada.page("/dashboard/commands")


def test_the_timeline_over_the_api_pages_by_address(ada: Person, board: Board) -> None:
    switch(ada.actor, board, 0, True)
    switch(ada.actor, board, 1, True)
    path = f"/api/v1/devices/{board.uid}/timeline?source=commands&limit=1"
    first = ada.client.get(path).json()
    second = ada.client.get(first["older"]).json()
    assert [len(first["items"]), len(second["items"])] == [1, 1]
    assert second["older"] is None
    assert ada.client.get(second["newer"]).json()["items"] == first["items"]
    assert first["items"][0]["chain"][0]["role"] == "cause"
    assert ada.client.get(f"{path}&source=weather").status_code == 400
    assert ada.client.get(f"{path}&before=x").status_code == 400


def test_why_is_the_same_on_the_page_and_over_the_api(ada: Person, board: Board) -> None:
    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason="connection_lost", now=timezone.now()
    )
    answers = ada.client.get(f"/api/v1/devices/{board.uid}/why").json()["answers"]
    body = ada.page(f"/dashboard/devices/{board.uid}")
    assert [answer["subject"] for answer in answers] == ["connectivity", "sync", "control"]
    assert answers[0]["state"] == "offline"
    assert answers[0]["reasons"][0]["text"] == "The network lost the connection."
    for answer in answers:
        assert answer["question"] in body
        assert answer["summary"] in body


def test_a_try_that_came_to_nothing_is_told_beside_its_relay(ada: Person, board: Board) -> None:
    made = switch(ada.actor, board, 2, True, now=timezone.now() - timedelta(minutes=5))
    sweeping.sweep(now=timezone.now())
    body = ada.page(f"/dashboard/devices/{board.uid}")
    relay = re.search(r'<li class="relay" id="relay-2".*?</li>', body, re.DOTALL)
    assert relay is not None
    assert "Stayed so:" in relay[0]
    assert f"/dashboard/commands/{made.id}" in relay[0]
    assert body.count("Stayed so:") == 1


def test_who_still_uses_the_old_key_is_seen(ada: Person, board: Board) -> None:
    now = timezone.now()
    made = rotation.rotate_token(device_uid=board.uid, actor=ada.actor, now=now)
    path = f"/dashboard/devices/{board.uid}/credentials"
    assert "Waiting for its first use" in ada.page(path)
    use = {"device_uid": board.uid, "via": "api"}
    credentials.authenticate_device(
        token=made.api_key, address="192.0.2.7", now=now + timedelta(minutes=1), **use
    )
    assert "was not seen since the new one" in ada.page(path)
    credentials.authenticate_device(
        token=board.token, address="192.0.2.99", now=now + timedelta(minutes=2), **use
    )
    body = ada.page(path)
    assert "The old key is still used." in body
    assert "192.0.2.99" in body
    assert made.api_key not in body
    assert board.token not in body


def test_a_use_of_a_key_is_noted_once_an_hour_and_at_once_from_elsewhere(
    ada: Person, board: Board
) -> None:
    now = timezone.now()

    def use(after: timedelta, address: str) -> tuple[timedelta, str, str]:
        credentials.authenticate_device(
            device_uid=board.uid, token=board.token, address=address, via="api", now=now + after
        )
        key = DeviceCredential.objects.get(device_id=board.device_id)
        assert key.last_used_at is not None
        return key.last_used_at - now, key.last_address, key.last_used_over

    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert use(minute, "192.0.2.1") == (minute, "192.0.2.1", "http")
    assert use(2 * minute, "192.0.2.1") == (minute, "192.0.2.1", "http")
    assert use(3 * minute, "192.0.2.2") == (3 * minute, "192.0.2.2", "http")
    assert use(3 * minute + hour, "192.0.2.2") == (3 * minute + hour, "192.0.2.2", "http")


def test_the_audit_of_a_device_is_filtered(ada: Person, board: Board) -> None:
    path = f"/dashboard/devices/{board.uid}/audit"
    rotation.rotate_token(device_uid=board.uid, actor=ada.actor, now=timezone.now())
    assert "New key made" in ada.page(path) or "rotation" in ada.page(path)
    narrowed = ada.page(f"{path}?action=devices.credential.rotation_started")
    assert narrowed.count("data-entry") == 1
    assert "Nothing found" in ada.page(f"{path}?who=nobody-of-that-name")


def test_commands_of_all_devices_are_narrowed(ada: Person, board: Board) -> None:
    other = connected_device(ada.actor)
    first, second = switch(ada.actor, board, 0, True), switch(ada.actor, other, 1, True)
    stranger = connected_device(Person(make_user()).actor)

    def found(query: str) -> set[str]:
        body = ada.page(f"/dashboard/commands?{query}")
        return set(re.findall(r'data-command-id="([^"]+)"', body))

    assert found("") == {first.id, second.id}
    assert found(f"device={board.uid}") == {first.id}
    assert found(f"device={stranger.uid}") == set()
    assert found("show=open") == {first.id, second.id}
    assert found("state=failed") == set()
    assert found("kind=set_relay") == {first.id, second.id}
    assert found("kind=reboot") == set()
    assert found(f"who={ada.actor.label}") == {first.id, second.id}
    assert found("who=nobody-of-that-name") == set()
    assert found(f"before={second.id}") == {first.id}


def test_commands_of_what_one_person_did_are_found_among_those_of_others(
    ada: Person, board: Board
) -> None:
    helper = member(ada, "operator")
    mine = switch(helper.actor, board, 0, True)
    for number in range(3):
        switch(ada.actor, board, 1, number % 2 == 0)
    body = ada.page(f"/dashboard/commands?who={helper.actor.id}")
    assert re.findall(r'data-command-id="([^"]+)"', body) == [mine.id]


def test_an_ended_life_says_so_on_every_page(ada: Person, board: Board) -> None:
    pages = re.findall(
        r'class="device-tab" href="([^"]+)"', ada.page(f"/dashboard/devices/{board.uid}")
    )
    unpair(ada, board)
    for address in pages:
        body = ada.page(address)
        assert 'data-pairing="unpaired"' in body, address
        assert 'id="life-ended"' in body, address
    assert not row(board.uid).is_active
