"""The whole product is killed while commands, answers and reconnects are under way."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
import time
from typing import Any

import pytest

from tests.factories.installation import Installation
from tests.faults.checking import check_healed
from tests.faults.scripted_device import Behaviour, ScriptedDevice, on_the_wire

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]
# Three moments of the traffic, no two of them alike.
TRAFFIC_S = (0.7, 0.43, 0.91)


def switch_on_and_on(home: Installation, uid: str, ended: threading.Event) -> None:
    for number in itertools.count():
        if ended.is_set():
            return
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            home.switch(uid, number % 4, bool(number // 4 % 2), wait=0)


@pytest.mark.parametrize("kind", ["embedded", "production"])
def test_traffic_survives_kills(start_product: Any, kind: str) -> None:
    home = Installation(start_product(kind))
    made = home.new_device("board")
    device = ScriptedDevice(
        home.product.ws_url,
        made["device_uid"],
        made["device_token"],
        behaviour=Behaviour(acks=2, ack_delay_s=0.005),
    )
    with on_the_wire(device):
        for seconds in TRAFFIC_S:
            assert device.is_welcomed.wait(15)
            ended = threading.Event()
            traffic = threading.Thread(
                target=switch_on_and_on, args=(home, device.uid, ended), daemon=True
            )
            traffic.start()
            time.sleep(seconds)
            home.product.kill9()
            ended.set()
            traffic.join(50)
            device.is_welcomed.clear()
            home.product.start()
        check_healed(home, device)
    assert device.executed
