"""Answers that come late, twice or from the past, and sockets that are only half there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from edge.protocol import codec, duties, messages
from edge.protocol.close_codes import CloseCode
from tests.factories.installation import Installation, eventually
from tests.faults.checking import check_healed, knows_the_truth
from tests.faults.scripted_device import Behaviour, ScriptedDevice, on_the_wire

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.embedded_only]
OFFLINE_AFTER_S = 3
# One sweep of presence, and a slow machine.
SWEEP_S = 5


def board(home: Installation, **behaviour: Any) -> ScriptedDevice:
    made = home.new_device("board")
    return ScriptedDevice(
        home.product.ws_url,
        made["device_uid"],
        made["device_token"],
        behaviour=Behaviour(**behaviour),
    )


@contextlib.contextmanager
def session_of(device: ScriptedDevice) -> Iterator[ClientConnection]:
    """A session that is driven by the test, frame by frame."""
    with device.open() as socket:
        device.welcomed(socket)
        yield socket


def close_code_of(socket: ClientConnection) -> int:
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=10)
    return socket.close_code or 0


def test_an_answer_five_times_counts_once(start_product: Any) -> None:
    home = Installation(start_product("embedded"))
    with on_the_wire(board(home, acks=5)) as device:
        assert device.is_welcomed.wait(10)
        for index in range(4):
            answer = home.switch(device.uid, index, True)
            assert (answer.status, answer.body["state"]) == (200, "succeeded")
        check_healed(home, device)
        for command in home.commands(device.uid):
            moves = home.call("GET", f"/api/v1/commands/{command['id']}/history").body
            assert [move["to_state"] for move in moves] == ["queued", "sent", "succeeded"]


def test_an_answer_after_the_timeout_resolves_what_was_unknown(start_product: Any) -> None:
    home = Installation(start_product("embedded", ACK_TIMEOUT_SECONDS="1"))
    device = board(home, is_mute=True)
    with session_of(device) as socket:
        asked = home.switch(device.uid, 0, True, wait=0)
        assert asked.status == 202
        device.take_frame(socket, socket.recv(timeout=5))
        command_id = asked.body["id"]
        eventually(lambda: home.command(command_id)["state"] == "timed_out")
        assert home.command(command_id)["finished_at"] is None
        assert home.positions(device.uid) == [False] * 4
        device.release_acks(socket)
        eventually(lambda: home.command(command_id)["state"] == "succeeded")
        assert home.command(command_id)["reason"] == "late_answer"
        check_healed(home, device)


def test_a_waiting_caller_is_told_that_the_outcome_is_unknown(start_product: Any) -> None:
    home = Installation(start_product("embedded", ACK_TIMEOUT_SECONDS="1"))
    device = board(home, is_mute=True)
    with session_of(device):
        answer = home.switch(device.uid, 0, True, wait=3)
        assert (answer.status, answer.body["state"]) == (202, "timed_out")
        assert answer.headers["location"] == f"/api/v1/commands/{answer.body['id']}"


def test_a_session_that_was_taken_over_writes_nothing(start_product: Any) -> None:
    """The older one is frozen during the takeover, then wakes and says what it had to say."""
    home = Installation(start_product("embedded"))
    device = board(home, is_mute=True)
    with session_of(device) as frozen:
        asked = home.switch(device.uid, 0, True, wait=0)
        device.take_frame(frozen, frozen.recv(timeout=5))
        with session_of(device) as current:
            lie = messages.StateReport(relays=duties.readings_of((True,) * 4), state_seq=99)
            with contextlib.suppress(ConnectionClosed):
                frozen.send(codec.encode(lie))
                device.release_acks(frozen)
            assert close_code_of(frozen) == CloseCode.SUPERSEDED
            # The command comes again under its id; the device knows it and tells the truth.
            device.behaviour.is_mute = False
            again = codec.decode_down(current.recv(timeout=5))
            assert isinstance(again, messages.SetRelay)
            assert again.command_id == asked.body["id"]
            device.take_frame(current, codec.encode(again))
            check_healed(home, device)
            assert device.executed == [asked.body["id"]]
            assert home.connectivity(device.uid) == "online"
            assert device.epochs == [1, 2]


def test_a_half_open_socket_is_noticed_and_the_device_comes_back(start_product: Any) -> None:
    home = Installation(start_product("embedded", OFFLINE_AFTER_SECONDS=str(OFFLINE_AFTER_S)))
    device = board(home)
    with session_of(device) as silent:
        assert home.connectivity(device.uid) == "online"
        spoke_at = time.monotonic()
        eventually(
            lambda: home.connectivity(device.uid) == "offline",
            within_s=OFFLINE_AFTER_S + SWEEP_S,
        )
        assert time.monotonic() - spoke_at >= OFFLINE_AFTER_S - 1
        refused = home.switch(device.uid, 0, True)
        assert (refused.status, refused.body["code"]) == (409, "device_offline")
        assert close_code_of(silent) != 1000
    device.is_welcomed.clear()
    with on_the_wire(device):
        assert device.is_welcomed.wait(10)
        assert home.switch(device.uid, 0, True).body["state"] == "succeeded"
        check_healed(home, device)


def test_a_device_that_beats_is_never_offline(start_product: Any) -> None:
    home = Installation(start_product("embedded", OFFLINE_AFTER_SECONDS=str(OFFLINE_AFTER_S)))
    with on_the_wire(board(home)) as device:
        assert device.is_welcomed.wait(10)
        deadline = time.monotonic() + 2 * OFFLINE_AFTER_S
        while time.monotonic() < deadline:
            assert home.connectivity(device.uid) in {"online", "stale"}
            time.sleep(0.2)
        assert device.close_codes == []
        assert knows_the_truth(home, device)
