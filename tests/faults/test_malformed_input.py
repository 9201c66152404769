"""Malformed frames, bodies and messages, 53,700 of them: no server error, no crash, no growth."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from devicelink import inbound
from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival
from devices.types import HeldSession
from edge.protocol import codec
from edge.protocol.errors import ProtocolError
from edge.protocol.messages import Telemetry
from telemetry.models import Reading
from telemetry.types import Acknowledgement
from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest, telemetry
from tests.devicelink.serving import eventually
from tests.factories.devices import connected_device
from tests.factories.installation import Installation
from tests.factories.users import make_actor
from tests.faults.garbage import spoiled
from tests.faults.scripted_device import ScriptedDevice
from tests.server_process import LOOPBACK

SEED = 2026
FRAMES, SOCKET_FRAMES, BODIES, MESSAGES = 38_000, 1_000, 11_000, 2_700
CALLS = 1_000
BOARDS = 12
MAX_GROWTH_KB = 64 * 1024
COMMAND_ID = "01a1fdfa-849a-7a82-a61a-f0dc63c145ef"
SAID: list[dict[str, Any]] = [
    {"type": "heartbeat"},
    {"type": "auth", "uid": "abc", "token": "def"},
    {
        "type": "ack",
        "command_id": COMMAND_ID,
        "status": "succeeded",
        "relays": [{"relay_index": 0, "is_on": True}],
        "error": "none",
        "state_seq": 4,
    },
    {
        "type": "state_report",
        "relays": [{"relay_index": 0, "is_on": True}, {"relay_index": 1, "is_on": False}],
        "firmware_version": "1.0.0",
        "boot_id": "b1",
        "state_seq": 0,
    },
    {
        "type": "input_event",
        "input_index": 1,
        "kind": "press",
        "event_id": "e1",
        "at": "2026-03-01T12:00:00Z",
    },
    {"type": "telemetry", "boot_id": "b", "seq": 1, "at": None, "metrics": {"cpu_percent": 1.5}},
    {"type": "telemetry", "boot_id": "b", "readings": [{"seq": 1, "metrics": {"cpu": 1}}]},
]
ITEM = {"sensor": "hall", "kind": "motion", "value": True, "event_id": "e1"}
PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "telemetry": SAID,
    "sensor": [{"type": "sensor_report", "sensors": [ITEM], "attributes": {"os": "x"}}],
    "status": [{"type": "status", "status": "online", "session": "c-1"}],
}
READINGS_PATH = "/api/v1/analytics/device-metrics"
CALLED = {READINGS_PATH: SAID[-2:], "/api/v1/devices/sensor-report": PUBLISHED["sensor"]}
NOBODY = ["nobody", "a b", "\u2603", "x" * 65, "$x"]
BODIES_BY_PATH: dict[str, list[dict[str, Any]]] = {
    "/api/v1/provision/register": [
        {
            "hardware_id": "hw",
            "device_class": "server",
            "capabilities": ["relay"],
            "relay_count": 2,
            "provision_key": "wrong",
        }
    ],
    "/api/v1/auth/login": [{"email": "a@example.com", "password": "wrong"}],
    "/api/v1/auth/register": [{"email": "not-an-address", "password": "short", "display_name": ""}],
    "/api/v1/auth/refresh": [{"refresh_token": "wrong"}],
    "/api/v1/devices/claim": [{"claim_code": "ABCD-EFGH", "name": "x"}],
    "/api/v1/devices/{uid}": [{"name": "x", "relay_names": {"0": "a"}, "tags": ["t"]}],
    "/api/v1/devices/{uid}/relays/0/commands": [{"is_on": True, "wait": 0, "toggle": False}],
    "/api/v1/devices/{uid}/relays/commands": [{"is_on": True, "wait": 0}],
}


@pytest.mark.core
@pytest.mark.django_db
def test_no_frame_gets_past_the_decoder_and_breaks_a_service() -> None:
    board = connected_device(make_actor())
    sender = HeldSession(board.device_id, board.epoch, None, board.uid)
    verdicts: Counter[str] = Counter()
    said: list[Any] = []
    measured = []
    for frame in spoiled(SAID, FRAMES, seed=SEED):
        try:
            message = codec.decode_up(frame.decode("utf-8", "replace"))
        except ProtocolError as error:
            verdicts[error.code] += 1
            continue
        (measured if isinstance(message, Telemetry) else said).append(message)
    assert sum(verdicts.values()) > FRAMES / 2, verdicts
    for start in range(0, len(said), 20):
        # Every message is carried out once; the same again would be a repeat, not a new test.
        batch = said[start : start + 20] if start < 4_000 else said[start : start + 1]
        outcome = inbound.handle(
            sender=sender, said=batch, pull=inbound.Pull.NOTHING, now=timezone.now()
        )
        assert not outcome.has_bug
        assert outcome.ending is None
    assert measured
    for start in range(0, len(measured), 20):
        arrivals = [
            Arrival(sender=sender, telemetry=telemetry, size=1)
            for telemetry in measured[start : start + 20]
        ]
        assert all(isinstance(taken, Acknowledgement) for taken in flushing.store(arrivals))


@pytest.mark.fault
@pytest.mark.e2e
@pytest.mark.embedded_only
def test_no_frame_and_no_body_breaks_or_swells_the_server(start_product: Any) -> None:
    home = Installation(start_product("embedded", PROVISIONS_PER_MINUTE="1000000"))
    made = home.new_device("board")
    uid = made["device_uid"]
    device = ScriptedDevice(home.product.ws_url, uid, made["device_token"])
    token = home.sign_in()["access_token"]
    send_bodies(home, token, uid, BODIES // 10, seed=1)
    send_frames(device, SOCKET_FRAMES // 10, seed=1)
    before = resident_kb(home.product.pids[0])

    with ThreadPoolExecutor(2) as pool:
        halves = [
            pool.submit(send_bodies, home, token, uid, BODIES * 9 // 20, seed=seed)
            for seed in (2, 3)
        ]
        statuses = sum((half.result() for half in halves), Counter[int]())
    codes = send_frames(device, SOCKET_FRAMES * 9 // 10, seed=2)
    statuses += send_readings(home, uid, made["device_token"], CALLS, seed=4)

    assert not [status for status in statuses if status >= 500], statuses
    assert statuses[400] > BODIES / 4, statuses
    assert set(codes) <= {4409, 4413, 1000}, codes
    assert resident_kb(home.product.pids[0]) - before < MAX_GROWTH_KB
    assert "Traceback" not in home.product.log(), home.product.log()[-3000:]
    assert home.connectivity(uid) in {"online", "offline"}


@pytest.mark.mosquitto
@pytest.mark.django_db(transaction=True)
def test_no_message_at_the_broker_costs_a_neighbour_or_swells_the_ingest(settings: Any) -> None:
    owner = make_actor()
    boards = [connected_device(owner) for _ in range(BOARDS)]
    with FieldBroker() as broker:
        settings.MQTT_URL = broker.url_of(broker.ingest)
        with Ingest() as ingest, Field(broker) as field:
            links = [reader._link for reader in ingest.service._readers]
            spoil_the_broker(field, [board.uid for board in boards], MESSAGES // 9, seed=1)
            before = resident_kb(os.getpid())
            for turn in range(2, 10):
                spoil_the_broker(field, [board.uid for board in boards], MESSAGES // 9, seed=turn)
                for board in boards:
                    field.publish(board.uid, "telemetry", telemetry(turn, boot_id="good"))
            eventually(lambda: all(field.acked(board.uid, "good") == 9 for board in boards), 60)
            eventually(lambda: not any(r._line.count for r in ingest.service._readers), 60)
            assert [reader._link for reader in ingest.service._readers] == links
            assert resident_kb(os.getpid()) - before < MAX_GROWTH_KB
    good = Reading.objects.unscoped("test").filter(boot_id="good")
    assert sorted(good.values_list("device_id", "seq")) == sorted(
        (board.device_id, seq) for board in boards for seq in range(2, 10)
    )


def spoil_the_broker(field: Field, uids: list[str], count: int, *, seed: int) -> None:
    """Publish spoiled messages on all channels in turn, and some under names of nobody."""
    dice = random.Random(seed)
    channels = itertools.cycle(PUBLISHED.items())
    said = []
    for _ in range(count):
        channel, documents = next(channels)
        (payload,) = spoiled(documents, 1, seed=dice.randrange(2**31))
        uid = dice.choice(uids) if dice.random() < 0.95 else dice.choice(NOBODY)
        said.append((f"{uid}/{channel}", payload))
    field.publish_all(said)


def send_bodies(home: Installation, token: str, uid: str, count: int, *, seed: int) -> Counter[int]:
    """Send spoiled bodies over one connection that stays open; counts the answers."""
    connection = http.client.HTTPConnection(LOOPBACK, home.product.port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    statuses: Counter[int] = Counter()
    share = count // len(BODIES_BY_PATH)
    for path, documents in BODIES_BY_PATH.items():
        method = "PATCH" if path.endswith("{uid}") else "POST"
        for body in spoiled(documents, share, seed=seed):
            connection.request(method, path.format(uid=uid), body, headers)
            response = connection.getresponse()
            content = response.read()
            statuses[response.status] += 1
            if response.status >= 400:
                assert json.loads(content).keys() == {"code", "message", "details", "request_id"}
    connection.close()
    return statuses


def send_readings(home: Installation, uid: str, key: str, count: int, *, seed: int) -> Counter[int]:
    """Send spoiled readings and sensors as a device, a good reading after every tenth."""
    connection = http.client.HTTPConnection(LOOPBACK, home.product.port, timeout=30)
    headers = {"Content-Type": "application/json", "X-Device-ID": uid, "X-API-Key": key}
    routes = itertools.cycle(CALLED.items())
    statuses: Counter[int] = Counter()

    def post(path: str, body: bytes, **more: str) -> tuple[int, Any]:
        connection.request("POST", path, body, headers | more)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    for number in range(count):
        path, documents = next(routes)
        (body,) = spoiled(documents, 1, seed=seed + number)
        is_packed = {"Content-Encoding": "gzip"} if number % 9 == 0 else {}
        status, _ = post(path, body, **is_packed)
        statuses[status] += 1
        if number % 10 == 0:
            good = {"boot_id": "good", "seq": number, "metrics": {"cpu_percent": 1}}
            status, answer = post(READINGS_PATH, json.dumps(good).encode())
            assert (status, answer["stored"]) == (202, 1), answer
    connection.close()
    return statuses


def send_frames(device: ScriptedDevice, count: int, *, seed: int) -> Counter[int]:
    """Send spoiled frames, over a new session each time one is closed; counts the codes."""
    codes: Counter[int] = Counter()
    frames = list(spoiled(SAID, count, seed=seed))
    while frames:
        with device.open() as socket, contextlib.suppress(ConnectionClosed):
            device.welcomed(socket)
            for frame in frames[:40]:
                is_text = len(frame) % 5
                socket.send(frame.decode("utf-8", "replace") if is_text else frame)
            with contextlib.suppress(TimeoutError):
                while True:
                    socket.recv(timeout=1)
        codes[socket.close_code or 0] += 1
        del frames[:40]
    return codes


def resident_kb(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])
