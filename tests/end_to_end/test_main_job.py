"""The main job, as processes: a machine appears, is claimed, is switched, and can be trusted."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.agent_process import running_agent
from tests.factories.installation import Installation, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]
both = pytest.mark.parametrize("kind", ["embedded", "production"])
OFFLINE_AFTER_S = 3


@both
def test_from_a_bare_machine_to_an_audited_switch(
    start_product: Any, tmp_path: Path, kind: str
) -> None:
    home = Installation(start_product(kind, OFFLINE_AFTER_SECONDS=str(OFFLINE_AFTER_S)))
    with running_agent(home.product, tmp_path) as agent:
        code = eventually(lambda: agent.status().get("claim_code"), within_s=20, what=agent.log())
        uid = agent.status()["device_uid"]
        claimed = home.claim(code)
        assert (claimed.status, claimed.body["uid"]) == (200, uid)
        eventually(lambda: home.connectivity(uid) == "online", what=agent.log())

        answer = home.switch(uid, 2, True)
        assert (answer.status, answer.body["state"]) == (200, "succeeded"), answer
        assert answer.body["result"] == {"relays": [{"relay_index": 2, "is_on": True}]}
        assert agent.status()["relays"] == home.positions(uid) == [False, False, True, False]

        everything = home.call("POST", f"/api/v1/devices/{uid}/relays/commands", {"is_on": True})
        assert (everything.status, everything.body["state"]) == (200, "succeeded")
        assert agent.status()["relays"] == home.positions(uid) == [True] * 4

        once = [home.switch(uid, 0, False, **{"Idempotency-Key": "off"}) for _ in range(2)]
        assert [answer.status for answer in once] == [200, 200]
        assert once[0].body == once[1].body
        assert once[1].headers["idempotency-replayed"] == "true"

        agent.kill9()
        eventually(lambda: home.connectivity(uid) == "offline")
        refused = home.switch(uid, 1, True)
        assert (refused.status, refused.body["code"]) == (409, "device_offline")

        agent.start()
        eventually(lambda: home.connectivity(uid) == "online", within_s=20, what=agent.log())
        assert home.switch(uid, 0, True).body["state"] == "succeeded"
        assert agent.status()["relays"] == [True] * 4
        home.product.manage("audit_verify")
        assert "Traceback" not in home.product.log() + agent.log()


@pytest.mark.embedded_only
def test_a_machine_that_hangs_is_offline_after_its_silence_and_back_when_it_wakes(
    start_product: Any, tmp_path: Path
) -> None:
    home = Installation(start_product("embedded", OFFLINE_AFTER_SECONDS=str(OFFLINE_AFTER_S)))
    with running_agent(home.product, tmp_path) as agent:
        code = eventually(lambda: agent.status().get("claim_code"), within_s=20, what=agent.log())
        uid = agent.status()["device_uid"]
        assert home.claim(code).status == 200
        eventually(lambda: home.connectivity(uid) == "online")
        agent.signal(signal.SIGSTOP)
        eventually(lambda: home.connectivity(uid) == "offline", within_s=OFFLINE_AFTER_S + 6)
        agent.signal(signal.SIGCONT)
        eventually(lambda: home.connectivity(uid) == "online", within_s=30, what=agent.log())
        answer = home.switch(uid, 0, True)
        assert answer.body["state"] == "succeeded"
        assert agent.status()["relays"][0] is True
