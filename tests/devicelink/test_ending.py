"""Every way in which an open device session ends."""

from __future__ import annotations

import contextlib
import json
import random
import time

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from devicelink import inbound
from devicelink.inbound import Pull
from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival
from devices.errors import SessionFenced
from devices.models import Device, DeviceEvent
from devices.services import credentials
from edge.protocol import messages
from relays import selectors as relay_selectors
from telemetry.models import Reading
from tests.devicelink.household import Board, Resident, provision
from tests.devicelink.serving import LiveServer, Peer, eventually


@pytest.fixture
def hints(request: pytest.FixtureRequest) -> None:
    """Lets hints get through, or loses every one."""
    if request.param == "are_lost":
        request.getfixturevalue("no_hints")


def enter(server: LiveServer, board: Board) -> Peer:
    device = server.device(board.uid, board.token)
    device.hear("welcome")
    return device


@pytest.mark.parametrize("hints", ["arrive", "are_lost"], indirect=True)
def test_a_newer_session_ends_the_older_one_with_4001(
    server: LiveServer, board: Board, hints: None
) -> None:
    with enter(server, board) as first, enter(server, board) as second:
        assert first.hear_close(timeout_s=5) == 4001
        second.say(type="telemetry", boot_id="b", seq=1, metrics={"a": 1})
        assert second.hear("telemetry_ack")["acked_seq"] == 1
        session = board.session()
        assert (session.epoch, session.is_live) == (2, True)


@pytest.mark.usefixtures("no_hints")
def test_a_fenced_session_writes_nothing(server: LiveServer, board: Board) -> None:
    said: list[messages.UpMessage] = [
        messages.StateReport(relays=(messages.RelayReading(0, True),)),
        messages.InputEvent(input_index=0, kind="press", event_id="e"),
        messages.Ack("c", messages.AckStatus.SUCCEEDED),
    ]
    with enter(server, board), enter(server, board):
        old = board.held(1)
        for message in said:
            outcome = inbound.handle(
                sender=old, said=[message], pull=Pull.NOTHING, now=timezone.now()
            )
            assert isinstance(outcome.ending, SessionFenced)
            assert outcome.replies == []
        outcome = inbound.handle(sender=old, said=[], pull=Pull.QUEUED, now=timezone.now())
        assert isinstance(outcome.ending, SessionFenced)
        telemetry = messages.Telemetry("b", (messages.Reading(1, None, {"a": 1.0}),))
        (verdict,) = flushing.store([Arrival(sender=old, telemetry=telemetry, size=1)])
        assert isinstance(verdict, SessionFenced)
    assert relay_selectors.known_position(device_id=board.device_id, relay_index=0) is None
    assert DeviceEvent.objects.unscoped("test").count() == 0
    assert Reading.objects.unscoped("test").count() == 0


@pytest.mark.parametrize("hints", ["arrive", "are_lost"], indirect=True)
def test_a_revoked_key_ends_the_socket_within_5_seconds(
    server: LiveServer, resident: Resident, board: Board, hints: None
) -> None:
    with enter(server, board) as device:
        credentials.revoke_credential(
            device_uid=board.uid, actor=resident.actor, now=timezone.now()
        )
        assert device.hear_close(timeout_s=5) == 4401
    with server.device(board.uid, board.token) as device:
        assert device.hear_close() == 4401


def test_a_device_that_took_a_new_key_is_not_sent_away_for_the_old_one(
    server: LiveServer,
) -> None:
    board = provision("hardware")
    with enter(server, board) as old:
        renewed = provision("hardware")
        assert old.hear_close() == 4401
        with enter(server, renewed) as device:
            device.hear_nothing(for_s=0.6)


def test_an_unpaired_device_is_sent_away(server: LiveServer, board: Board) -> None:
    with enter(server, board) as device:
        rows = Device.all_objects.unscoped("test")
        rows.filter(pk=board.device_id).update(
            is_active=False, pairing="unpaired", unpaired_at=timezone.now()
        )
        assert device.hear_close(timeout_s=5) == 4403


def test_a_silent_device_is_let_go(
    server: LiveServer, board: Board, settings: pytest.FixtureRequest
) -> None:
    settings.OFFLINE_AFTER_SECONDS = 1  # type: ignore[attr-defined]
    with enter(server, board) as device:
        started = time.monotonic()
        while time.monotonic() < started + 1.5:
            device.say(type="heartbeat")
            device.hear_nothing(for_s=0.2)
        assert device.hear_close(timeout_s=5) == 4408
    eventually(lambda: board.session().close_reason == "idle")


