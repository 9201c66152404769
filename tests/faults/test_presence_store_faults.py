"""Redis is paused, emptied and killed: nobody who speaks goes offline, and who is silent does."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import redis

from tests.factories.installation import Answer, Installation, eventually
from tests.faults.scripted_device import ScriptedDevice, on_the_wire
from tests.services import RedisServer

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]
# Long enough that rows are not written with every sign, short enough to wait for.
SILENCE_S = 12
RIGHT_WITHIN_S = 45


def call_in(home: Installation, made: dict[str, Any]) -> Answer:
    headers = {"X-Device-ID": made["device_uid"], "X-API-Key": made["device_token"]}
    path, body = "/api/v1/analytics/device-metrics", {"metrics": {"cpu_percent": 1}}
    return home.call("POST", path, body, is_public=True, **headers)


def speaks_once_and_is_gone(home: Installation, made: dict[str, Any]) -> None:
    """A reading is taken in, and its device is offline once it was silent for long enough."""
    answer = call_in(home, made)
    assert answer.status == 202, answer
    assert home.connectivity(made["device_uid"]) == "online"
    eventually(
        lambda: home.connectivity(made["device_uid"]) == "offline",
        within_s=RIGHT_WITHIN_S,
        what="a silent device stayed online",
    )


def test_presence_is_right_whatever_befalls_redis(
    start_product: Any, redis_server: RedisServer
) -> None:
    home = Installation(start_product("production", OFFLINE_AFTER_SECONDS=str(SILENCE_S)))
    live, caller = home.new_device("live"), home.new_device("caller")
    device = ScriptedDevice(home.product.ws_url, live["device_uid"], live["device_token"])
    assert redis_server.process is not None
    with on_the_wire(device):
        assert device.is_welcomed.wait(10)
        os.kill(redis_server.process.pid, signal.SIGSTOP)
        try:
            speaks_once_and_is_gone(home, caller)
        finally:
            os.kill(redis_server.process.pid, signal.SIGCONT)
        with redis.Redis.from_url(redis_server.url) as client:
            client.flushall()
        redis_server.kill9()
        assert call_in(home, caller).status == 202
        redis_server.start()
        speaks_once_and_is_gone(home, caller)
        assert home.connectivity(device.uid) == "online"
    told = home.call("GET", f"/api/v1/devices/{device.uid}/connections").body
    begun = [line["reason"] for line in told if line["kind"] == "CONNECTED"]
    assert begun == ["session_opened"], told
    assert device.epochs == [1]
