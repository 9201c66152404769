"""An agent asks for its identity once, keeps it private, and says clearly why it got none."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.agent import identity, provisioning
from edge.agent.config import AgentConfig
from edge.agent.errors import AccessRefused, ServerUnavailable, StateUnreadable
from edge.agent.identity import Identity
from edge.agent.runner import Runner
from edge.protocol import messages
from tests.edge.conftest import finished, quick_backoff, store_identity
from tests.edge.homepot_stub import SocketStub, provision_stub, provisioned


async def run_until_connected(config: AgentConfig, server: SocketStub) -> list[Identity]:
    announced: list[Identity] = []
    runner = Runner(config, announce=announced.append, backoff=quick_backoff())
    task = asyncio.create_task(runner.run())
    try:
        await (await server.next_connection()).expect(messages.StateReport)
    finally:
        runner.stop()
        await finished(task)
    return announced


async def test_the_first_run_provisions_and_the_second_uses_the_stored_key(
    server: SocketStub, config: AgentConfig
) -> None:
    with provision_stub(body=provisioned(server.url)) as api:
        config = replace(config, url=api.url, infrared="file")
        first = await run_until_connected(config, server)
        second = await run_until_connected(config, server)
        (headers, body) = api.requests[0]
    assert len(api.requests) == 1
    assert first == second
    assert first[0].claim_code == "ABCD2345"
    assert headers["X-Provision-Key"] == "the-provision-key"
    assert body == {
        "hardware_id": "hw-1",
        "device_class": "server",
        "device_type": "homepot_agent",
        "model": "bench",
        "firmware_version": "0.1.0",
        "capabilities": ["relay", "telemetry", "infrared"],
        "relay_count": 4,
        "is_simulated": False,
    }
    stored = config.state_dir / identity.IDENTITY_FILE
    assert stored.stat().st_mode & 0o777 == 0o600


async def test_an_unused_claim_code_that_ran_out_is_renewed_at_the_next_start(
    server: SocketStub, config: AgentConfig
) -> None:
    with provision_stub(body=provisioned(server.url, claim_code="NEW12345")) as api:
        config = replace(config, url=api.url)
        me = store_identity(config, server.url)
        old = replace(me, claim_code="OLD12345", claim_expires_at="2020-01-01T00:00:00Z")
        identity.save(config.state_dir, old)
        announced = await run_until_connected(config, server)
    assert announced[0].claim_code == "NEW12345"


async def test_a_claim_code_that_was_used_is_forgotten_and_the_key_kept(
    server: SocketStub, config: AgentConfig
) -> None:
    with provision_stub(status=409, body={"code": "already_paired", "message": "taken"}) as api:
        config = replace(config, url=api.url)
        me = store_identity(config, server.url)
        old = replace(me, claim_code="OLD12345", claim_expires_at="2020-01-01T00:00:00Z")
        identity.save(config.state_dir, old)
        announced = await run_until_connected(config, server)
    assert announced == [me]
    assert identity.load(config.state_dir) == me


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, {"code": "not_authenticated"}, "DEVICE_PROVISION_KEY"),
        (404, {}, "check --url"),
        (409, {"code": "already_paired"}, "already paired"),
        (426, {"code": "https_required"}, "https://"),
        (400, {"code": "validation_error", "message": "no", "details": {"model": ["x"]}}, "model"),
        (302, {}, "HTTP 302"),
    ],
)
def test_a_refusal_says_what_to_do(
    status: int, body: dict[str, Any], sentence: str, config: AgentConfig
) -> None:
    with provision_stub(status=status, body=body) as api, pytest.raises(AccessRefused) as refusal:
        provisioning.register(replace(config, url=api.url), hardware_id="hw-1")
    assert sentence in str(refusal.value)
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_when_it_wants(status: int, config: AgentConfig) -> None:
    with (
        provision_stub(status=status, headers={"Retry-After": "7"}) as api,
        pytest.raises(ServerUnavailable) as fault,
    ):
        provisioning.register(replace(config, url=api.url), hardware_id="hw-1")
    assert fault.value.retry_after == 7


def test_an_unreachable_server_is_no_reason_to_give_up(config: AgentConfig) -> None:
    with pytest.raises(ServerUnavailable, match="cannot be reached"):
        provisioning.register(config, hardware_id="hw-1")


def test_without_a_provisioning_key_the_sentence_names_the_variable(config: AgentConfig) -> None:
    with pytest.raises(AccessRefused, match="DEVICE_PROVISION_KEY"):
        provisioning.register(replace(config, provision_key=""), hardware_id="hw-1")


def test_a_key_got_over_tls_is_never_sent_without_it(config: AgentConfig) -> None:
    secure = replace(config, url="https://homepot.example/base")
    chosen = [
        provisioning._socket_url(secure, offered)
        for offered in ("ws://homepot.example/ws/device", "ftp://x", None, 7)
    ]
    assert set(chosen) == {"wss://homepot.example/base/ws/device"}
    assert provisioning._socket_url(secure, "wss://other/ws/device") == "wss://other/ws/device"


async def test_a_hanging_server_does_not_delay_the_stop(config: AgentConfig) -> None:
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(3600), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    runner = Runner(replace(config, url=f"http://127.0.0.1:{port}"), announce=lambda _: None)
    task = asyncio.create_task(runner.run())
    await asyncio.wait({task}, timeout=0.2)
    runner.stop()
    async with asyncio.timeout(1):
        await task
    silent.close()


def test_a_damaged_identity_is_never_silently_replaced(config: AgentConfig) -> None:
    store_identity(config, "ws://127.0.0.1:9/ws/device")
    path = config.state_dir / identity.IDENTITY_FILE
    for damage in ("", "{", "[]", '{"device_uid":7}', json.dumps({"device_uid": "x"})):
        path.write_text(damage)
        with pytest.raises(StateUnreadable, match="damaged"):
            identity.load(config.state_dir)


def test_an_identity_readable_by_others_is_tightened(config: AgentConfig) -> None:
    store_identity(config, "ws://127.0.0.1:9/ws/device")
    path = config.state_dir / identity.IDENTITY_FILE
    path.chmod(0o644)
    assert identity.load(config.state_dir) is not None
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_key_never_shows_in_a_representation(config: AgentConfig) -> None:
    me = store_identity(config, "ws://127.0.0.1:9/ws/device")
    assert me.device_token not in repr(me)
    assert config.provision_key not in repr(config)


def test_the_hardware_id_comes_from_the_machine_and_hides_it(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    derived = identity.hardware_id(tmp_path, machine_id_file=machine_id)
    assert derived == identity.hardware_id(tmp_path, machine_id_file=machine_id)
    assert "0123456789abcdef" not in derived


@pytest.mark.parametrize("content", [None, "", "uninitialized\n"])
def test_without_a_machine_id_one_is_made_once_and_kept(
    content: str | None, tmp_path: Path
) -> None:
    machine_id = tmp_path / "machine-id"
    if content is not None:
        machine_id.write_text(content)
    made = identity.hardware_id(tmp_path, machine_id_file=machine_id)
    assert made == identity.hardware_id(tmp_path, machine_id_file=machine_id)
    assert len(made) == 32
