"""An agent as a process is asked for everything it can do, and for what it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_device_lives import assert_switched, batch_key, running_till
from tests.factories.installation import Answer, Installation, eventually

pytestmark = pytest.mark.e2e
WAIT = 15


def test_an_agent_does_what_it_is_asked_for_and_says_what_it_cannot(
    start_product: Any, tmp_path: Path
) -> None:
    home = Installation(start_product("embedded"))
    with running_till(home, tmp_path, key=batch_key(home, max_devices=1)) as agent:
        uid = agent.status()["device_uid"]
        assert_switched(home, uid, 2)

        def asked(kind: str, payload: Any = None, wait: float = WAIT) -> Answer:
            body = {"kind": kind, "payload": {} if payload is None else payload, "wait": wait}
            return home.call("POST", f"/api/v1/devices/{uid}/commands", body)

        def done(kind: str, payload: Any = None) -> Any:
            answer = asked(kind, payload)
            assert (answer.status, answer.body.get("state")) == (200, "succeeded"), answer
            return answer.body["result"]

        assert done("REBOOT")["dry_run"] is True
        assert done("run_diagnostics", {"checks": ["disk"]})["checks"]["disk"]["ok"] is True
        assert done("UPDATE_CONFIG", {"config": {"log": "debug"}})["version"] == 1
        assert done("Set-Relay", {"relay_index": 2, "toggle": True})["relays"]
        assert agent.status()["relays"][2] is False
        release = {"version": "2", "url": "https://example.com/2", "sha256": "0" * 64}
        refused = asked("ota_install", release)
        assert (refused.body["state"], refused.body["error"]) == ("rejected", "unsupported")

        begun = asked("reboot", {"delay_s": 60}, wait=0).body["id"]
        eventually(lambda: home.command(begun)["state"] == "acked")
        preview = home.call("POST", f"/api/v1/devices/{uid}/commands/preview", {"kind": "reboot"})
        assert [other["id"] for other in preview.body["waits_for"]] == [begun]
        assert home.call("POST", f"/api/v1/commands/{begun}/cancel").body["cancel_asked_at"]
        eventually(lambda: home.command(begun)["state"] == "cancelled")
        assert "Traceback" not in home.product.log() + agent.log()
