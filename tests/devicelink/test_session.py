"""What a device says and is told while its socket is open."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from commands.models import Command
from commands.services import results
from devicelink import inbound
from devices.models import DeviceEvent, DevicePresence
from devices.services import inputs, presence
from edge.protocol.limits import MAX_DOCUMENT_BYTES
from edge.protocol.messages import Heartbeat
from relays import selectors as relay_selectors
from tests.devicelink.household import Board, Resident, provision, switch
from tests.devicelink.serving import LiveServer, Peer, eventually


def state_of(command_id: str) -> str:
    return str(Command.objects.unscoped("test").get(uid=command_id).state)


def position_of(board: Board, relay_index: int) -> bool | None:
    return relay_selectors.known_position(device_id=board.device_id, relay_index=relay_index)


def say_telemetry(device: Peer, *seqs: int, boot_id: str = "b1") -> None:
    readings = [{"seq": seq, "metrics": {"cpu_percent": seq}} for seq in seqs]
    device.say(type="telemetry", boot_id=boot_id, readings=readings)


def test_a_command_goes_out_at_once_and_its_ack_is_applied(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        command = switch(resident, board, 1, True)
        order = device.hear("set_relay")
        assert (order["command_id"], order["relay_index"], order["is_on"]) == (command.id, 1, True)
        assert state_of(command.id) == "sent"
        device.say(
            type="ack",
            command_id=command.id,
            status="succeeded",
            relays=[{"relay_index": 1, "is_on": True}],
        )
        eventually(lambda: state_of(command.id) == "succeeded")
    assert position_of(board, 1) is True


def test_commands_behind_one_another_follow_the_ack(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        first = switch(resident, board, 0, True)
        assert device.hear("set_relay")["command_id"] == first.id
        second = switch(resident, board, 0, False)
        device.hear_nothing("set_relay", for_s=0.6)
        device.say(type="ack", command_id=first.id, status="succeeded")
        assert device.hear("set_relay")["command_id"] == second.id


@pytest.mark.usefixtures("no_hints")
def test_a_lost_hint_delays_a_command_only(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        command = switch(resident, board, 0, True)
        assert device.hear("set_relay", timeout_s=5)["command_id"] == command.id


def test_an_unanswered_command_comes_again_after_a_reconnect_under_its_old_id(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        command = switch(resident, board, 0, True)
        device.hear("set_relay")
        device.hang_up()
    with server.device(board.uid, board.token) as device:
        assert device.hear()["session_epoch"] == 2
        assert device.hear("set_relay")["command_id"] == command.id
        device.say(type="ack", command_id=command.id, status="succeeded")
        eventually(lambda: state_of(command.id) == "succeeded")
    events = Command.objects.unscoped("test").get(uid=command.id).events.values_list("to_state")
    moves = [state for (state,) in events.order_by("pk")]
    assert moves == ["queued", "sent", "sent", "succeeded"]


def test_an_ack_just_before_the_device_hangs_up_counts(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        command = switch(resident, board, 0, True)
        device.hear("set_relay")
        device.say(type="ack", command_id=command.id, status="succeeded")
        device.connection.close()
    eventually(lambda: state_of(command.id) == "succeeded")
    eventually(lambda: not board.session().is_live)


def test_a_report_of_the_largest_document_is_taken_in(server: LiveServer, board: Board) -> None:
    document = {"text": "x" * (MAX_DOCUMENT_BYTES - len('{"text":""}'))}
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(type="twin_reported", document=document, report_id="r1", seq=1)
        assert device.hear("twin_ack")["report_id"] == "r1"


def test_a_state_report_is_believed(server: LiveServer, board: Board) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(type="state_report", relays=[{"relay_index": 2, "is_on": True}])
        eventually(lambda: position_of(board, 2) is True)


def test_messages_are_handled_in_their_order(server: LiveServer, board: Board) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        for number in range(150):
            kind = "press" if number % 2 else "release"
            device.say(type="input_event", input_index=0, kind=kind, event_id=f"e{number}")
        stored = DeviceEvent.objects.unscoped("test").order_by("pk")
        eventually(lambda: stored.count() == 150)
    assert list(stored.values_list("event_id", flat=True)) == [f"e{n}" for n in range(150)]


@pytest.mark.parametrize(
    ("service", "name", "frame"),
    [
        (inputs, "record_input_event", {"type": "input_event", "input_index": 0, "kind": "press", "event_id": "e"}),
        (results, "record_ack", {"type": "ack", "command_id": "c", "status": "succeeded"}),
    ],
)  # fmt: skip
def test_nothing_is_acknowledged_while_the_database_is_away(
    server: LiveServer,
    board: Board,
    monkeypatch: pytest.MonkeyPatch,
    service: object,
    name: str,
    frame: dict[str, Any],
) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("away")

    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        monkeypatch.setattr(service, name, fail)
        device.say(**frame)
        error = device.hear()
        assert (error["type"], error["code"]) == ("error", "unavailable")
        assert error["retry_after"] == 5
        assert device.hear_close() == 1013


def test_a_bug_costs_one_message_and_only_repeated_ones_the_socket(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(inputs, "record_input_event", fail)
    event = {"type": "input_event", "input_index": 0, "kind": "press", "event_id": "e"}
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(**event)
        assert device.hear()["code"] == "internal_error"
        say_telemetry(device, 1)
        assert device.hear()["type"] == "telemetry_ack"
        for _ in range(5):
            device.say(**event)
            device.hear("error")
        assert device.hear_close() == 1013


def test_a_refused_message_does_not_hold_up_its_neighbours(
    server: LiveServer, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(type="auth", uid=board.uid, token=board.token)
        say_telemetry(device, 1)
        device.say(type="state_report", relays=[{"relay_index": 2, "is_on": True}])
        # Telemetry goes its own way: either may be answered first.
        heard = {frame["type"]: frame for frame in (device.hear(), device.hear())}
        assert heard["error"]["code"] == "conflict"
        assert heard["telemetry_ack"]["acked_seq"] == 1
        eventually(lambda: position_of(board, 2) is True)


def test_heartbeats_keep_a_device_online_without_a_database_hop_each(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[object] = []
    real = inbound.handle

    def spy(**arguments: Any) -> Any:
        handled.extend(arguments["said"])
        return real(**arguments)

    monkeypatch.setattr(inbound, "handle", spy)
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        presence = DevicePresence.objects.get(device_id=board.device_id)
        for _ in range(20):
            device.say(type="heartbeat")
        eventually(
            lambda: (
                DevicePresence.objects.get(device_id=board.device_id).last_seen_at
                > presence.last_seen_at
            )
        )
    assert not any(isinstance(message, Heartbeat) for message in handled)


def test_a_device_that_was_swept_comes_back_with_its_next_word(
    server: LiveServer, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        now = timezone.now()
        DevicePresence.objects.filter(device_id=board.device_id).update(
            last_seen_at=now - timedelta(seconds=61), offline_due_at=now - timedelta(seconds=1)
        )
        presence.sweep(now=now)
        assert not board.session().is_live
        device.say(type="heartbeat")
        eventually(lambda: board.session().is_live)


def test_reading_stops_while_the_database_is_slow(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    real = inputs.record_input_event

    def slow(**arguments: Any) -> Any:
        assert go_on.wait(10)
        return real(**arguments)

    monkeypatch.setattr(inputs, "record_input_event", slow)
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        for number in range(180):
            device.say(type="input_event", input_index=0, kind="press", event_id=f"e{number}")
        depths = server.call(queue_depths)
        assert max(depths) <= 64
        go_on.set()
        stored = DeviceEvent.objects.unscoped("test")
        eventually(lambda: stored.count() == 180)


async def queue_depths() -> list[int]:
    from devicelink import runtime  # noqa: PLC0415

    current = runtime.current()
    assert current is not None
    return [len(connection._said) for connection in current.registry]


def test_an_unclaimed_device_may_be_connected(server: LiveServer) -> None:
    board = provision()
    with server.device(board.uid, board.token) as device:
        assert device.hear()["type"] == "welcome"
        say_telemetry(device, 1)
        assert device.hear("telemetry_ack")["acked_seq"] == 1
