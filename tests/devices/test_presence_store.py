"""The presence store: one suite for both backends, and what only Redis can do or suffer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from devices import presence_store
from devices.presence_store import PresenceStore, StoreAway, in_redis, resp
from devices.presence_store.in_redis import RedisStore
from devices.presence_store.memory import MemoryStore
from tests.kernel.threads import run_at_once
from tests.services import RedisServer

NOON = 1_772_366_400.0
_BACKENDS = ["memory", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """Another client of an emptied Redis that runs."""
    if not redis_server.is_running:
        redis_server.start()
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as made:
        made.flushall()
        yield made


@pytest.fixture
def in_redis_store(redis_server: RedisServer, client: redis.Redis) -> RedisStore:
    return RedisStore(redis_server.url, shows_keys=True)


@pytest.fixture(params=_BACKENDS)
def store(request: pytest.FixtureRequest) -> PresenceStore:
    if request.param == "memory":
        return MemoryStore()
    made: PresenceStore = request.getfixturevalue("in_redis_store")
    return made


@contextmanager
def paused(server: RedisServer) -> Iterator[None]:
    """The server takes connections and answers nothing."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


# Both backends


def test_who_was_heard_is_known_with_the_time(store: PresenceStore) -> None:
    store.write([1, 2], NOON)
    store.write([2, 3], NOON + 0.25)
    assert store.last_heard([1, 2, 3, 4]) == {1: NOON, 2: NOON + 0.25, 3: NOON + 0.25}
    assert store.last_heard([]) == {}
    assert store.away_s() == 0.0


def test_a_batch_that_comes_late_pulls_no_time_back(store: PresenceStore) -> None:
    store.write([1], NOON + 10)
    store.write([1, 2], NOON)
    assert store.last_heard([1, 2]) == {1: NOON + 10, 2: NOON}


def test_nobody_is_written_without_harm(store: PresenceStore) -> None:
    store.write([], NOON)
    assert store.last_heard([1]) == {}


def test_whoever_was_not_heard_for_long_is_forgotten(store: PresenceStore) -> None:
    store.write([1, 2], NOON)
    store.write([3], NOON + 1)
    assert store.forget_before(NOON + 1) == 2
    assert store.last_heard([1, 2, 3]) == {3: NOON + 1}
    assert store.forget_before(NOON + 1) == 0


def test_more_devices_than_one_command_holds(store: PresenceStore) -> None:
    everybody = range(1, 5_124)
    store.write(everybody, NOON)
    assert store.last_heard(everybody) == dict.fromkeys(everybody, NOON)


def test_threads_that_write_and_read_at_once_get_their_own_answers(store: PresenceStore) -> None:
    def work(number: int) -> bool:
        own = range(number * 1_000, number * 1_000 + 300)
        for second in range(20):
            store.write(own, NOON + second)
            if store.last_heard(own) != dict.fromkeys(own, NOON + second):
                return False
        return True

    assert run_at_once(4, work) == [True] * 4


# Redis


@pytest.mark.redis
def test_thousands_are_shown(in_redis_store: RedisStore, client: redis.Redis) -> None:
    uids = [f"board-{number}" for number in range(2_345)]
    in_redis_store.show(seen=uids, at=NOON, online=dict.fromkeys(uids, True))
    assert client.dbsize() == 2 * len(uids)


@pytest.mark.redis
def test_others_read_the_keys_of_the_first_version(
    in_redis_store: RedisStore, client: redis.Redis
) -> None:
    in_redis_store.show(seen=["abc"], at=NOON, online={"abc": True, "xyz": False})
    assert client.get("device:status:abc") == "online"
    assert client.get("device:status:xyz") == "offline"
    assert client.get("device:lastseen:abc") == "2026-03-01T12:00:00.000+00:00"
    assert client.exists("device:lastseen:xyz") == 0
    lives = [client.ttl(key) for key in ("device:status:abc", "device:lastseen:abc")]
    assert all(86_300 < life <= 86_400 for life in lives)


@pytest.mark.redis
def test_a_sign_of_life_keeps_the_status_as_it_is(
    in_redis_store: RedisStore, client: redis.Redis
) -> None:
    """A batch of signs may come after the end of a session that it still tells of."""
    in_redis_store.show(seen=[], at=NOON, online={"abc": False})
    client.expire("device:status:abc", 100)
    in_redis_store.show(seen=["abc", "new"], at=NOON, online={})
    assert client.get("device:status:abc") == "offline"
    assert client.ttl("device:status:abc") > 86_300
    assert client.exists("device:status:new") == 0


