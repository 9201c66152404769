"""`/ws/client`: who may watch, what arrives, in which order, and what ends it."""

from __future__ import annotations

import contextlib
import json
import socket as sockets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.services import lifecycle, sessions, tickets
from kernel import realtime
from kernel.actors import Actor
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from ops.consumers import connection as connection_module
from ops.consumers import runtime
from tests.devicelink.household import Resident, install, move_in, switch
from tests.devicelink.serving import LiveServer, eventually
from tests.ops.watching import cookie_of, happen, hear_seqs, ticket_of, watch


@pytest.fixture
def server(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    monkeypatch.setattr(runtime, "LOOK_SECONDS", 0.2)
    with LiveServer() as live_server:
        yield live_server


@pytest.fixture
def resident(transactional_db: None) -> Resident:
    return move_in("resident")


@pytest.fixture
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(realtime.bus()), "publish", lambda *_: None)


@pytest.fixture
def hints(request: pytest.FixtureRequest) -> None:
    if request.param == "are_lost":
        request.getfixturevalue("no_hints")


both_ways = pytest.mark.parametrize("hints", ["arrive", "are_lost"], indirect=True)


# Who may watch


def test_a_ticket_opens_one_socket_once(server: LiveServer, resident: Resident) -> None:
    path = f"/ws/client?ticket={ticket_of(resident)}"
    with server.open(path) as peer:
        hello = peer.hear()
        assert hello["type"] == "hello"
        assert set(hello) == {"type", "server_time", "streams"}
        assert set(hello["streams"]) == {resident.tenant_uid}
    with server.open(path) as peer:
        assert peer.hear()["code"] == "invalid_credentials"
        assert peer.hear_close() == 4401


def test_a_ticket_is_good_for_30_seconds(server: LiveServer, resident: Resident) -> None:
    old = tickets.issue_ticket(actor=resident.actor, now=timezone.now() - timedelta(seconds=31))
    with server.open(f"/ws/client?ticket={old.value}") as peer:
        assert peer.hear_close() == 4401


def test_our_own_page_comes_in_with_its_cookie(server: LiveServer, resident: Resident) -> None:
    options: dict[str, Any] = {"additional_headers": {"Cookie": cookie_of(resident)}}
    with server.open("/ws/client/", origin=f"http://127.0.0.1:{server.port}", **options) as peer:
        assert peer.hear()["type"] == "hello"


def test_a_page_without_a_session_is_told_so(server: LiveServer) -> None:
    with server.open("/ws/client", origin=f"http://127.0.0.1:{server.port}") as peer:
        assert peer.hear()["code"] == "not_authenticated"
        assert peer.hear_close() == 4401


@pytest.mark.parametrize(
    ("origin", "with_cookie", "with_ticket"),
    [
        (None, False, True),
        ("null", False, False),
        ("http://evil.example", False, False),
        ("http://127.0.0.1", False, False),
        ("http://127.0.0.1:1", False, False),
        ("http://x.127.0.0.1:{port}", False, False),
        ("ftp://127.0.0.1:{port}", False, False),
        ("http://127.0.0.1:{port}", True, True),
        ("HTTP://127.0.0.1:{port}", True, True),
        ("https://homes.example", True, True),
        ("https://homes.example:443", True, True),
        ("http://homes.example", False, False),
        ("https://homes.example.evil.example", False, False),
        ("https://app.example", False, True),
    ],
)
def test_only_known_origins_may_watch(
    server: LiveServer,
    resident: Resident,
    settings: Any,
    origin: str | None,
    with_cookie: bool,
    with_ticket: bool,
) -> None:
    settings.PUBLIC_URL = "https://homes.example"
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    options: dict[str, Any] = {} if origin is None else {"origin": origin.format(port=server.port)}
    cookie = {"Cookie": cookie_of(resident)}
    paths = {
        "/ws/client": with_cookie,
        f"/ws/client?ticket={ticket_of(resident)}": with_ticket,
    }
    for path, may_watch in paths.items():
        if may_watch:
            with server.open(path, additional_headers=cookie, **options) as peer:
                assert peer.hear()["type"] == "hello"
            continue
        with pytest.raises(InvalidStatus) as refused:
            server.open(path, additional_headers=cookie, **options)
        assert refused.value.response.status_code == 403


