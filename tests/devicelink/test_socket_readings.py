"""Telemetry over the socket: acknowledged after its COMMIT, stored once, never a gap below an ack."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from devicelink import runtime as device_runtime
from devicelink.ingest import aside, flushing, group_commit
from devicelink.websocket import policy
from devices.models import DeviceConnection
from devices.services import sessions, unpairing
from edge.protocol import codec
from telemetry.models import SetAsidePayload
from telemetry.services import ingestion, set_aside
from tests.devicelink.household import Board, Resident, install
from tests.devicelink.readings_over_http import batch, stored
from tests.devicelink.serving import LiveServer, Peer, eventually

pytestmark = pytest.mark.core
TOLD = ("telemetry_ack", "error")


class Gate:
    """Holds every flush until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.reached = threading.Event()
        self.sizes: list[int] = []
        real = flushing.store

        def store(arrivals: Any) -> Any:
            self.sizes.append(len(arrivals))
            self.reached.set()
            assert self.opened.wait(15)
            return real(arrivals)

        monkeypatch.setattr(flushing, "store", store)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Flushes wait for the test."""
    made = Gate(monkeypatch)
    yield made
    made.opened.set()


def enter(server: LiveServer, board: Board) -> Peer:
    device = server.device(board.uid, board.token)
    device.hear("welcome")
    return device


def say(device: Peer, *seqs: int, boot_id: str = "b1", **more: Any) -> None:
    device.say(type="telemetry", **batch(*seqs, boot_id=boot_id), **more)


def fail_flushes(monkeypatch: pytest.MonkeyPatch, failure: Exception, *, is_after: bool) -> None:
    """Every flush fails, before anything is written or at COMMIT."""
    real = ingestion.ingest_batches

    def fail(**arguments: Any) -> Any:
        if is_after:
            real(**arguments)
        raise failure

    monkeypatch.setattr(ingestion, "ingest_batches", fail)


def test_telemetry_is_acknowledged_once_it_is_stored(server: LiveServer, board: Board) -> None:
    with enter(server, board) as device:
        say(device, 1, 2, 3)
        assert device.hear() == {"type": "telemetry_ack", "boot_id": "b1", "acked_seq": 3}
        assert stored() == [("b1", 1), ("b1", 2), ("b1", 3)]
        say(device, 2, 3)
        assert device.hear("telemetry_ack")["acked_seq"] == 3
    assert len(stored()) == 3


def test_what_comes_during_a_commit_is_the_next_batch_with_one_ack(
    server: LiveServer, board: Board, gate: Gate
) -> None:
    with enter(server, board) as device:
        say(device, 1)
        assert gate.reached.wait(10)
        for seq in range(2, 31):
            say(device, seq)
        eventually(lambda: held_bytes(server) > 29 * 50)
        device.hear_nothing(*TOLD, for_s=0.2)
        gate.opened.set()
        assert [device.hear(*TOLD)["acked_seq"] for _ in range(2)] == [1, 30]
        device.hear_nothing(*TOLD, for_s=0.1)
    assert gate.sizes == [1, 1]
    assert stored() == [("b1", seq) for seq in range(1, 31)]


def test_each_boot_is_acknowledged_for_itself_and_words_stay_with_their_frame(
    server: LiveServer, board: Board, gate: Gate
) -> None:
    with enter(server, board) as device:
        say(device, 1)
        assert gate.reached.wait(10)
        say(device, 2)
        say(device, 7, boot_id="b2")
        say(device, 8, boot_id="b2", attributes={"os": "linux"})
        say(device, 9, boot_id="b2")
        gate.opened.set()
        acks = [device.hear(*TOLD) for _ in range(5)]
    told = [(ack["boot_id"], ack["acked_seq"]) for ack in acks]
    assert told == [("b1", 1), ("b1", 2), ("b2", 7), ("b2", 8), ("b2", 9)]


def test_refused_readings_are_acknowledged_with_their_neighbours(
    server: LiveServer, board: Board, gate: Gate
) -> None:
    with enter(server, board) as device:
        say(device, 1)
        assert gate.reached.wait(10)
        say(device, 2)
        device.say(type="telemetry", boot_id="b1", readings=[{"seq": 3, "metrics": {"a": "x"}}])
        gate.opened.set()
        assert [device.hear(*TOLD)["acked_seq"] for _ in range(2)] == [1, 3]
    assert stored() == [("b1", 1), ("b1", 2)]


@pytest.mark.parametrize("is_after", [False, True])
def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_lost(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch, is_after: bool
) -> None:
    with enter(server, board) as device:
        with monkeypatch.context() as away:
            fail_flushes(away, OperationalError("away"), is_after=is_after)
            say(device, 1)
            error = device.hear(*TOLD)
            assert (error["type"], error["code"], error["retry_after"]) == (
                "error",
                "unavailable",
                2,
            )
            say(device, 2)
            assert stored() == []
        # The device has been told once; the server itself tries again.
        assert [device.hear(*TOLD)["acked_seq"] for _ in range(2)] == [1, 2]
    assert stored() == [("b1", 1), ("b1", 2)]


def test_a_full_queue_refuses_and_acknowledges_nothing_past_the_refused(
    server: LiveServer,
    resident: Resident,
    board: Board,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "MAX_READINGS", 25)
    other = install(resident)
    with enter(server, other) as neighbour, enter(server, board) as device:
        say(neighbour, *range(20))
        assert gate.reached.wait(10)
        say(device, *range(10))
        error = device.hear(*TOLD)
        assert (error["code"], error["retry_after"]) == ("unavailable", 1)
        # There would be room for this one.
        say(device, 10)
        device.hear_nothing(*TOLD, for_s=0.3)
        gate.opened.set()
        assert neighbour.hear(*TOLD)["acked_seq"] == 19
        assert [device.hear(*TOLD)["acked_seq"] for _ in range(2)] == [9, 10]
    assert len(stored()) == 31


@pytest.mark.usefixtures("no_hints")
@pytest.mark.parametrize(("end", "code"), [("fenced", 4001), ("unpaired", 4403)])
def test_a_session_that_is_over_when_the_flush_comes_stores_nothing(
    server: LiveServer, resident: Resident, board: Board, gate: Gate, end: str, code: int
) -> None:
    now = timezone.now()
    other = install(resident)
    with enter(server, board) as device, enter(server, other) as neighbour:
        say(device, 1)
        assert gate.reached.wait(10)
        if end == "fenced":
            sessions.open_session(device_id=board.device_id, address=None, now=now)
        else:
            unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=now)
        say(neighbour, 1)
        gate.opened.set()
        assert device.hear_close(timeout_s=5) == code
        assert neighbour.hear(*TOLD)["acked_seq"] == 1
    assert len(stored()) == 1


def test_readings_that_cannot_be_stored_spoil_neither_neighbours_nor_other_devices(
    server: LiveServer,
    resident: Resident,
    board: Board,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = ingestion.ingest_batches

    def fail_on_one(*, batches: Any, now: Any) -> Any:
        taken = real(batches=batches, now=now)
        if any(reading.seq == 13 for batch in batches for reading in batch.telemetry.readings):
            raise DataError("a value that the database refuses")
        return taken

    monkeypatch.setattr(ingestion, "ingest_batches", fail_on_one)
    other = install(resident)
    with enter(server, other) as neighbour, enter(server, board) as device:
        say(device, 1)
        assert gate.reached.wait(10)
        for seq in range(11, 16):
            say(device, seq)
        say(neighbour, 1)
        gate.opened.set()
        heard = [device.hear(*TOLD) for _ in range(7)]
        assert [frame.get("acked_seq") for frame in heard] == [1, 11, 12, None, 13, 14, 15]
        assert heard[3]["code"] == "internal_error"
        assert neighbour.hear(*TOLD)["acked_seq"] == 1
    assert sorted(stored()) == sorted([("b1", seq) for seq in (1, 1, 11, 12, 14, 15)])
    # It is not lost: people see it, and may have it taken in later.
    kept = SetAsidePayload.objects.unscoped("test").get()
    assert (kept.device_uid, kept.reason) == (board.uid, "not_stored")
    assert [one.seq for one in codec.decode_readings(bytes(kept.payload)).readings] == [13]


def test_what_is_kept_apart_of_a_session_is_no_sign_of_life_over_mqtt(board: Board) -> None:
    sent = codec.decode_readings(b'{"boot_id":"b1","seq":1,"metrics":{"cpu_percent":1}}')
    aside.keep(device_uid=board.uid, telemetry=sent, why="internal_error")
    assert SetAsidePayload.objects.unscoped("test").get().device_id == board.device_id
    assert not DeviceConnection.objects.unscoped("test").filter(device_id=board.device_id).exists()


def test_what_cannot_even_be_kept_apart_ends_the_session_unacknowledged(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OperationalError("away")

    fail_flushes(monkeypatch, DataError("a value that the database refuses"), is_after=False)
    monkeypatch.setattr(set_aside, "keep", refuse)
    with enter(server, board) as device:
        say(device, 1)
        say(device, 2)
        assert device.hear(*TOLD)["code"] == "unavailable"
        assert device.hear_close() == 1013


def test_a_flood_of_telemetry_is_read_no_faster_than_it_is_committed(
    server: LiveServer, resident: Resident, board: Board, gate: Gate
) -> None:
    with enter(server, board) as device, enter(server, install(resident)) as neighbour:
        count = 1500
        sending = threading.Thread(target=lambda: [say(device, seq) for seq in range(count)])
        sending.start()
        assert gate.reached.wait(10)
        time.sleep(0.3)
        held = server.call(holding)
        assert 0 < held <= policy.READINGS_HELD
        neighbour.say(type="auth", uid="u", token="t")
        assert neighbour.hear("error")["code"] in {"conflict", "malformed", "invalid_field"}
        gate.opened.set()
        sending.join(20)
        while device.hear("telemetry_ack")["acked_seq"] < count - 1:
            pass
    assert sorted(seq for _, seq in stored()) == list(range(count))
    assert held_bytes(server) == 0


async def holding() -> int:
    current = device_runtime.current()
    assert current is not None
    found = [connection._readings for connection in current.registry]
    return sum(readings._readings for readings in found if readings is not None)


def held_bytes(server: LiveServer) -> int:
    current = device_runtime.current()
    assert current is not None
    return current.held.bytes


def test_what_a_device_said_before_it_hung_up_is_stored(
    server: LiveServer, board: Board, gate: Gate
) -> None:
    with enter(server, board) as device:
        say(device, 1)
        assert gate.reached.wait(10)
        say(device, 2)
        eventually(lambda: held_bytes(server) > 50)
        device.hang_up()
        gate.opened.set()
        eventually(lambda: stored() == [("b1", 1), ("b1", 2)])
    eventually(lambda: not board.session().is_live)
    eventually(lambda: held_bytes(server) == 0)


def test_stopping_the_server_answers_what_it_has_read(
    server: LiveServer, board: Board, gate: Gate
) -> None:
    with enter(server, board) as device:
        say(device, 1)
        assert gate.reached.wait(10)
        say(device, 2)
        eventually(lambda: held_bytes(server) > 50)
        gate.opened.set()
        server.stop()
        heard = []
        try:
            while True:
                heard.append(device.hear())
        except ConnectionClosed:
            pass
    acked = max((frame["acked_seq"] for frame in heard if "acked_seq" in frame), default=0)
    # No more than is stored was acknowledged; what is stored may come again.
    assert acked <= max((seq for _, seq in stored()), default=0)


def test_a_device_delivers_everything_once_through_whatever_fails(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(11)
    real = flushing.store
    failures = []

    def sometimes(arrivals: Any) -> Any:
        fate = dice.random()
        if fate < 0.2:
            failures.append("before")
            raise OperationalError("away")
        verdicts = real(arrivals)
        if fate < 0.4:
            failures.append("after")
            raise RuntimeError("killed after COMMIT")
        return verdicts

    monkeypatch.setattr(flushing, "store", sometimes)
    monkeypatch.setattr("devicelink.websocket.readings.random.uniform", lambda *_: 0.01)
    waiting = set(range(400))
    while waiting:
        device = enter(server, board)
        sent = sorted(waiting)[: dice.randint(1, 120)]
        for seq in sent:
            say(device, seq)
        patience = time.monotonic() + dice.choice([0.0, 0.2, 10.0])
        try:
            while waiting & set(sent) and (left := patience - time.monotonic()) > 0:
                acked = device.hear("telemetry_ack", timeout_s=left)["acked_seq"]
                waiting -= set(range(acked + 1))
        except (TimeoutError, ConnectionClosed):
            pass
        device.hang_up()
    assert {"before", "after"} <= set(failures)
    assert sorted(stored()) == [("b1", seq) for seq in range(400)]