def test_a_connection_that_breaks_without_a_word_closes_its_session(
    server: LiveServer, board: Board
) -> None:
    with enter(server, board) as device:
        device.hang_up()
        eventually(lambda: not board.session().is_live)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "malformed"),
        (b"{}", "malformed"),
        ("[]", "malformed"),
        ('{"type":"heartbeat","a":1,"a":2}', "malformed"),
        ('{"type":"heartbeat","a":1e999}', "malformed"),
        ("[" * 5000, "malformed"),
        ('{"type":"sing"}', "unknown_type"),
        ('{"type":"ack"}', "invalid_field"),
    ],
)
def test_an_unusable_frame_is_answered_and_survived(
    server: LiveServer, board: Board, frame: str | bytes, code: str
) -> None:
    with enter(server, board) as device:
        device.say_raw(frame)
        assert device.hear()["code"] == code
        device.say(type="telemetry", boot_id="b", seq=1, metrics={"a": 1})
        assert device.hear()["type"] == "telemetry_ack"


def test_more_than_20_unusable_frames_a_minute_end_the_socket(
    server: LiveServer, board: Board
) -> None:
    with enter(server, board) as device:
        for _ in range(21):
            device.say_raw("{")
        answers = [device.hear() for _ in range(21)]
        assert [answer["code"] for answer in answers] == ["malformed"] * 20 + ["protocol_error"]
        assert device.hear_close() == 4409


@pytest.mark.parametrize(
    "frame", ['{"type":"heartbeat","more":"' + "x" * 65_536 + '"}', '"' + "é" * 40_000 + '"']
)
def test_a_frame_over_64_kib_ends_the_socket(server: LiveServer, board: Board, frame: str) -> None:
    with enter(server, board) as device:
        device.say_raw(frame)
        assert device.hear()["code"] == "too_large"
        assert device.hear_close() == 4413


def test_a_flood_ends_the_socket(server: LiveServer, board: Board) -> None:
    with enter(server, board) as device:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2000):
                device.say(type="heartbeat")
        assert device.hear_close() == 4429


def test_2000_random_frames_are_survived(
    server: LiveServer, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(7)
    sent, device = 0, enter(server, board)
    while sent < 2000:
        try:
            device.say_raw(random_frame(chance))
            sent += 1
            take_answers(device)
        except ConnectionClosed:
            assert device.hear_close() in {4409, 4413, 4429}
            device = enter(server, board)
    device.connection.close()
    with enter(server, board) as fresh:
        fresh.say(type="telemetry", boot_id="after", seq=1, metrics={"a": 1})
        assert fresh.hear("telemetry_ack")["boot_id"] == "after"
    assert not [record for record in caplog.records if record.exc_info]


def take_answers(device: Peer) -> None:
    """Read what has come; a client that never reads would hold up its own closing."""
    with contextlib.suppress(TimeoutError):
        while True:
            device.connection.recv(timeout=0)


def random_frame(chance: random.Random) -> str | bytes:
    """Noise, truncated frames, right types with wrong members, deep and wide JSON."""
    kinds = ["ack", "telemetry", "state_report", "input_event", "auth", "heartbeat", "", "welcome"]
    values: list[object] = [
        None, True, -1, 0, 2**63, 1.5, "", "x" * 300, "\ud800", "\0", [], [[]], {}, {"a": {}},
        [{"relay_index": 0, "is_on": 1}], [{"seq": 1, "metrics": {"a": "b"}}],
    ]  # fmt: skip
    members = [
        "command_id", "status", "relays", "boot_id", "seq", "metrics", "readings", "input_index",
        "kind", "event_id", "at", "uid", "token", "error", "firmware_version",
    ]  # fmt: skip
    body = {name: chance.choice(values) for name in chance.sample(members, chance.randint(0, 9))}
    text = json.dumps({"type": chance.choice(kinds), **body})
    match chance.randint(0, 5):
        case 0:
            return chance.randbytes(chance.randint(0, 400))
        case 1:
            return text[: chance.randint(0, len(text))]
        case 2:
            return "[" * chance.randint(1, 3000)
        case _:
            return text


def test_stopping_the_server_closes_all_sockets_and_sessions(
    server: LiveServer, board: Board
) -> None:
    boards = [board, *(provision() for _ in range(20))]
    devices = [enter(server, one) for one in boards]
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 10
    for device, one in zip(devices, boards, strict=True):
        assert device.hear_close() == 1012
        session = one.session()
        assert (session.is_live, session.close_reason) == (False, "server_restart")
