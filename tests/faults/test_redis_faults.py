"""Redis dies and comes back empty: hints are lost, commands are not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.factories.installation import Installation
from tests.faults.checking import check_healed
from tests.faults.scripted_device import ScriptedDevice, on_the_wire
from tests.services import RedisServer

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]
REACHED_WITHIN_S = 15


def test_commands_reach_their_device_again_after_redis_was_killed(
    start_product: Any, redis_server: RedisServer
) -> None:
    home = Installation(start_product("production"))
    made = home.new_device("board")
    device = ScriptedDevice(home.product.ws_url, made["device_uid"], made["device_token"])
    with on_the_wire(device):
        assert device.is_welcomed.wait(10)
        assert home.switch(device.uid, 0, True).body["state"] == "succeeded"
        redis_server.kill9()
        during = home.switch(device.uid, 1, True, wait=2)
        assert during.status in {200, 202, 503}, during
        redis_server.start()
        started = time.monotonic()
        after = home.switch(device.uid, 2, True, wait=REACHED_WITHIN_S)
        assert (after.status, after.body["state"]) == (200, "succeeded")
        assert time.monotonic() - started < REACHED_WITHIN_S
        check_healed(home, device)
        assert device.relays[2]
        assert "Traceback" not in home.product.log()
