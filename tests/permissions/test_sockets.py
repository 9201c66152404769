"""Tenants do not meet on the sockets either: every message with own, foreign and unknown ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from commands.models import Command
from devices.models import DeviceEvent, DevicePresence
from edge.protocol import codec
from telemetry.models import DeviceSensorEvent, Reading
from tests.devicelink.household import Board, Resident, install, move_in, switch
from tests.devicelink.serving import LiveServer, Peer, eventually
from tests.ops.watching import happen, ticket_of, watch
from tests.permissions.digests import digest_of_tenant

pytestmark = pytest.mark.core

UNKNOWN = "unknown-1"
UNKNOWN_COMMAND = "01890000-0000-7000-8000-000000000000"
_RELAYS = [{"relay_index": index, "is_on": True} for index in range(4)]


@dataclass(frozen=True)
class Home:
    """A resident with a board and a command to it."""

    resident: Resident
    board: Board
    command: str

    def digest(self) -> dict[str, str]:
        """What there is of the tenant in the database."""
        return digest_of_tenant(self.resident.tenant_id)


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    """The socket doors on a free port."""
    with LiveServer() as live_server:
        yield live_server


@pytest.fixture
def far(server: LiveServer) -> Home:
    """The other household, whose board has been connected and has a command under way."""
    return _settled(server, "far")


@pytest.fixture
def near(server: LiveServer) -> Home:
    """The household that asks."""
    return _settled(server, "near")


def _settled(server: LiveServer, name: str) -> Home:
    resident = move_in(name)
    board = install(resident)
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        _say_everything(device, boot_id="b1", event_id="e1")
        command = switch(resident, board, 0, True)
        device.hear("set_relay")
        eventually(
            lambda: _event_count(board) and _reading_count(board) and _sensor_event_count(board)
        )
    eventually(lambda: not _is_online(board))
    return Home(resident, board, command.id)


def _is_online(board: Board) -> bool:
    return bool(DevicePresence.objects.get(device_id=board.device_id).is_online)


def _say_everything(device: Peer, *, boot_id: str, event_id: str, **more: Any) -> None:
    device.say(type="state_report", relays=_RELAYS, **more)
    device.say(type="input_event", input_index=0, kind="pressed", event_id=event_id, **more)
    readings = [{"seq": 1, "metrics": {"cpu_percent": 5}}]
    device.say(type="telemetry", boot_id=boot_id, readings=readings, **more)
    said = {"sensor": "hall", "kind": "motion", "value": True, "event_id": event_id}
    device.say(type="sensor_report", sensors=[said], **more)


def _event_count(board: Board) -> int:
    return DeviceEvent.objects.unscoped("test").filter(device_id=board.device_id).count()


def _reading_count(board: Board) -> int:
    return Reading.objects.unscoped("test").filter(device_id=board.device_id).count()


def _sensor_event_count(board: Board) -> int:
    events = DeviceSensorEvent.objects.unscoped("test")
    return events.filter(device_id=board.device_id).count()


def up_messages(home: Home | None) -> dict[str, dict[str, Any]]:
    """Every message a device may send, with ids of that household or with unknown ones."""
    uid = home.board.uid if home else UNKNOWN
    named = {"device_uid": uid, "device_id": uid, "uid": uid}
    token = home.board.token if home else "not-a-key"
    return {
        "auth": {**named, "token": token},
        "heartbeat": named,
        "ack": {
            **named,
            "command_id": home.command if home else UNKNOWN_COMMAND,
            "status": "succeeded",
            "relays": _RELAYS,
        },
        "state_report": {**named, "relays": _RELAYS},
        "input_event": {**named, "input_index": 0, "kind": "pressed", "event_id": "e2"},
        "telemetry": {
            **named,
            "boot_id": "b2",
            "readings": [{"seq": 1, "metrics": {"cpu_percent": 5}}],
        },
        "sensor_report": {
            **named,
            "sensors": [{"sensor": "hall", "kind": "motion", "value": True, "event_id": "s2"}],
            "attributes": {"hub_model": "HS-2"},
        },
        "status": {**named, "status": "online", "session": "c1"},
        "twin_reported": {**named, "document": {"fan": 1}, "seq": 1, "desired_version": 0},
        "config_applied": {**named, "version": 1},
        "ir_learned": {
            **named,
            "command_id": home.command if home else UNKNOWN_COMMAND,
            "frequency_hz": 38_000,
            "timings": [560, 560, 560, 1_690],
        },
    }


def test_every_message_of_the_protocol_is_tried() -> None:
    assert up_messages(None).keys() == codec._UP.keys()


@pytest.mark.parametrize("kind", sorted(up_messages(None)))
def test_what_a_device_says_never_touches_another_tenants(
    server: LiveServer, near: Home, far: Home, kind: str
) -> None:
    before = far.digest()
    replies = []
    for home in (far, None):
        with server.device(near.board.uid, near.board.token) as device:
            device.hear("welcome")
            device.say(type=kind, **up_messages(home)[kind])
            replies.append(_replies(device))

    assert replies[0] == replies[1]
    assert far.digest() == before


def test_a_devices_own_ids_do_count(server: LiveServer, near: Home) -> None:
    """The tries above would prove nothing if these messages did nothing."""
    events, readings = _event_count(near.board), _reading_count(near.board)
    with server.device(near.board.uid, near.board.token) as device:
        device.hear("welcome")
        for kind, members in up_messages(near).items():
            device.say(type=kind, **members)
        _replies(device)

    command = Command.objects.unscoped("test").get(uid=near.command)
    assert command.state == "succeeded"
    assert _event_count(near.board) == events + 1
    # One more is the last message, by which the replies are known to be complete.
    assert _reading_count(near.board) == readings + 2
    assert _sensor_event_count(near.board) == 2


def test_ids_that_another_tenants_device_has_used_are_free(
    server: LiveServer, near: Home, far: Home
) -> None:
    """Event ids and boot ids are a device's own: the same ones of another are no repeats."""
    board = install(near.resident)
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        _say_everything(device, boot_id="b1", event_id="e1")
        device.hear("telemetry_ack")
        eventually(lambda: _sensor_event_count(board) == 1)

    assert (_event_count(board), _reading_count(board)) == (1, 1)


