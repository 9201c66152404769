"""A running agent beside a stub server, in one event loop."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from edge.agent import durable_file, identity
from edge.agent.config import AgentConfig
from edge.agent.identity import Identity
from edge.agent.power import Power
from edge.agent.runner import Runner
from edge.protocol.backoff import Backoff
from tests.edge.homepot_stub import SocketStub, socket_stub
from tests.edge.lives_stub import Lives, lives_stub

# A shared machine may pause any example for longer than Hypothesis finds normal.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")

AgentStarter = Callable[..., Any]


@pytest.fixture
def config(tmp_path: Path) -> AgentConfig:
    return AgentConfig(
        url="http://127.0.0.1:9",
        state_dir=tmp_path / "state",
        provision_key="the-provision-key",
        relay_count=4,
        driver="file",
        gpio_pins=(),
        interval_s=60,
        name="bench",
        device_class="server",
        hardware_id="hw-1",
    )


@pytest.fixture
async def server() -> AsyncIterator[SocketStub]:
    async with socket_stub() as stub:
        yield stub


@pytest.fixture
def run_agent(config: AgentConfig) -> AgentStarter:
    """Return a context manager that runs an agent of this state directory until it is left."""

    @asynccontextmanager
    async def running(server: SocketStub, **changes: Any) -> AsyncIterator[asyncio.Task[None]]:
        wanted = replace(config, **changes)
        store_identity(wanted, server.url)
        runner = Runner(wanted, announce=lambda _: None, backoff=quick_backoff())
        task = asyncio.create_task(runner.run())
        try:
            yield task
        finally:
            runner.stop()
            async with asyncio.timeout(2):
                await asyncio.wait({task})

    return running


@pytest.fixture
def lives(server: SocketStub) -> Iterator[Lives]:
    with lives_stub(server.url) as stub:
        yield stub


@pytest.fixture
def agent(config: AgentConfig, lives: Lives) -> AgentConfig:
    return replace(config, url=lives.url, re_enrol_after_s=0.02)


@asynccontextmanager
async def running(
    config: AgentConfig,
    announce: Callable[[Identity], None] = lambda _: None,
    *,
    power: Power | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    runner = Runner(config, announce=announce, backoff=quick_backoff(), power=power)
    runner._life_backoff = quick_backoff()
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        runner.stop()
        async with asyncio.timeout(2):
            await asyncio.wait({task})


def used_credentials(server: SocketStub) -> list[tuple[str, str]]:
    return [
        (one["X-Device-ID"], one["Authorization"].removeprefix("Bearer ")) for one in server.headers
    ]


def quick_backoff() -> Backoff:
    return Backoff(source=random.Random(7), minimum_s=0.01, maximum_s=0.05)


def store_identity(config: AgentConfig, ws_url: str) -> Identity:
    """Make the state directory that of a device provisioned before."""
    durable_file.prepare_directory(config.state_dir)
    me = Identity(
        server_url=config.url,
        hardware_id="hw-1",
        device_uid="dev-under-test",
        device_token="a-secret-device-token",
        ws_url=ws_url,
    )
    identity.save(config.state_dir, me)
    return me


async def finished(task: Awaitable[None]) -> None:
    async with asyncio.timeout(10):
        await task