def test_a_full_server_asks_to_come_back_later(
    server: LiveServer, resident: Resident, settings: Any
) -> None:
    settings.MAX_CLIENT_SOCKETS = 1
    with watch(server, resident) as first:
        first.hear("hello")
        with watch(server, resident) as second:
            assert 5 <= second.hear()["retry_after"] <= 30
            assert second.hear_close() == 1013


# What arrives


def test_a_switch_is_seen_by_its_tenant_only(server: LiveServer, resident: Resident) -> None:
    neighbour = move_in("neighbour")
    board = install(resident)
    with watch(server, resident) as mine, watch(server, neighbour) as foreign:
        last = mine.hear("hello")["streams"][resident.tenant_uid]
        foreign.hear("hello")
        with server.device(board.uid, board.token) as device:
            presence = mine.hear("presence")
            assert (presence["seq"], presence["connectivity"]) == (last + 1, "online")
            command = switch(resident, board, 0, True)
            device.hear("set_relay")
            device.say(type="ack", command_id=command.id, status="succeeded")
            frames = [mine.hear() for _ in range(3)]
            assert [frame["seq"] for frame in frames] == list(range(last + 2, last + 5))
            assert {frame["tenant"] for frame in frames} == {resident.tenant_uid}
            commands = [frame["command"] for frame in frames if "command" in frame]
            assert [shown["state"] for shown in commands] == ["queued", "succeeded"]
            (state,) = [frame for frame in frames if frame["type"] == "device_state"]
            assert state["relays"][0]["is_on"] is True
        foreign.say(type="resume", streams={resident.tenant_uid: 0})
        foreign.hear_nothing(for_s=0.6)


@pytest.mark.usefixtures("no_hints")
def test_what_no_hint_told_is_found_by_the_poll(server: LiveServer, resident: Resident) -> None:
    with watch(server, resident) as peer:
        last = peer.hear("hello")["streams"][resident.tenant_uid]
        happen(resident, *range(5))
        assert hear_seqs(peer, 5) == list(range(last + 1, last + 6))


def test_the_order_is_that_of_the_commits_whatever_the_bus_does(
    server: LiveServer, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "LOOK_SECONDS", 60)
    held: list[tuple[str, Any]] = []
    publish = realtime.bus().publish
    with watch(server, resident) as peer:
        last = peer.hear("hello")["streams"][resident.tenant_uid]
        monkeypatch.setattr(realtime.bus(), "publish", lambda *hint: held.append(hint))
        happen(resident, *range(6))
        for number in (3, 0, 3, 1, 5, 5, 4, 2):
            publish(*held[number])
        assert hear_seqs(peer, 6) == list(range(last + 1, last + 7))
        peer.hear_nothing(for_s=0.3)


def test_metrics_pass_without_a_number(server: LiveServer, resident: Resident) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        payload = {"device_uid": "d", "metrics": {"cpu_percent": 3}, "at": "now"}
        realtime.publish(
            realtime.tenant_topic(resident.tenant_id), {"kind": "metrics", "payload": payload}
        )
        assert peer.hear() == {"type": "metrics", "tenant": resident.tenant_uid, **payload}


def test_a_browser_that_comes_back_is_sent_what_it_missed(
    server: LiveServer, resident: Resident
) -> None:
    with watch(server, resident) as peer:
        last = peer.hear("hello")["streams"][resident.tenant_uid]
    happen(resident, *range(7))
    with watch(server, resident) as peer:
        assert peer.hear("hello")["streams"][resident.tenant_uid] == last + 7
        peer.say(type="resume", streams={resident.tenant_uid: last, "nobody": 3})
        assert hear_seqs(peer, 7) == list(range(last + 1, last + 8))
        happen(resident, 8)
        assert hear_seqs(peer, 1) == [last + 8]


def test_a_long_absence_is_caught_up_although_the_queue_is_shorter(
    server: LiveServer, resident: Resident
) -> None:
    with watch(server, resident) as peer:
        last = peer.hear("hello")["streams"][resident.tenant_uid]
        peer.say(type="resume", streams={resident.tenant_uid: last})
    happen(resident, *range(400))
    with watch(server, resident) as peer:
        peer.hear("hello")
        peer.say(type="resume", streams={resident.tenant_uid: last})
        assert hear_seqs(peer, 400) == list(range(last + 1, last + 401))


