"""Flapping: four changes in five minutes are one episode, until ten minutes are calm."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices import selectors
from devices.models import FlapEpisode
from devices.services import flapping, presence, sessions, unpairing
from kernel.actors import Actor
from tests.devices.connections import at, frames, heard_events, told_of
from tests.factories.devices import Board, connected_device, make_device, reconnected

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def bounce(board: Board, *seconds: float, reason: str = "connection_closed") -> Board:
    """Lose the session and open the next one, in turn, at these times."""
    for number, moment in enumerate(seconds):
        if number % 2:
            board = reconnected(board, now=at(moment))
        else:
            sessions.close_session(
                device_id=board.device_id, epoch=board.epoch, reason=reason, now=at(moment)
            )
    return board


def episodes() -> list[FlapEpisode]:
    return list(FlapEpisode.objects.unscoped("tests look at everything").order_by("pk"))


def test_the_fourth_change_within_five_minutes_opens_an_episode(owner: Actor) -> None:
    board = bounce(connected_device(owner, now=at(0)), 10, 20)
    assert not episodes()
    bounce(board, 30)
    (episode,) = episodes()
    assert (episode.count, episode.began_at, episode.last_at) == (4, at(0), at(30))
    assert episode.ended_at is None


def test_changes_further_apart_are_no_flapping(owner: Actor) -> None:
    bounce(connected_device(owner, now=at(0)), 100, 200, 301, 401, 502, 602)
    assert not episodes()


def test_while_it_flaps_only_the_log_tells_each_change(
    owner: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    with heard_events(django_capture_on_commit_callbacks) as heard:
        board = bounce(connected_device(owner, now=at(0)), *range(10, 100, 10))
    assert [type(event).__name__ for event in heard] == [
        *["PresenceChanged"] * 3,
        "FlappingBegan",
    ]
    assert [frame.get("flapping") for frame in frames("presence")] == [None, None, None, True]
    assert len(told_of(board)) == 10
    assert episodes()[0].count == 10


def test_ten_calm_minutes_end_it_and_tell_how_the_device_stands(
    owner: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    board = bounce(connected_device(owner, now=at(0)), 10, 20, 30, 40)
    assert flapping.settle(at(40 + 599)) == 0
    with heard_events(django_capture_on_commit_callbacks) as heard:
        assert flapping.settle(at(40 + 600)) == 1
        assert flapping.settle(at(40 + 601)) == 0
    (ended,) = heard
    assert (type(ended).__name__, ended.is_online) == ("FlappingEnded", True)
    last = frames("presence")[-1]
    assert (last["connectivity"], last["flapping"]) == ("online", False)
    assert episodes()[0].ended_at == at(640)
    assert not board.presence().is_flapping
    bounce(board, 700)
    assert "flapping" not in frames("presence")[-1]


def test_the_list_shows_an_episode_as_one_item(owner: Actor) -> None:
    board = bounce(connected_device(owner, now=at(0)), 1000, 1400, *range(1500, 1580, 10))
    device = board.row()
    shown = selectors.connections_of(device=device, actor=owner, limit=10)
    assert [item["kind"] for item in shown] == ["FLAPPING", "DISCONNECTED", "CONNECTED"]
    assert shown[0]["count"] == 9
    assert (shown[0]["began_at"], shown[0]["at"]) == (at(1400), at(1570))
    assert [item["kind"] for item in selectors.connections_of(device=device, actor=owner, limit=2)] == [
        "FLAPPING", "DISCONNECTED",
    ]  # fmt: skip


def test_restarts_of_the_server_and_takeovers_are_no_flapping(owner: Actor) -> None:
    board = bounce(connected_device(owner, now=at(0)), *range(10, 70, 10), reason="server_restart")
    for step in range(70, 80):
        board = reconnected(board, now=at(step))
    assert not episodes()


def test_the_end_of_a_life_ends_its_episode(owner: Actor) -> None:
    board = bounce(connected_device(owner, now=at(0)), 10, 20, 30)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(31))
    assert episodes()[0].ended_at == at(31)
    assert flapping.settle(at(5000)) == 0


def statements_of(boards: list[Board], second: float) -> int:
    with CaptureQueriesContext(connection) as made:
        assert presence.sweep(at(second)) == len(boards)
    return len(made)


def test_a_fleet_that_flaps_costs_the_statements_of_one_device(owner: Actor) -> None:
    """A line that comes and goes does so for everybody; the sweep must stay on time."""
    counted = []
    for start, count in ((0, 2), (1000, 8)):
        boards = [connected_device(owner, now=at(start)) for _ in range(count)]
        for moment in (60, 130, 200):
            counted.append(statements_of(boards, start + moment))
            if moment < 200:
                boards = [reconnected(board, now=at(start + moment + 10)) for board in boards]
    assert counted[:3] == counted[3:]
    assert [episode.count for episode in episodes()] == [6] * 10


def test_one_flapping_device_says_nothing_of_its_neighbour(owner: Actor) -> None:
    bounce(connected_device(owner, now=at(0)), 10, 20, 30, 40)
    quiet = reconnected(make_device(owner), now=at(41))
    assert frames("presence")[-1]["device_uid"] == quiet.uid
    assert len(episodes()) == 1
