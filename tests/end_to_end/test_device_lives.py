"""A device of a site, as processes: registered with a batch key, switched, re-keyed, reborn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.end_to_end.agent_process import AgentProcess
from tests.factories.installation import Answer, Installation, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]
both = pytest.mark.parametrize("kind", ["embedded", "production"])
SITE = "store-12"


def batch_key(home: Installation, *, max_devices: int) -> str:
    """A key over the API that takes devices in at the site."""
    made = home.call("POST", "/api/v1/sites", {"site_id": SITE, "name": "Store 12"})
    assert made.status == 201, made
    wanted = {"name": "tills", "site": SITE, "max_devices": max_devices, "expires_in": 3600}
    answer = home.call("POST", "/api/v1/provisioning-keys", wanted)
    assert answer.status == 201, answer
    return str(answer.body["key"])


def ask_as(home: Installation, uid: str, key: str) -> Answer:
    """What the server answers to who shows this key."""
    shown = {"X-Device-ID": uid, "X-API-Key": key}
    return home.call("GET", "/api/v1/devices/self", is_public=True, **shown)


def stored_key(agent: AgentProcess) -> str:
    """The key the agent would show now."""
    return (agent.state_dir / ".device_api_key").read_text(encoding="utf-8").strip()


def next_uid(agent: AgentProcess, former: str) -> str:
    """The uid of the life after this one, once there is one."""
    uid = str(agent.status().get("device_uid") or "")
    return "" if uid == former else uid


def is_online(home: Installation, uid: str) -> bool:
    """Whether the device is there."""
    return home.connectivity(uid) == "online"


def assert_switched(home: Installation, uid: str, index: int) -> None:
    """Switch a relay on and see that it is."""

    def answer_of_a_session() -> Answer | None:
        # Any call makes a device online, and its socket follows: until then nothing is queued.
        answer = home.switch(uid, index, True)
        return None if answer.body.get("code") == "device_offline" else answer

    answer = eventually(answer_of_a_session, within_s=20)
    assert (answer.status, answer.body.get("state")) == (200, "succeeded"), answer


class Neighbour(Installation):
    """The same installation as somebody else uses it, with a tenant of their own."""

    _LOGIN: ClassVar = {"email": "neighbour@example.org", "password": "not-a-common-passphrase"}

    def __init__(self, home: Installation) -> None:
        super().__init__(home.product)
        made = self.call("POST", "/api/v1/auth/register", self._LOGIN, is_public=True)
        assert made.status == 201, made

    def sign_in(self) -> dict[str, Any]:
        """Log in; returns the tokens."""
        answer = self.call("POST", "/api/v1/auth/login", self._LOGIN, is_public=True)
        assert answer.status == 200, answer
        self._token = answer.body["access_token"]
        return dict(answer.body)


@contextmanager
def running_till(home: Installation, folder: Path, *, key: str) -> Iterator[AgentProcess]:
    """An agent that was registered at the site and is online."""
    options = ("--site", SITE, "--device-id", "till-1", "--re-enrol-after", "1")
    agent = AgentProcess(home.product, folder, *options, provision_key=key)
    for sentence in ("till-1 of site store-12", "nothing was changed"):
        done = agent.register()
        assert done.returncode == 0, done
        assert sentence in done.stdout
    agent.start()
    try:
        uid = agent.status()["device_uid"]
        eventually(lambda: is_online(home, uid), within_s=20, what=agent.log())
        yield agent
    finally:
        agent.kill9()


@both
def test_an_unpaired_till_lives_again_with_a_fresh_key_until_its_batch_is_used_up(
    start_product: Any, tmp_path: Path, kind: str
) -> None:
    home = Installation(start_product(kind))
    batch = batch_key(home, max_devices=2)
    with running_till(home, tmp_path, key=batch) as agent:
        first, old = agent.status()["device_uid"], stored_key(agent)
        shown = home.call("GET", f"/api/v1/devices/{first}").body
        assert (shown["pairing"], shown["device_id"]) == ("paired", "till-1")
        assert_switched(home, first, 2)

        assert home.call("POST", f"/api/v1/devices/{first}/unpair").status == 200
        second = eventually(lambda: next_uid(agent, first), within_s=30, what=agent.log())
        eventually(lambda: is_online(home, second), within_s=20, what=agent.log())
        refused = ask_as(home, first, old)
        assert (refused.status, refused.body["code"]) == (401, "device_unpaired")
        assert ask_as(home, second, stored_key(agent)).body["epoch"] == 2
        eventually(lambda: home.positions(second) == [False, False, True, False])
        assert_switched(home, second, 0)
        assert agent.status()["relays"] == [True, False, True, False]

        assert home.call("POST", f"/api/v1/devices/{second}/unpair").status == 200
        eventually(lambda: (agent.state_dir / "former.json").exists(), within_s=30)
    home.product.manage("audit_verify")
    log = home.product.log() + agent.log()
    assert "Traceback" not in log
    assert not [secret for secret in (batch, old) if secret in log]


@both
def test_a_running_till_gets_a_new_key(start_product: Any, tmp_path: Path, kind: str) -> None:
    home = Installation(start_product(kind))
    with running_till(home, tmp_path, key=batch_key(home, max_devices=1)) as agent:
        uid, old = agent.status()["device_uid"], stored_key(agent)
        # Long enough to hand the agent its key: one that has none when the old one is void ends.
        made = home.call("POST", f"/api/v1/devices/{uid}/rotate-token", {"grace_seconds": 8})
        assert made.status == 201, made
        assert agent.rotate_key("not-the-key").returncode == 3
        assert stored_key(agent) == old
        assert agent.rotate_key(made.body["api_key"]).returncode == 0
        assert stored_key(agent) == made.body["api_key"]
        assert ask_as(home, uid, stored_key(agent)).status == 200
        eventually(lambda: ask_as(home, uid, old).status == 401, within_s=30)
        eventually(
            lambda: home.switch(uid, 3, True).body.get("state") == "succeeded",
            within_s=30,
            what=agent.log(),
        )
        assert "Traceback" not in agent.log()
        assert made.body["api_key"] not in agent.log() + home.product.log()


@both
def test_a_till_handed_to_another_tenant_comes_online_as_theirs(
    start_product: Any, tmp_path: Path, kind: str
) -> None:
    home = Installation(start_product(kind))
    neighbour = Neighbour(home)
    # Uses are left: it could come back to its giver, and must not.
    batch = batch_key(home, max_devices=5)
    with running_till(home, tmp_path, key=batch) as agent:
        first, old = agent.status()["device_uid"], stored_key(agent)
        assert_switched(home, first, 2)
        offer = home.call("POST", f"/api/v1/devices/{first}/transfer")
        assert offer.status == 201, offer
        wanted = {"code": offer.body["code"]}
        taken = neighbour.call("POST", "/api/v1/transfers/accept", wanted)
        assert taken.status == 201, taken
        second = str(taken.body["device"]["uid"])

        eventually(lambda: next_uid(agent, first) == second, within_s=30, what=agent.log())
        eventually(lambda: is_online(neighbour, second), within_s=20, what=agent.log())
        assert stored_key(agent) not in (old, taken.body["api_key"])
        shown = agent.status()
        assert (shown["site"], shown["device_id"]) == (None, None)
        assert ask_as(home, second, taken.body["api_key"]).status == 401
        refused = ask_as(home, first, old)
        assert (refused.status, refused.body["code"]) == (401, "device_unpaired")
        assert home.call("GET", f"/api/v1/devices/{second}").status == 404
        eventually(lambda: neighbour.positions(second) == [False, False, True, False])
        assert_switched(neighbour, second, 0)
        assert agent.status()["relays"] == [True, False, True, False]

        agent.kill9()
        agent.start()
        eventually(lambda: is_online(neighbour, second), within_s=20, what=agent.log())
        assert agent.status()["device_uid"] == second
        assert home.call("GET", "/api/v1/devices").body["items"] == []
        secrets = (batch, old, stored_key(agent), taken.body["api_key"], offer.body["code"])
    home.product.manage("audit_verify")
    log = home.product.log() + agent.log()
    assert "Traceback" not in log
    assert not [secret for secret in secrets if secret in log]
