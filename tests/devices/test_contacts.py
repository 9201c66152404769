"""Contacts over MQTT: heard by messages, there from a greeting on, gone with the connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.conf import settings

from devices.errors import DeviceUnpaired
from devices.services import contacts, presence, sessions, unpairing
from devices.types import KnownPublisher
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.unit_of_work import unit_of_work
from tests.devices.connections import at, frames, lines_of, told_of
from tests.factories.devices import Board, make_device, reconnected
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def board(owner: Actor) -> Board:
    return make_device(owner, now=at(0))


def confirm(*uids: str, now: datetime) -> dict[str, KnownPublisher]:
    with unit_of_work():
        return contacts.confirm_publishers(device_uids=uids, now=now)


def greet(board: Board, name: str, second: float) -> bool:
    return contacts.greet(device_uid=board.uid, client_session=name, now=at(second))


def say_goodbye(board: Board, name: str, second: float) -> bool:
    return contacts.say_goodbye(device_uid=board.uid, client_session=name, now=at(second))


def call_over_http(board: Board, second: float) -> None:
    contacts.admit_device(
        device_uid=board.uid, key=board.token, address="198.51.100.7", now=at(second)
    )


def test_a_message_brings_its_device_online_over_its_wire(board: Board) -> None:
    known = confirm(board.uid, now=at(1))
    assert known == {board.uid: KnownPublisher(board.device_id, board.row().tenant_id, board.uid)}
    (line,) = lines_of(board)
    assert (line.kind, line.reason, line.wire) == ("CONNECTED", "heard", "mqtt")
    assert line.session_epoch is None
    confirm(board.uid, now=at(2))
    assert len(lines_of(board)) == 1


def test_who_is_nobody_or_whose_life_has_ended_is_left_out(board: Board, owner: Actor) -> None:
    ended = make_device(owner, now=at(0))
    unpairing.unpair_device(device_uid=ended.uid, actor=owner, now=at(1))
    assert set(confirm(board.uid, ended.uid, "nobody", now=at(2))) == {board.uid}
    assert not ended.presence().is_online
    assert confirm(now=at(2)) == {}


def test_many_publishers_are_confirmed_with_the_statements_of_one(
    owner: Actor, django_assert_max_num_queries: Any
) -> None:
    boards = [make_device(owner, now=at(0)) for _ in range(6)]
    for board in boards:
        confirm(board.uid, now=at(1))
    with django_assert_max_num_queries(6):
        assert len(confirm(*(board.uid for board in boards), now=at(2))) == 6


def test_the_end_of_a_contact_tells_the_wire_it_was_on(board: Board) -> None:
    confirm(board.uid, now=at(1))
    presence.sweep(at(1 + settings.OFFLINE_AFTER_SECONDS))
    call_over_http(board, 100)
    presence.sweep(at(100 + settings.OFFLINE_AFTER_SECONDS))
    wires = [(line.kind, line.wire, line.address) for line in lines_of(board)]
    assert wires == [
        ("CONNECTED", "mqtt", ""),
        ("DISCONNECTED", "mqtt", ""),
        ("CONNECTED", "http", "198.51.100.7"),
        ("DISCONNECTED", "http", "198.51.100.7"),
    ]


def test_a_greeting_and_its_goodbye_are_one_contact(board: Board) -> None:
    assert greet(board, "one", 1)
    assert board.presence().is_online
    assert say_goodbye(board, "one", 13.5)
    assert told_of(board) == [("CONNECTED", "greeted"), ("DISCONNECTED", "connection_lost")]
    assert [line.duration_s for line in lines_of(board)] == [None, 12.5]
    assert [frame["connectivity"] for frame in frames("presence")] == ["online", "offline"]


def test_a_greeting_after_the_first_message_adds_nothing(board: Board) -> None:
    confirm(board.uid, now=at(1))
    assert greet(board, "one", 1.1)
    assert greet(board, "one", 1.2)
    assert len(lines_of(board)) == 1
    assert say_goodbye(board, "one", 2)


def test_a_goodbye_counts_once(board: Board) -> None:
    greet(board, "one", 1)
    assert say_goodbye(board, "one", 2)
    assert not say_goodbye(board, "one", 3)
    assert len(lines_of(board)) == 2


def test_the_will_of_an_older_connection_takes_nobody_offline(board: Board) -> None:
    greet(board, "one", 1)
    greet(board, "two", 2)
    assert not say_goodbye(board, "one", 3)
    assert board.presence().is_online
    assert told_of(board) == [
        ("CONNECTED", "greeted"),
        ("DISCONNECTED", "superseded"),
        ("CONNECTED", "took_over"),
    ]


def test_a_greeting_that_comes_after_its_own_goodbye_is_none(board: Board) -> None:
    greet(board, "one", 1)
    say_goodbye(board, "one", 2)
    assert not greet(board, "one", 3)
    assert not board.presence().is_online
    assert greet(board, "two", 4)
    assert board.presence().is_online


def test_a_will_does_not_end_a_session(board: Board) -> None:
    greet(board, "one", 1)
    session = reconnected(board, now=at(2))
    assert not say_goodbye(board, "one", 3)
    assert board.presence().is_online
    assert lines_of(board)[-1].wire == "websocket"
    close(session, 5)
    last = lines_of(board)[-1]
    assert (last.kind, last.wire, last.session_epoch) == ("DISCONNECTED", "websocket", 1)
    assert not board.presence().is_online


def close(session: Board, second: float, *, reason: str = "connection_closed") -> None:
    sessions.close_session(
        device_id=session.device_id, epoch=session.epoch, reason=reason, now=at(second)
    )


def test_a_session_that_ends_beside_an_mqtt_connection_takes_nobody_offline(board: Board) -> None:
    session = reconnected(board, now=at(2))
    # A greeting beside a session is no contact of its own.
    assert greet(board, "two", 4)
    assert len(lines_of(board)) == 1
    close(session, 5)
    _, ended, begun = lines_of(board)
    assert (ended.kind, ended.reason, ended.wire) == (
        "DISCONNECTED", "connection_closed", "websocket",
    )  # fmt: skip
    assert (begun.kind, begun.reason, begun.wire) == ("CONNECTED", "took_over", "mqtt")
    assert [frame["connectivity"] for frame in frames("presence")] == ["online"]
    # Nothing was heard by that: its silence goes on from the greeting.
    assert board.presence().last_seen_at == at(4)
    assert say_goodbye(board, "two", 6)
    assert not board.presence().is_online


@pytest.mark.parametrize("reason", ["unpaired", "credential_revoked"])
def test_what_ends_every_connection_takes_its_device_offline(board: Board, reason: str) -> None:
    session = reconnected(board, now=at(2))
    greet(board, "one", 3)
    close(session, 4, reason=reason)
    assert not board.presence().is_online


def test_a_session_that_takes_over_ends_the_contact_of_the_messages(board: Board) -> None:
    greet(board, "one", 1)
    reconnected(board, now=at(2))
    _, ended, begun = lines_of(board)
    assert (ended.reason, ended.wire, ended.session_epoch) == ("superseded", "mqtt", None)
    assert (begun.reason, begun.wire, begun.session_epoch) == ("took_over", "websocket", 1)


def test_a_will_does_not_end_what_is_heard_over_http(board: Board) -> None:
    greet(board, "one", 1)
    presence.sweep(at(1 + settings.OFFLINE_AFTER_SECONDS))
    call_over_http(board, 100)
    assert not say_goodbye(board, "one", 101)
    assert board.presence().is_online


def test_greetings_of_strangers_are_refused(board: Board, owner: Actor) -> None:
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(1))
    with pytest.raises(DeviceUnpaired):
        greet(board, "one", 2)
    with pytest.raises(DeviceUnpaired):
        say_goodbye(board, "one", 2)
    with pytest.raises(NotFound):
        contacts.greet(device_uid="nobody", client_session="one", now=at(2))


@pytest.mark.django_db(transaction=True)
def test_greetings_at_once_leave_one_contact_each(board: Board) -> None:
    """Several ingest processes may hold messages of one device."""
    names = ["one", "two", "three", "four"]
    results = run_at_once(4, lambda number: greet(board, names[number], 1))
    assert results == [True] * 4
    begun = [line for line in lines_of(board) if line.kind == "CONNECTED"]
    assert [line.contact for line in begun] == [1, 2, 3, 4]
    assert say_goodbye(board, board.presence().client_session, 2)
