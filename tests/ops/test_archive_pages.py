"""What was: the lives of one piece of hardware, and the archive of all that have ended."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from devices.services import releasing
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.users import make_user
from tests.ops.console import Person, row, unpair

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def stranger(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def board(owner: Person) -> Board:
    return connected_device(owner.actor, relay_count=2)


def test_the_lives_page_tells_each_life_of_the_viewer_newest_first(owner: Person) -> None:
    first = connected_device(owner.actor, relay_count=1)
    hardware = row(first.uid).hardware_id
    unpair(owner, first)
    second = make_device(owner.actor, hardware_id=hardware, relay_count=1)
    for uid in (first.uid, second.uid):
        body = owner.page(f"/dashboard/devices/{uid}/lives")
        assert re.findall(r'id="life-(\d+)"', body) == ["2", "1"]
        assert "It goes on" in body
        assert "It was unpaired by" in body
        assert "How it stood in the end" in body
        assert "&quot;relay_index&quot;" in body


def test_the_lives_of_others_do_not_appear(owner: Person, stranger: Person, board: Board) -> None:
    released = releasing.release_device(device_uid=board.uid, actor=owner.actor, now=timezone.now())
    stranger.sent_on("/dashboard/claim", claim_code=released.claim_code)
    theirs = stranger.page(f"/dashboard/devices/{released.device_uid}/lives")
    assert re.findall(r'id="life-(\d+)"', theirs) == ["2"]
    assert board.uid not in theirs
    assert owner.actor.label not in theirs
    mine = owner.page(f"/dashboard/devices/{board.uid}/lives")
    assert re.findall(r'id="life-(\d+)"', mine) == ["1"]
    assert "It was released for a new owner by" in mine


def test_the_archive_is_searched_and_filtered(owner: Person, stranger: Person) -> None:
    boards = [make_device(owner.actor) for _ in range(3)]
    for each in boards[:2]:
        unpair(owner, each)
    releasing.release_device(device_uid=boards[2].uid, actor=owner.actor, now=timezone.now())
    assert _archived(owner.page("/dashboard/archive")) == [each.uid for each in reversed(boards)]
    assert _archived(owner.page("/dashboard/archive?end_reason=released")) == [boards[2].uid]
    assert _archived(owner.page(f"/dashboard/archive?q={boards[0].uid}")) == [boards[0].uid]
    assert "Nothing in the archive matches" in owner.page("/dashboard/archive?device_class=server")
    assert "Nothing has ended yet" in stranger.page("/dashboard/archive")


def test_a_long_archive_continues_on_the_next_page(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.lives.PAGE_SIZE", 2)
    boards = [make_device(owner.actor) for _ in range(5)]
    for each in boards:
        unpair(owner, each)
    seen: list[str] = []
    path: str | None = "/dashboard/archive"
    while path:
        body = owner.page(path)
        seen += _archived(body)
        following = re.search(r'href="(\?[^"]*)" rel="next"', body)
        path = f"/dashboard/archive{following[1]}" if following else None
    assert seen == [each.uid for each in reversed(boards)]


def test_archived_devices_count_nowhere(owner: Person) -> None:
    kept, gone = connected_device(owner.actor), connected_device(owner.actor)
    assert "2 of 2 online" in owner.page("/dashboard/devices")
    unpair(owner, gone)
    body = owner.page("/dashboard/devices")
    assert "1 of 1 online" in body
    assert gone.uid not in body
    assert kept.uid in body


def _archived(body: str) -> list[str]:
    listed = body.split('data-refresh="archive"')[1]
    return re.findall(r'<a href="/dashboard/devices/([^"/]+)">', listed)