def _replies(device: Peer) -> list[dict[str, Any]]:
    """What comes back until the answers to last messages, which are handled after all before.

    There are two: telemetry goes its own way.
    """
    device.say(type="telemetry", boot_id="last", readings=[{"seq": 1, "metrics": {"ram": 1}}])
    device.say(type="sensor_report", report_id="last", attributes={"hub_model": "HS-2"})
    heard, awaited = [], {"telemetry_ack", "sensor_ack"}
    while awaited:
        frame = device.hear()
        if "last" in {frame.get("boot_id"), frame.get("report_id")}:
            awaited.discard(frame["type"])
        elif frame["type"] in {"error", "telemetry_ack"}:
            heard.append(frame)
    return heard


@pytest.mark.parametrize("which", ["own", "far", "unknown"])
def test_a_viewer_hears_their_own_tenant_only_whatever_they_ask_for(
    server: LiveServer, near: Home, far: Home, which: str
) -> None:
    uids = {
        "own": near.resident.tenant_uid,
        "far": far.resident.tenant_uid,
        "unknown": UNKNOWN,
    }
    with watch(server, near.resident) as viewer:
        hello = viewer.hear("hello")
        for message in _client_messages(uids[which]):
            viewer.say(**message)
        happen(far.resident, 1)
        happen(near.resident, 2)
        frames = _until(viewer, "d2")

    assert hello["streams"].keys() == {near.resident.tenant_uid}
    assert {frame["tenant"] for frame in frames if "tenant" in frame} == {near.resident.tenant_uid}
    assert far.board.uid not in str(frames)


def test_asking_for_a_foreign_stream_is_answered_like_asking_for_none(
    server: LiveServer, near: Home, far: Home
) -> None:
    heard = []
    for uid in (far.resident.tenant_uid, UNKNOWN):
        with watch(server, near.resident) as viewer:
            viewer.hear("hello")
            for message in _client_messages(uid):
                viewer.say(**message)
            viewer.say(type="ping")
            happen(near.resident, 3)
            frames = _until(viewer, "d3")
        heard.append([frame for frame in frames if frame["type"] != "device_state"])

    assert heard[0] == heard[1]


def test_a_ticket_shows_the_tenants_of_who_got_it(
    server: LiveServer, near: Home, far: Home
) -> None:
    path = f"/ws/client?ticket={ticket_of(far.resident)}&tenant={near.resident.tenant_uid}"
    with server.open(path) as viewer:
        hello = viewer.hear("hello")

    assert hello["streams"].keys() == {far.resident.tenant_uid}


def test_a_key_opens_no_session_of_another_device(
    server: LiveServer, near: Home, far: Home
) -> None:
    refused = []
    before = far.digest()
    for uid in (far.board.uid, UNKNOWN):
        with server.device(uid, near.board.token) as peer:
            frames = []
            code = 0
            try:
                frames.append(peer.hear())
            finally:
                code = peer.hear_close()
        refused.append((frames, code))

    assert refused[0] == refused[1]
    assert refused[0][1] > 4000
    assert far.digest() == before


def _client_messages(tenant_uid: str) -> list[dict[str, Any]]:
    """What a browser may say, and what it might try."""
    return [
        {"type": "resume", "streams": {tenant_uid: 0}},
        {"type": "join", "tenant": tenant_uid},
        {"type": "subscribe", "streams": {tenant_uid: 0}},
        {"type": "resume", "tenant": tenant_uid},
        {"type": "ping", "tenant": tenant_uid},
    ]


def _until(viewer: Peer, device_uid: str) -> list[dict[str, Any]]:
    frames = [viewer.hear()]
    while frames[-1].get("device_uid") != device_uid:
        frames.append(viewer.hear())
    return frames
