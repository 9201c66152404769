"""A new key takes the old one's place only once the server has accepted it."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from edge.agent import durable_file, identity, rotation
from edge.agent.config import AgentConfig
from edge.agent.errors import AccessRefused, ConfigurationInvalid, ServerUnavailable
from edge.agent.identity import Identity
from edge.protocol import messages
from tests.edge.conftest import finished, store_identity
from tests.edge.homepot_stub import SocketStub
from tests.edge.lives_stub import Lives, lives_stub
from tests.edge.test_agent_lives import running, used_credentials
from tests.edge.test_agent_process import environment

UID, OLD, NEW = "dev-under-test", "a-secret-device-token", "the-next-secret-key"


@pytest.fixture
def lives(server: SocketStub) -> Iterator[Lives]:
    with lives_stub(server.url) as stub:
        stub.keys[UID] = {OLD, NEW}
        yield stub


@pytest.fixture
def agent(config: AgentConfig, lives: Lives) -> AgentConfig:
    return replace(config, url=lives.url)


@pytest.fixture
def me(agent: AgentConfig, server: SocketStub) -> Identity:
    return store_identity(agent, server.url)


def stored_key(agent: AgentConfig) -> str:
    known = identity.load(agent.state_dir)
    assert known is not None
    return known.device_token


async def rotate(agent: AgentConfig, *more: str, key: str = NEW) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.agent", "rotate-key"),
        *("--state-dir", str(agent.state_dir), *more),
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(f"{key}\n".encode())
    assert key.encode() not in output
    return process.returncode, output.decode()


async def test_a_proved_key_replaces_the_old_one_under_a_running_agent(
    server: SocketStub, lives: Lives, agent: AgentConfig, me: Identity
) -> None:
    async with running(agent):
        first = await server.next_connection()
        await first.expect(messages.StateReport)
        code, output = await rotate(agent)
        assert (code, output) == (0, f"device {UID} has its new key\n")
        proof = lives.requests[-1]
        assert (proof.method, proof.path) == ("GET", "/api/v1/devices/self")
        assert (proof.headers["X-Device-ID"], proof.headers["X-API-Key"]) == (UID, NEW)
        await first.close(1001)
        await (await server.next_connection()).expect(messages.StateReport)
    assert used_credentials(server) == [(UID, OLD), (UID, NEW)]
    assert not (agent.state_dir / rotation.CANDIDATE_FILE).exists()


async def test_a_key_may_come_from_a_file(agent: AgentConfig, me: Identity) -> None:
    file = agent.state_dir / "new-key"
    file.write_text(f"{NEW}\n")
    assert (await rotate(agent, "--key-file", str(file), key="ignored"))[0] == 0
    assert stored_key(agent) == NEW


async def test_a_key_the_server_refuses_leaves_the_old_one(
    agent: AgentConfig, me: Identity
) -> None:
    code, output = await rotate(agent, key="guessed")
    assert code == 3
    assert "the old one stays" in output
    assert stored_key(agent) == OLD
    assert not (agent.state_dir / rotation.CANDIDATE_FILE).exists()


async def test_without_a_device_there_is_nothing_to_rotate(agent: AgentConfig) -> None:
    code, output = await rotate(agent)
    assert code == 2
    assert "register" in output


@pytest.mark.parametrize("key", ["", "two words\x00", "schlüssel", "x" * 257])
def test_what_is_no_key_is_never_sent(
    key: str, lives: Lives, agent: AgentConfig, me: Identity
) -> None:
    with pytest.raises(ConfigurationInvalid):
        rotation.rotate(agent.state_dir, me, key=key, url=agent.url)
    assert lives.requests == []


def test_the_key_it_has_already_is_no_change(
    lives: Lives, agent: AgentConfig, me: Identity
) -> None:
    rotation.rotate(agent.state_dir, me, key=OLD, url=agent.url)
    assert lives.requests == []


def test_an_answer_about_another_device_proves_nothing(
    lives: Lives, agent: AgentConfig, me: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "answer", lambda _: (200, {"uid": "somebody-else"}))
    with pytest.raises(ServerUnavailable):
        rotation.rotate(agent.state_dir, me, key=NEW, url=agent.url)
    assert stored_key(agent) == OLD


async def test_a_proof_whose_answer_was_lost_is_found_when_the_old_key_is_refused(
    server: SocketStub, lives: Lives, agent: AgentConfig, me: Identity
) -> None:
    async with running(agent):
        first = await server.next_connection()
        lives.lose_answers = 1
        code, output = await rotate(agent)
        assert code == 1 and "again" in output
        assert stored_key(agent) == OLD
        # The server heard the proof and ended the old key.
        lives.keys[UID] = {NEW}
        await first.close(4401)
        await (await server.next_connection()).expect(messages.StateReport)
    assert used_credentials(server) == [(UID, OLD), (UID, NEW)]
    assert stored_key(agent) == NEW


async def test_a_candidate_that_was_never_accepted_saves_no_agent(
    server: SocketStub, lives: Lives, agent: AgentConfig, me: Identity
) -> None:
    candidate = {"device_uid": UID, "device_token": "guessed"}
    durable_file.write(agent.state_dir / rotation.CANDIDATE_FILE, json.dumps(candidate))
    async with running(agent) as task:
        await (await server.next_connection()).close(4401)
        with pytest.raises(AccessRefused, match="rotate-key"):
            await finished(task)
    assert stored_key(agent) == OLD


def test_a_machine_that_became_another_device_keeps_that_devices_key(
    lives: Lives, agent: AgentConfig, me: Identity
) -> None:
    fresh = replace(me, device_uid="life-2", device_token="key-of-life-2")
    identity.save(agent.state_dir, fresh)
    with pytest.raises(AccessRefused, match="another device"):
        rotation.rotate(agent.state_dir, me, key=NEW, url=agent.url)
    assert identity.load(agent.state_dir) == fresh
