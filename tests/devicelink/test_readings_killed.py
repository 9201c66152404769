"""The server dies over telemetry, comes back on its data, and every reading is there once."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.devicelink.readings_over_http import batch
from tests.factories.installation import Installation, eventually

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.embedded_only]
READINGS = 120
PLACES = (
    "devicelink.readings.written", "devicelink.readings.committed", "devicelink.replies.sent",
)  # fmt: skip


class Keeper:
    """A device that keeps its readings until they are acknowledged."""

    def __init__(self, ws_url: str, made: dict[str, Any]) -> None:
        self._address = f"{ws_url}/ws/device"
        self._headers = {
            "Authorization": f"Bearer {made['device_token']}",
            "X-Device-ID": made["device_uid"],
        }
        self.waiting = set(range(READINGS))

    def deliver(self) -> None:
        """Send what waits, each reading by itself, and listen until all is acknowledged."""
        with (
            contextlib.suppress(OSError, WebSocketException, TimeoutError),
            connect(self._address, additional_headers=self._headers, compression=None) as socket,
        ):
            for seq in sorted(self.waiting):
                socket.send(json.dumps({"type": "telemetry", **batch(seq)}))
            while self.waiting:
                self._hear(socket)

    def _hear(self, socket: ClientConnection) -> None:
        frame = json.loads(socket.recv(timeout=10))
        if frame["type"] == "telemetry_ack":
            self.waiting -= set(range(frame["acked_seq"] + 1))


def test_kills_over_telemetry_lose_and_double_nothing(start_product: Any) -> None:
    home = Installation(start_product("embedded", HOMEPOT_FAILPOINT=f"{PLACES[0]}:kill"))
    made = home.new_device("board")
    keeper = Keeper(home.product.ws_url, made)
    acknowledged = []
    for next_place in (*PLACES[1:], ""):
        keeper.deliver()
        await_death(home)
        acknowledged.append(READINGS - len(keeper.waiting))
        environment: Any = home.product._environment
        environment["HOMEPOT_FAILPOINT"] = f"{next_place}:kill" if next_place else ""
        home.product.restart()
    assert acknowledged[:2] == [0, 0]
    assert acknowledged[2] > 0
    keeper.deliver()
    assert keeper.waiting == set()
    path = f"/api/v1/devices/{made['device_uid']}/metrics?metric=cpu_percent"
    points = home.call("GET", path).body["points"]
    assert sorted(point["value"] for point in points) == list(range(READINGS))


def await_death(home: Installation) -> None:
    (process,) = home.product._processes
    eventually(lambda: process.poll() is not None, within_s=15, what="nothing reached the place")