@pytest.mark.redis
def test_without_the_keys_one_sorted_set_is_all_there_is(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    store = RedisStore(redis_server.url, shows_keys=False)
    store.write([7], NOON)
    store.show(seen=["abc"], at=NOON, online={"abc": True})
    assert client.keys("*") == [in_redis.HEARD.decode()]
    assert (client.zcard(in_redis.HEARD), client.zscore(in_redis.HEARD, 7)) == (1, NOON)


@pytest.mark.redis
def test_a_killed_redis_is_away_at_once_and_back_later(
    redis_server: RedisServer, in_redis_store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_redis_store.write([1], NOON)
    redis_server.kill9()
    with pytest.raises(StoreAway):
        in_redis_store.write([1], NOON + 1)
    assert in_redis_store.away_s() > 0.0
    redis_server.start()
    # Within the pause nobody even asks.
    with pytest.raises(StoreAway):
        in_redis_store.last_heard([1])
    monkeypatch.setattr(in_redis_store, "_try_again_at", 0.0)
    in_redis_store.write([2], NOON + 2)
    assert in_redis_store.last_heard([1, 2]) == {2: NOON + 2}
    assert in_redis_store.away_s() == 0.0


@pytest.mark.redis
def test_after_a_pause_no_answer_belongs_to_another_question(
    redis_server: RedisServer, in_redis_store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_redis_store.write([1], NOON)
    with paused(redis_server), pytest.raises(StoreAway):
        in_redis_store.write([1], NOON + 1)
    monkeypatch.setattr(in_redis_store, "_try_again_at", 0.0)
    in_redis_store.write([2, 3], NOON + 2)
    assert in_redis_store.last_heard([2, 3]) == {2: NOON + 2, 3: NOON + 2}


@pytest.mark.redis
def test_a_redis_without_room_counts_as_away(
    in_redis_store: RedisStore, client: redis.Redis
) -> None:
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreAway):
            in_redis_store.write([1], NOON)
    finally:
        client.config_set("maxmemory", "0")


# Packing and choosing


_words = st.lists(st.binary(max_size=20), min_size=1, max_size=6)


def words_in(command: bytes) -> list[bytes]:
    """The words of one command, read as the protocol has them."""
    head, rest = command.split(b"\r\n", 1)
    assert head[:1] == b"*"
    words = []
    for _ in range(int(head[1:])):
        length, rest = rest.split(b"\r\n", 1)
        assert length[:1] == b"$"
        size = int(length[1:])
        words.append(rest[:size])
        assert rest[size : size + 2] == b"\r\n"
        rest = rest[size + 2 :]
    assert rest == b""
    return words


@given(words=_words)
def test_a_packed_command_is_its_words(words: list[bytes]) -> None:
    assert words_in(resp.packed(*words)) == words


@given(members=st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=50))
def test_packed_members_are_all_there(members: list[int]) -> None:
    texts = [b"%d" % member for member in members]
    pairs = [word for text in texts for word in (b"%.3f" % NOON, text)]
    written = words_in(resp.zadd_newest(b"key", members, NOON))
    assert written == [b"ZADD", b"key", b"GT", *pairs]
    assert words_in(resp.zmscore(b"key", members)) == [b"ZMSCORE", b"key", *texts]


@pytest.mark.parametrize(
    ("backend", "url", "kind"),
    [
        ("auto", "", MemoryStore),
        ("auto", "redis://127.0.0.1:1/0", RedisStore),
        ("memory", "redis://127.0.0.1:1/0", MemoryStore),
        ("redis", "redis://127.0.0.1:1/0", RedisStore),
    ],
)
def test_the_store_follows_the_settings(settings: Any, backend: str, url: str, kind: type) -> None:
    settings.PRESENCE_BACKEND, settings.REDIS_URL = backend, url
    presence_store.current.cache_clear()
    assert type(presence_store.current()) is kind


@pytest.mark.parametrize(("backend", "url"), [("redis", ""), ("disk", "redis://127.0.0.1:1/0")])
def test_a_store_that_cannot_be_is_refused(settings: Any, backend: str, url: str) -> None:
    settings.PRESENCE_BACKEND, settings.REDIS_URL = backend, url
    presence_store.current.cache_clear()
    with pytest.raises(ImproperlyConfigured):
        presence_store.current()


@pytest.mark.parametrize(
    ("mode", "backend", "is_shared"),
    [("embedded", "memory", True), ("production", "memory", False), ("production", "redis", True)],
)
def test_a_store_of_one_process_is_not_shared_in_production(
    settings: Any, mode: str, backend: str, is_shared: bool
) -> None:
    settings.HOMEPOT_MODE, settings.PRESENCE_BACKEND = mode, backend
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert presence_store.is_shared_by_all() is is_shared
