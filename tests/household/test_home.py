"""The first page: whose devices it shows, in which order, and what it counts."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from devices.services import editing
from devices.types import DeviceChanges
from tests.factories.devices import Board, connected_device, make_device, switch
from tests.factories.sites import join, make_site
from tests.factories.users import make_user
from tests.ops.console import Person, member, unpair

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


def edit(owner: Person, board: Board, **changes: object) -> None:
    editing.update_device(
        device_uid=board.uid,
        changes=DeviceChanges(**changes),  # type: ignore[arg-type]
        actor=owner.actor,
        now=timezone.now(),
    )


def cards(body: str) -> list[str]:
    """Names of the devices on the page, in their order."""
    return re.findall(r"data-card-name>([^<]*)<", body)


def count(body: str, name: str) -> int:
    found = re.search(rf'data-count="{name}">(\d+)<', body)
    assert found, body
    return int(found[1])


def test_rooms_stand_in_order_and_favourites_before_them(owner: Person) -> None:
    boards = {name: connected_device(owner.actor, relay_count=1) for name in ("A", "B", "C", "D")}
    for name, board in boards.items():
        edit(owner, board, name=name)
    edit(owner, boards["A"], tags=["room=Kitchen"])
    edit(owner, boards["B"], tags=["room=Hall", "old"])
    assert cards(owner.page("/app")) == ["B", "A", "C", "D"]
    for name in ("D", "C"):
        owner.sent_on(f"/app/devices/{boards[name].uid}/favourite", favourite="yes", back="home")
    assert cards(owner.page("/app")) == ["D", "C", "B", "A"]
    assert cards(owner.page("/app?room=Hall")) == ["B"]
    owner.sent_on(f"/app/devices/{boards['D'].uid}/favourite", favourite="no", back="home")
    assert cards(owner.page("/app")) == ["C", "B", "A", "D"]


def test_a_room_that_is_none_shows_everything(owner: Person) -> None:
    connected_device(owner.actor)
    assert len(cards(owner.page("/app?room=Nowhere"))) == 1


def test_the_counters_are_those_of_the_viewer_alone(owner: Person) -> None:
    connected_device(owner.actor)
    gone = make_device(owner.actor)
    connected_device(Person(make_user()).actor)
    body = owner.page("/app")
    assert (count(body, "total"), count(body, "online"), count(body, "on")) == (2, 1, 0)
    unpair(owner, gone)
    assert count(owner.page("/app"), "total") == 1


def test_who_is_limited_to_a_site_sees_and_counts_its_devices_only(owner: Person) -> None:
    site = make_site(owner.actor, "garden")
    inside, outside = connected_device(owner.actor), connected_device(owner.actor)
    edit(owner, inside, name="Pump", site="garden", tags=["room=Shed"])
    edit(owner, outside, name="Safe", tags=["room=Cellar"])
    limited = Person(join(owner.actor, "operator", site_ids=[site.pk]))
    body = limited.page("/app")
    assert cards(body) == ["Pump"]
    assert count(body, "total") == 1
    assert "Cellar" not in body
    limited.page(f"/app/devices/{outside.uid}", 404)
    assert "Safe" not in limited.page("/app/activity")


def test_a_switch_that_waits_is_drawn_as_it_was_asked(owner: Person) -> None:
    board = connected_device(owner.actor, relay_count=1)
    switch(owner.actor, board, 0, True)
    tile = re.search(r'<li class="tile"[^>]*>', owner.page("/app"))
    assert tile is not None
    assert 'data-asked="true"' in tile[0]
    assert 'data-phase="pending"' in tile[0]
    assert 'data-is-on="true"' not in tile[0]


def test_who_may_only_look_finds_every_switch_locked_with_a_reason(owner: Person) -> None:
    connected_device(owner.actor, relay_count=2)
    body = member(owner, "viewer").page("/app")
    switches = re.findall(r"<button[^>]*data-(?:switch|explicit)[^>]*>", body)
    assert len(switches) == 6
    assert all(' disabled aria-describedby="look-only"' in button for button in switches)
    assert 'id="look-only"' in body


def test_names_from_outside_are_text(owner: Person) -> None:
    board = connected_device(owner.actor, relay_count=1)
    hostile = "<script>alert(1)</script>"
    edit(owner, board, name=hostile, relay_names={"0": hostile}, tags=[f"room={hostile[:40]}"])
    for path in ("/app", f"/app/devices/{board.uid}", "/app/activity"):
        body = owner.page(path)
        assert "<script>alert" not in body
        assert "&lt;script&gt;alert" in body


def test_a_favourite_that_is_somebody_elses_is_unknown(owner: Person) -> None:
    board = connected_device(owner.actor)
    Person(make_user()).post(f"/app/devices/{board.uid}/favourite", 404, favourite="yes")


def test_who_is_not_logged_in_is_sent_to_the_login_with_the_way_back(client: object) -> None:
    answer = client.get("/app/devices/x")  # type: ignore[attr-defined]
    assert answer.status_code == 302
    assert answer["Location"].endswith("?next=/app/devices/x")
