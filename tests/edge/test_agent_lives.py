"""An agent whose life was ended begins the next one by itself, or stops and says how to go on."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from edge.agent import durable_file, identity, pending_registration, provisioning
from edge.agent.config import AgentConfig
from edge.agent.errors import AccessRefused
from edge.agent.identity import Identity
from edge.agent.runner import Runner
from edge.agent.telemetry_store import TELEMETRY_FILE, TelemetryStore, count_pending
from edge.protocol import messages
from edge.protocol.backoff import Backoff
from tests.edge.conftest import finished, running, store_identity, used_credentials
from tests.edge.homepot_stub import SocketStub
from tests.edge.lives_stub import Lives


async def test_an_unpaired_agent_goes_on_as_a_new_device_with_its_relays_where_they_were(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    announced: list[Identity] = []
    async with running(agent, announced.append):
        first = await server.next_connection()
        report = await first.expect(messages.StateReport)
        await first.send(messages.SetRelay("c1", 2, True, server.now().replace(year=2999)))
        await first.expect(messages.Ack)
        lives.end_life("life-1")
        await first.close(4403)
        second = await server.next_connection()
        again = await second.expect(messages.StateReport)
    assert [one.device_uid for one in announced] == ["life-1", "life-2"]
    assert used_credentials(server) == [("life-1", "secret-key-1"), ("life-2", "secret-key-2")]
    assert [relay.is_on for relay in again.relays] == [False, False, True, False]
    assert again.boot_id != report.boot_id
    asked = lives.registrations[1]
    assert asked.headers["X-Device-ID"] == "life-1"
    assert asked.headers["X-API-Key"] == "secret-key-1"
    assert "X-API-Key" not in lives.registrations[0].headers
    stored = identity.load(agent.state_dir)
    assert stored is not None and stored.device_token == "secret-key-2"
    assert stored.claim_code is None, "a batch key needs no claim"


async def test_the_new_claim_code_is_shown_and_stored(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    lives.claim_code = "ABCD234"
    announced: list[Identity] = []
    async with running(agent, announced.append):
        await (await server.next_connection()).close(4403)
        await (await server.next_connection()).expect(messages.StateReport)
    assert [one.claim_code for one in announced] == ["ABCD2341", "ABCD2342"]
    assert identity.load(agent.state_dir) == announced[1]


async def test_a_handshake_refused_as_unpaired_begins_a_new_life_too(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        answer = connection.respond(401, json.dumps({"code": "device_unpaired"}))
        answer.headers["Content-Type"] = "application/json"
        return answer

    async with serve(server.serve_one, "127.0.0.1", 0, process_request=refuse) as refusing:
        port = next(iter(refusing.sockets)).getsockname()[1]
        store_identity(agent, f"ws://127.0.0.1:{port}/ws/device")
        async with running(agent):
            await (await server.next_connection()).expect(messages.StateReport)
    assert used_credentials(server) == [("life-1", "secret-key-1")]


async def test_readings_of_the_former_life_never_reach_the_new_one(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    store_identity(agent, server.url)
    path = agent.state_dir / TELEMETRY_FILE
    with closing(TelemetryStore(path, boot_id="of-the-former-owner")) as store:
        store.append({"secret": 1.0}, at=datetime.now(UTC))
    async with running(agent):
        first = await server.next_connection()
        sent = await first.expect(messages.Telemetry)
        assert sent.boot_id == "of-the-former-owner", "until then it was to be sent"
        await first.close(4403)
        second = await server.next_connection()
        fresh = await second.expect(messages.Telemetry)
    assert fresh.boot_id != "of-the-former-owner"
    assert fresh.readings[0].seq == 0
    assert count_pending(path) == 1


async def test_without_a_provisioning_key_it_stops_and_keeps_its_files_aside(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    store_identity(agent, server.url)
    async with running(replace(agent, provision_key="")) as task:
        await (await server.next_connection()).close(4403)
        with pytest.raises(AccessRefused, match="DEVICE_PROVISION_KEY") as stopped:
            await finished(task)
    assert stopped.value.exit_code == 3
    assert lives.registrations == []
    former = identity.load_former(agent.state_dir)
    assert former is not None and former.device_token == "a-secret-device-token"
    assert identity.load(agent.state_dir) is None

    async with running(agent):
        await (await server.next_connection()).expect(messages.StateReport)
    assert lives.registrations[0].headers["X-API-Key"] == "a-secret-device-token"
    assert identity.load_former(agent.state_dir) is None


async def test_a_provisioning_key_that_is_refused_ends_the_agent_with_its_files_aside(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    store_identity(agent, server.url)
    async with running(replace(agent, provision_key="used-up")) as task:
        await (await server.next_connection()).close(4403)
        with pytest.raises(AccessRefused, match="DEVICE_PROVISION_KEY"):
            await finished(task)
    assert identity.load_former(agent.state_dir) is not None


async def test_a_device_of_a_site_comes_back_at_its_site_under_its_name(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    me = store_identity(agent, server.url)
    before = replace(me, site_id="store-12", device_id="till-1")
    identity.save(agent.state_dir, before)
    async with running(agent):
        await (await server.next_connection()).close(4403)
        while not lives.registrations:
            await asyncio.sleep(0.01)
        while (stored := identity.load(agent.state_dir)) == before:
            await asyncio.sleep(0.01)
    asked = lives.registrations[0]
    assert asked.path == "/api/v1/devices/sites/store-12/devices"
    assert asked.body["device_id"] == "till-1"
    assert stored is not None and stored.device_uid == "life-1"
    assert (stored.site_id, stored.device_id) == ("store-12", "till-1")


async def test_a_lost_answer_is_asked_for_again_and_is_no_second_life(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    lives.lose_answers = 2
    async with running(agent):
        await (await server.next_connection()).expect(messages.StateReport)
    assert len(lives.registrations) == 3
    assert len({one.headers["Idempotency-Key"] for one in lives.registrations}) == 1
    assert list(lives.keys) == ["life-1"]


def test_a_restart_before_the_answer_continues_the_same_request(
    lives: Lives, agent: AgentConfig
) -> None:
    lives.lose_answers = 1
    with pytest.raises(provisioning.ServerUnavailable):
        provisioning.register(agent, hardware_id="hw-1")
    # What the machine says of itself may have changed; the request that is on its way may not.
    fresh = provisioning.register(replace(agent, name="renamed"), hardware_id="hw-1")
    assert fresh.device_uid == "life-1"
    assert [one.body["model"] for one in lives.registrations] == ["bench", "bench"]
    provisioning.keep(agent, fresh, stored=None)
    assert not (agent.state_dir / pending_registration.PENDING_FILE).exists()


def test_the_next_life_is_another_request_than_the_last(lives: Lives, agent: AgentConfig) -> None:
    first = provisioning.register(agent, hardware_id="hw-1")
    second = provisioning.register(agent, hardware_id="hw-1", former=first)
    keys = {one.headers["Idempotency-Key"] for one in lives.registrations}
    assert (len(keys), second.device_uid) == (2, "life-2")


class Killed(BaseException):
    """Stands for the process ending at this line."""


@pytest.mark.parametrize("survived", range(9))
def test_an_agent_killed_between_any_two_writes_holds_one_working_key(
    survived: int, lives: Lives, agent: AgentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store_identity(agent, "ws://127.0.0.1:9/ws/device")
    fresh = provisioning.register(agent, hardware_id="hw-1", former=old)
    left = [survived]

    def dying(real: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: Any) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            real(*arguments)

        return act

    for name in ("write", "remove"):
        monkeypatch.setattr(durable_file, name, dying(getattr(durable_file, name)))
    try:
        provisioning.keep(agent, fresh, stored=old)
    except Killed:
        assert survived < 5
    else:
        assert survived >= 5
    monkeypatch.undo()
    known = identity.load(agent.state_dir)
    assert known in (old, fresh), "never the uid of one life with the key of another"
    again = provisioning.register(agent, hardware_id="hw-1", former=old)
    if known == old:
        assert again == fresh, "the same answer, because the request is still pending"


@pytest.mark.parametrize("survived", range(7))
def test_setting_a_life_aside_never_loses_its_key(
    survived: int, agent: AgentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = store_identity(agent, "ws://127.0.0.1:9/ws/device")
    left = [survived]
    for name in ("write", "remove"):
        real = getattr(durable_file, name)

        def act(*arguments: Any, real: Callable[..., None] = real) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            real(*arguments)

        monkeypatch.setattr(durable_file, name, act)
    with suppress(Killed):
        identity.set_aside(agent.state_dir, me)
    monkeypatch.undo()
    assert me in (identity.load(agent.state_dir), identity.load_former(agent.state_dir))


def test_the_wait_for_a_new_life_is_jittered_from_thirty_seconds_up(config: AgentConfig) -> None:
    def waits() -> list[float]:
        backoff: Backoff = Runner(config, announce=lambda _: None)._life_backoff
        return [backoff.next_delay() for _ in range(40)]

    first = [waits()[0] for _ in range(40)]
    assert all(30 <= delay <= 60 for delay in first) and len(set(first)) == 40
    assert max(waits()) > 600
    assert max(waits()) <= 3600


def test_the_key_is_in_a_file_of_its_own(agent: AgentConfig) -> None:
    me = store_identity(agent, "ws://127.0.0.1:9/ws/device")
    key = agent.state_dir / identity.KEY_FILE
    assert key.read_text().strip() == me.device_token
    assert key.stat().st_mode & 0o777 == 0o600
    assert me.device_token not in (agent.state_dir / identity.IDENTITY_FILE).read_text()


def test_an_identity_of_an_earlier_agent_keeps_working(tmp_path: Path) -> None:
    plain = {
        "server_url": "http://127.0.0.1:9",
        "hardware_id": "hw-1",
        "device_uid": "dev",
        "device_token": "old-key",
        "ws_url": "ws://127.0.0.1:9/ws/device",
    }
    (tmp_path / identity.IDENTITY_FILE).write_text(json.dumps(plain))
    known = identity.load(tmp_path)
    assert known is not None and known.device_token == "old-key"
    (tmp_path / identity.KEY_FILE).touch(mode=0o600)
    (tmp_path / identity.KEY_FILE).write_text("newer-key\n")
    known = identity.load(tmp_path)
    assert known is not None and known.device_token == "newer-key"