@pytest.mark.parametrize("seen", [0, 10_000])
def test_what_cannot_be_had_any_more_is_to_be_fetched_afresh(
    server: LiveServer, resident: Resident, seen: int
) -> None:
    happen(resident, *range(5))
    LiveEvent.objects.all().delete()
    with watch(server, resident) as peer:
        last = peer.hear("hello")["streams"][resident.tenant_uid]
        peer.say(type="resume", streams={resident.tenant_uid: seen})
        assert peer.hear() == {"type": "refetch", "tenant": resident.tenant_uid, "seq": last}
        happen(resident, 6)
        assert hear_seqs(peer, 1) == [last + 1]


@pytest.mark.usefixtures("no_hints")
def test_everybody_is_told_to_fetch_afresh_after_a_gap_that_cannot_be_filled(
    server: LiveServer, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watch(server, resident) as peer:
        last = peer.hear("hello")["streams"][resident.tenant_uid]
        with unit_of_work():
            happen(resident, *range(600))
        assert peer.hear()["seq"] == last + 600


# What ends it


@both_ways
def test_the_end_of_a_session_ends_its_socket_within_5_seconds(
    server: LiveServer, resident: Resident, hints: None
) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        sessions.log_out(actor=resident.actor, now=timezone.now())
        assert peer.hear_close(timeout_s=5) == 4401


@both_ways
def test_a_disabled_user_watches_no_longer(
    server: LiveServer, resident: Resident, hints: None
) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        assert resident.actor.user_id is not None
        lifecycle.deactivate_user(
            user_id=resident.actor.user_id, actor=Actor.system("test"), now=timezone.now()
        )
        assert peer.hear_close(timeout_s=5) == 4401


def test_a_slow_reader_is_dropped_and_its_queue_with_it(
    server: LiveServer, resident: Resident
) -> None:
    path = f"/ws/client?ticket={ticket_of(resident)}"
    deaf = sockets.create_connection(("127.0.0.1", server.port))
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    deaf.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b"101" in deaf.recv(64)
    with watch(server, resident) as attentive:
        last = attentive.hear("hello")["streams"][resident.tenant_uid]
        eventually(lambda: server.call(longest_queues) == [0, 0])
        for start in range(0, 1000, 50):
            with unit_of_work():
                happen(resident, *range(start, start + 50), size=20_000)
            hear_seqs(attentive, 50)
            assert max(server.call(longest_queues)) <= connection_module.QUEUED_FRAMES
        eventually(lambda: len(server.call(longest_queues)) == 1)
        happen(resident, 1001)
        assert hear_seqs(attentive, 1) == [last + 1001]
    deaf.close()


async def longest_queues() -> list[int]:
    return [len(one._queue) for one in runtime.current()._connections]


def test_a_feed_ends_with_its_last_watcher(server: LiveServer, resident: Resident) -> None:
    with watch(server, resident) as one, watch(server, resident) as other:
        one.hear("hello"), other.hear("hello")
        assert server.call(followed) == {resident.tenant_id}
    eventually(lambda: server.call(followed) == set())


async def followed() -> set[int]:
    return set(runtime.current().feeds._feeds)


def test_ping_is_answered(server: LiveServer, resident: Resident) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        peer.say(type="ping")
        assert peer.hear() == {"type": "pong"}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "malformed"),
        (b"{}", "malformed"),
        ('{"type":"sing"}', "unknown_type"),
        ('{"type":"resume"}', "invalid_field"),
        ('{"type":"resume","streams":{"a":true}}', "invalid_field"),
        ('{"type":"resume","streams":{"a":-1}}', "invalid_field"),
    ],
)
def test_an_unusable_message_is_answered_and_survived(
    server: LiveServer, resident: Resident, frame: str | bytes, code: str
) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        peer.say_raw(frame)
        assert peer.hear()["code"] == code
        peer.say(type="ping")
        assert peer.hear()["type"] == "pong"


@pytest.mark.parametrize(
    ("frame", "times", "code"),
    [
        ('{"type":"ping","padding":"' + "x" * 5000 + '"}', 1, 4413),
        ("{", 21, 4409),
        (json.dumps({"type": "ping"}), 200, 4429),
    ],
)
def test_abuse_ends_the_socket(
    server: LiveServer, resident: Resident, frame: str, times: int, code: int
) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        with contextlib.suppress(ConnectionClosed):
            for _ in range(times):
                peer.say_raw(frame)
        assert peer.hear_close() == code


def test_stopping_the_server_tells_browsers_to_come_back(
    server: LiveServer, resident: Resident
) -> None:
    with watch(server, resident) as peer:
        peer.hear("hello")
        server.stop()
        assert peer.hear_close() == 1012
