"""One device: editing it, unpairing it, and what an old link shows of it afterwards."""

from __future__ import annotations

import re

import pytest

from tests.factories.devices import Board, connected_device, switch
from tests.factories.users import make_user
from tests.household.newcomers import provision
from tests.ops.console import Person, member, row

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def board(owner: Person) -> Board:
    return connected_device(owner.actor, relay_count=2)


def test_name_and_room_are_changed_together_and_other_tags_stay(
    owner: Person, board: Board
) -> None:
    owner.sent_on(f"/app/devices/{board.uid}/edit", name="Lamp", other="Kitchen")
    assert (row(board.uid).name, row(board.uid).tags) == ("Lamp", ["room=Kitchen"])
    owner.sent_on(f"/app/devices/{board.uid}/edit", name="Lamp", other="")
    assert row(board.uid).tags == []


def test_a_name_that_is_none_is_told_beside_the_field(owner: Person, board: Board) -> None:
    body = owner.post(f"/app/devices/{board.uid}/edit", 400, name=" ", other="Kitchen")
    assert "Give it a name." in body
    assert row(board.uid).tags == []


def test_unpairing_says_what_becomes_of_the_history_and_the_old_link_shows_it(
    owner: Person, board: Board
) -> None:
    switch(owner.actor, board, 0, True)
    assert "The history stays" in owner.page(f"/app/devices/{board.uid}/unpair")
    assert owner.sent_on(f"/app/devices/{board.uid}/unpair") == f"/app/devices/{board.uid}"
    body = owner.page(f"/app/devices/{board.uid}")
    assert "UNPAIRED" in body
    assert "Turn Relay 1 on" in body
    assert "was unpaired" in body
    # Twice is fine.
    assert owner.sent_on(f"/app/devices/{board.uid}/unpair") == f"/app/devices/{board.uid}"


def test_nothing_of_an_unpaired_device_can_be_pressed_or_sent(owner: Person, board: Board) -> None:
    owner.sent_on(f"/app/devices/{board.uid}/unpair")
    body = owner.page(f"/app/devices/{board.uid}")
    main = body[body.index("<main") : body.index("</main>")]
    buttons = re.findall(r"<button[^>]*>", main)
    assert len(buttons) == 6
    assert all(' disabled aria-describedby="locked"' in button for button in buttons)
    assert 'id="locked"' in main
    assert "<form" not in main
    owner.sent_on(f"/app/devices/{board.uid}/favourite", favourite="yes")
    assert "data-device-card" not in owner.page("/app")


def test_the_next_life_is_offered_where_the_viewer_has_it(owner: Person) -> None:
    first = provision("board-7")
    claimed = owner.sent_on("/app/add", claim_code=first.claim_code)
    assert claimed == f"/app/add/{first.device_uid}/name"
    owner.sent_on(f"/app/devices/{first.device_uid}/unpair")
    again = provision("board-7")
    owner.sent_on("/app/add", claim_code=again.claim_code)
    body = owner.page(f"/app/devices/{first.device_uid}")
    assert f"/app/devices/{again.device_uid}" in body


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_who_manages_may_unpair(owner: Person, board: Board, role: str) -> None:
    person = member(owner, role)
    assert "Unpair this device" not in person.page(f"/app/devices/{board.uid}")
    person.page(f"/app/devices/{board.uid}/unpair", 403)
    person.post(f"/app/devices/{board.uid}/unpair", 403)
    assert row(board.uid).is_active


def test_the_diary_tells_everything_once_over_its_pages(owner: Person, board: Board) -> None:
    for number in range(50):
        switch(owner.actor, board, number % 2, bool(number % 3))
    path, told = "/app/activity", 0
    for _ in range(5):
        body = owner.page(path)
        told += body.count('#power"')
        older = re.search(r'href="(/app/activity\?until=[^"]+)">Older', body)
        if older is None:
            break
        path = older[1]
    assert told == 50


def test_a_moment_that_is_none_shows_the_newest(owner: Person, board: Board) -> None:
    for until in ("nonsense", "2026-13-45T99:00:00Z", "2026-01-01T00:00:00"):
        assert "was added" in owner.page(f"/app/activity?until={until}")
