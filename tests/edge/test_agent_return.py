"""An agent whose device changed hands goes on as its new owner's, with its own key as proof."""

import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.agent import identity, provisioning
from edge.agent.config import AgentConfig
from edge.agent.identity import Identity
from edge.agent.telemetry_store import TELEMETRY_FILE, TelemetryStore
from edge.protocol import messages
from tests.edge.conftest import running, store_identity, used_credentials
from tests.edge.homepot_stub import SocketStub
from tests.edge.lives_stub import RETURN_PATH, Lives


def moved_to(server: SocketStub) -> dict[str, Any]:
    """The answer to a machine whose device changed hands."""
    return {
        "device_uid": "of-the-new-owner",
        "device_token": "the-new-owners-key",
        "claim_code": None,
        "claim_expires_at": None,
        "ws_url": server.url,
    }


@pytest.mark.parametrize("key", ["", "the-provision-key"])
async def test_a_transferred_device_goes_on_as_its_new_owners(
    key: str, server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    lives.returning = [(201, moved_to(server))]
    me = store_identity(agent, server.url)
    identity.save(agent.state_dir, replace(me, site_id="store-12", device_id="till-1"))
    path = agent.state_dir / TELEMETRY_FILE
    with closing(TelemetryStore(path, boot_id="of-the-former-owner")) as store:
        store.append({"secret": 1.0}, at=datetime.now(UTC))
    announced: list[Identity] = []
    async with running(replace(agent, provision_key=key), announced.append):
        first = await server.next_connection()
        report = await first.expect(messages.StateReport)
        await first.close(4403)
        second = await server.next_connection()
        again = await second.expect(messages.StateReport)
        sent = await second.expect(messages.Telemetry)
    (asked,) = lives.requests
    assert (asked.headers["X-Device-ID"], asked.headers["X-API-Key"]) == (
        me.device_uid,
        me.device_token,
    )
    assert asked.headers["X-Provision-Key"] is None
    assert used_credentials(server)[1] == ("of-the-new-owner", "the-new-owners-key")
    assert again.boot_id != report.boot_id
    assert sent.boot_id == again.boot_id, "readings of the former owner are gone"
    stored = identity.load(agent.state_dir)
    assert stored == announced[1]
    assert (stored.site_id, stored.device_id, stored.hardware_id) == (None, None, "hw-1")
    assert not (agent.state_dir / identity.NEXT_FILE).exists()


async def test_a_server_that_cannot_say_is_asked_again_with_the_former_key(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    away = [(503, {"code": "unavailable"}), (429, {}), (409, {"code": "idempotency_in_progress"})]
    lives.returning = [*away, (500, {}), (201, {}), (201, moved_to(server))]
    me = store_identity(agent, server.url)
    async with running(agent):
        await (await server.next_connection()).close(4403)
        await (await server.next_connection()).expect(messages.StateReport)
    assert len(lives.returns) == 6
    assert len({one.headers["Idempotency-Key"] for one in lives.returns}) == 1
    assert {one.headers["X-API-Key"] for one in lives.returns} == {me.device_token}
    assert lives.registrations == []


@pytest.mark.parametrize("status", [401, 404])
async def test_who_was_not_transferred_registers_again(
    status: int, server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    lives.returning = [(status, {"code": "no"})]
    store_identity(agent, server.url)
    async with running(agent):
        await (await server.next_connection()).close(4403)
        await (await server.next_connection()).expect(messages.StateReport)
    assert [one.path for one in lives.requests] == [RETURN_PATH, provisioning.PATH]
    assert used_credentials(server)[1] == ("life-1", "secret-key-1")


async def test_a_life_set_aside_is_asked_for_at_the_next_start(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    me = store_identity(agent, server.url)
    identity.set_aside(agent.state_dir, me)
    lives.returning = [(201, moved_to(server))]
    async with running(replace(agent, provision_key="")):
        await (await server.next_connection()).expect(messages.StateReport)
    assert lives.registrations == []
    assert identity.load_former(agent.state_dir) is None


async def test_stopped_while_the_server_is_away_it_still_has_the_former_key(
    server: SocketStub, lives: Lives, agent: AgentConfig
) -> None:
    lives.returning = [(503, {})] * 1000
    me = store_identity(agent, server.url)
    async with running(replace(agent, provision_key="")):
        await (await server.next_connection()).close(4403)
        async with asyncio.timeout(10):
            while not lives.returns:
                await asyncio.sleep(0.01)
    assert identity.load(agent.state_dir) == me
