"""Sessions that their processes left behind, of devices that are heard over MQTT since."""

from __future__ import annotations

import pytest

from devices.services import contacts, left_sessions, sessions
from devices.types import HeldSession
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.devices.connections import at, lines_of
from tests.factories.devices import Board, make_device, reconnected

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def board(owner: Actor) -> Board:
    """A device with a session from second 10 on, whose MQTT client greets in second 20."""
    made = reconnected(make_device(owner, now=at(0)), now=at(10))
    contacts.greet(device_uid=made.uid, client_session="c-1", now=at(20))
    return made


def publish(board: Board, second: float) -> None:
    with unit_of_work():
        contacts.confirm_publishers(device_uids={board.uid}, now=at(second))


def held(board: Board) -> HeldSession:
    return HeldSession(board.device_id, board.epoch, None, board.uid)


def test_a_session_that_nobody_speaks_for_ends_and_its_device_is_on_mqtt(board: Board) -> None:
    publish(board, 79)
    assert board.session().is_live
    publish(board, 80)
    row = board.session()
    assert (row.is_live, row.epoch, row.observed_seq) == (False, board.epoch + 1, -1)
    assert (board.presence().is_online, board.presence().wire) == (True, "mqtt")
    assert [(line.kind, line.wire) for line in lines_of(board)[-2:]] == [
        ("DISCONNECTED", "websocket"),
        ("CONNECTED", "mqtt"),
    ]
    with unit_of_work():
        facts = sessions.lock_session(device_id=board.device_id)
    assert facts.wire_at(at(80)) == "mqtt"


def test_who_holds_a_session_takes_the_doubt_from_it(board: Board) -> None:
    for second in range(30, 300, 10):
        publish(board, second)
        doubted = board.session().greeted_at
        if doubted is not None and at(second) - doubted >= left_sessions.CLEARED_AFTER:
            left_sessions.vouch_for(held=[held(board)])
    assert board.session().is_live


def test_a_doubt_from_before_a_session_says_nothing_of_it(board: Board) -> None:
    again = reconnected(board, now=at(500))
    publish(again, 501)
    assert again.session().is_live
    left_sessions.vouch_for(held=[held(board)])
    assert again.session().greeted_at is not None
    publish(again, 560)
    assert not again.session().is_live
