"""The server is killed at a named place, comes back on its data, and nothing is wrong."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from typing import Any

import pytest

from tests.factories.installation import Installation, eventually
from tests.faults.checking import check_healed
from tests.faults.scripted_device import ScriptedDevice, on_the_wire

pytestmark = [pytest.mark.fault, pytest.mark.e2e]
PLACES = [
    "commands.enqueue.written",
    "commands.enqueue.committed",
    "commands.claim.written",
    "commands.claim.committed",
    "devicelink.replies.sent",
    "commands.ack.written",
    "commands.ack.committed",
    "devices.session.written",
    "devices.session.committed",
    "relays.report.written",
]
BEFORE_ANY_COMMAND = {
    "devices.session.written", "devices.session.committed", "relays.report.written",
}  # fmt: skip


def is_dead(home: Installation) -> bool:
    """Whether the server process has been killed; reaps it."""
    (process,) = home.product._processes
    return process.poll() is not None


def arm(home: Installation, failpoint: str) -> None:
    environment: Any = home.product._environment
    environment["HOMEPOT_FAILPOINT"] = failpoint


def ask(home: Installation, device: ScriptedDevice) -> None:
    """Ask for three relays; the server may die over any of it."""
    for index, is_on in ((0, True), (1, True), (0, False)):
        with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            home.switch(device.uid, index, is_on, wait=2)


@pytest.mark.embedded_only
@pytest.mark.parametrize("place", PLACES)
def test_a_kill_loses_and_doubles_nothing(start_product: Any, place: str) -> None:
    home = Installation(start_product("embedded", HOMEPOT_FAILPOINT=f"{place}:kill"))
    made = home.new_device("board")
    device = ScriptedDevice(home.product.ws_url, made["device_uid"], made["device_token"])
    with on_the_wire(device):
        if place not in BEFORE_ANY_COMMAND:
            assert device.is_welcomed.wait(10)
            asking = threading.Thread(target=ask, args=(home, device))
            asking.start()
        eventually(lambda: is_dead(home), within_s=15, what=f"nothing reached {place}")
        if place not in BEFORE_ANY_COMMAND:
            asking.join(60)
        device.is_welcomed.clear()
        arm(home, "")
        home.product.restart()
        if place in BEFORE_ANY_COMMAND:
            assert device.is_welcomed.wait(10)
            assert home.switch(device.uid, 0, True).body["state"] == "succeeded"
        check_healed(home, device)


@pytest.mark.embedded_only
def test_a_device_that_acts_while_the_server_is_away_is_believed(start_product: Any) -> None:
    home = Installation(start_product("embedded"))
    made = home.new_device("board")
    device = ScriptedDevice(home.product.ws_url, made["device_uid"], made["device_token"])
    with on_the_wire(device):
        assert device.is_welcomed.wait(10)
        assert home.switch(device.uid, 3, True).status == 200
        home.product.kill9()
        device.is_welcomed.clear()
        device.relays = (True, True, False, False)
        home.product.start()
        check_healed(home, device)
