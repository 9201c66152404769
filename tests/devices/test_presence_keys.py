"""The keys that others read: true after every change, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from devices import presence_store
from devices.services import (
    contacts,
    presence,
    presence_keys,
    sessions,
    signs_of_life,
    sweeping,
    unpairing,
)
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.devices.connections import at
from tests.factories.devices import Board, connected_device, make_device
from tests.services import RedisServer

pytestmark = [pytest.mark.redis, pytest.mark.django_db]
SILENCE = settings.OFFLINE_AFTER_SECONDS


@pytest.fixture(autouse=True)
def client(
    redis_server: RedisServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[redis.Redis]:
    """Another client of the emptied Redis that is the presence store of the test."""
    if not redis_server.is_running:
        redis_server.start()
    settings.REDIS_URL = redis_server.url
    presence_store.current.cache_clear()
    signs_of_life.current.cache_clear()
    # As in a process where nobody has flushed yet.
    monkeypatch.setattr(presence_keys, "_pending", presence_keys._Pending())
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as made:
        made.flushall()
        yield made


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Any:
    """A block after which everything is done that waits for COMMIT."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def status(client: redis.Redis, board: Board) -> str | None:
    found = client.get(f"device:status:{board.uid}")
    assert found is None or isinstance(found, str)
    return found


def test_every_way_to_come_and_go_shows(owner: Actor, client: redis.Redis, commit: Any) -> None:
    board = make_device(owner, now=at(0))
    assert status(client, board) is None
    with commit():
        contacts.greet(device_uid=board.uid, client_session="one", now=at(1))
    assert status(client, board) == "online"
    with commit():
        contacts.say_goodbye(device_uid=board.uid, client_session="one", now=at(2))
    assert status(client, board) == "offline"
    with commit():
        facts = sessions.open_session(device_id=board.device_id, address=None, now=at(3))
    assert status(client, board) == "online"
    with commit():
        sessions.close_session(
            device_id=board.device_id, epoch=facts.epoch, reason="connection_closed", now=at(4)
        )
    assert status(client, board) == "offline"


def test_a_sweep_and_the_end_of_a_life_show(owner: Actor, client: redis.Redis, commit: Any) -> None:
    with commit():
        silent, ended = (connected_device(owner, now=at(0)) for _ in range(2))
    with commit():
        unpairing.unpair_device(device_uid=ended.uid, actor=owner, now=at(1))
        presence.sweep(at(SILENCE))
    assert (status(client, silent), status(client, ended)) == ("offline", "offline")


def test_a_change_that_was_rolled_back_does_not_show(
    owner: Actor, client: redis.Redis, commit: Any
) -> None:
    board = make_device(owner, now=at(0))
    with commit(), pytest.raises(ZeroDivisionError), unit_of_work():
        contacts.greet(device_uid=board.uid, client_session="one", now=at(1))
        1 / 0  # noqa: B018
    assert status(client, board) is None


def test_signs_of_life_show_when_and_that_the_row_says_online(
    owner: Actor, client: redis.Redis, commit: Any
) -> None:
    board = connected_device(owner, now=at(0))
    signs = signs_of_life.current()
    signs.note(board.device_id)
    signs.flush(at(5))
    assert client.get(f"device:lastseen:{board.uid}") == "2026-03-01T12:00:05.000+00:00"
    assert status(client, board) == "online"


def test_a_change_waits_for_the_next_batch_and_beats_what_the_batch_has_read(
    owner: Actor, client: redis.Redis, commit: Any
) -> None:
    """The row was written as online, and its session ended before the batch was sent."""
    board = connected_device(owner, now=at(0))
    signs = signs_of_life.current()
    signs.note(board.device_id)
    signs.flush(at(1))
    with commit():
        sessions.close_session(device_id=board.device_id, epoch=1, reason="closed", now=at(2))
    assert status(client, board) == "online"
    presence_keys.show(seen=[], at=0.0, online={board.uid: True})
    assert status(client, board) == "offline"


def test_a_sign_that_is_written_after_its_session_ended_shows_nobody_online(
    owner: Actor, client: redis.Redis, commit: Any
) -> None:
    """Another process has ended the session and told of it before this one's batch."""
    board = connected_device(owner, now=at(0))
    signs = signs_of_life.current()
    signs.note(board.device_id)
    with commit():
        sessions.close_session(device_id=board.device_id, epoch=1, reason="closed", now=at(2))
    signs.flush(at(3))
    assert status(client, board) == "offline"


def test_what_could_not_be_shown_is_shown_later(
    owner: Actor, client: redis.Redis, commit: Any, redis_server: RedisServer
) -> None:
    board = make_device(owner, now=at(0))
    redis_server.kill9()
    with commit():
        contacts.greet(device_uid=board.uid, client_session="one", now=at(1))
    redis_server.start()
    presence_store.current.cache_clear()
    presence_keys.show(seen=[], at=0.0, online={})
    assert status(client, board) == "online"


def test_what_a_sweeper_could_not_show_it_shows_with_its_next_sweep(
    owner: Actor, client: redis.Redis, commit: Any, redis_server: RedisServer
) -> None:
    """Nobody flushes signs of life in a ticker."""
    with commit():
        board = connected_device(owner, now=at(0))
    redis_server.kill9()
    with commit():
        sessions.close_session(device_id=board.device_id, epoch=1, reason="closed", now=at(1))
    redis_server.start()
    presence_store.current.cache_clear()
    sweeping.sweep(at(1))
    assert status(client, board) == "offline"


def test_without_the_keys_nothing_is_kept_for_them(
    owner: Actor, client: redis.Redis, commit: Any, settings: Any
) -> None:
    settings.PRESENCE_SEED_KEYS = False
    presence_store.current.cache_clear()
    board = make_device(owner, now=at(0))
    with commit():
        contacts.greet(device_uid=board.uid, client_session="one", now=at(1))
    presence_keys.show(seen=[board.uid], at=1.0, online={board.uid: True})
    assert client.keys("device:status:*") == []
