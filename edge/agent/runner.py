"""The agent's life: get an identity, stay connected, stop when told."""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from edge.agent import VERSION, background, durable_file, identity, provisioning
from edge.agent.board import Board
from edge.agent.config import AgentConfig
from edge.agent.drivers import open_driver
from edge.agent.errors import AccessRefused, ServerUnavailable
from edge.agent.identity import Identity
from edge.agent.machine import Machine
from edge.agent.metrics import MetricsSampler
from edge.agent.session import Ended, Session
from edge.agent.telemetry_store import TELEMETRY_FILE, TelemetryStore
from edge.protocol.backoff import Backoff
from edge.protocol.close_codes import CloseCode

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_FINAL_MESSAGES = {
    CloseCode.BAD_CREDENTIALS: "the server no longer accepts the key of this device",
    CloseCode.UNPAIRED: "this device was unpaired in Homepot",
}


class Stopping(Exception):
    """The agent was told to stop while it waited for something."""


class Runner:
    """Runs one device until it is stopped or the server refuses it for good."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        announce: Callable[[Identity], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._config = config
        self._announce = announce
        self._backoff = backoff or Backoff(source=random.SystemRandom())
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask the agent to end; it does within two seconds."""
        self._stop.set()

    async def run(self) -> None:
        """Return after ``stop``; raise ``AgentStopped`` when it cannot go on."""
        directory = self._config.state_dir
        durable_file.prepare_directory(directory)
        lock = durable_file.DirectoryLock(directory)
        try:
            await self._live()
        except Stopping:
            _log.info("stopped")
        finally:
            lock.release()

    async def _live(self) -> None:
        config, boot_id = self._config, uuid.uuid4().hex
        with (
            closing(
                open_driver(
                    config.driver,
                    state_dir=config.state_dir,
                    relay_count=config.relay_count,
                    pins=config.gpio_pins,
                )
            ) as driver,
            closing(
                TelemetryStore(config.state_dir / TELEMETRY_FILE, boot_id=boot_id)
            ) as telemetry,
        ):
            machine = Machine(
                board=Board(driver, firmware_version=VERSION, boot_id=boot_id),
                telemetry=telemetry,
                sampler=MetricsSampler(),
                interval_s=config.interval_s,
            )
            me = await self._identity()
            self._announce(me)
            await self._stay_connected(machine, me)

    async def _identity(self) -> Identity:
        directory = self._config.state_dir
        stored = identity.load(directory)
        if stored is not None and not stored.has_expired_claim_code(now=datetime.now(UTC)):
            return stored
        try:
            fresh = await self._register(stored)
        except provisioning.AlreadyPaired:
            if stored is None:
                raise
            # Somebody used the code: it has done its work and is no longer worth showing.
            fresh = replace(stored, claim_code=None, claim_expires_at=None)
        except AccessRefused:
            if stored is None:
                raise
            return stored
        identity.save(directory, fresh)
        return fresh

    async def _register(self, stored: Identity | None) -> Identity:
        config = self._config
        hardware_id = (
            config.hardware_id
            or (stored.hardware_id if stored else None)
            or identity.hardware_id(config.state_dir)
        )
        while True:
            try:
                return await self._unless_stopped(
                    background.run(lambda: provisioning.register(config, hardware_id=hardware_id))
                )
            except ServerUnavailable as fault:
                await self._wait(str(fault), fault.retry_after)

    async def _stay_connected(self, machine: Machine, me: Identity) -> None:
        # A server that moved is found under the address given now, not the one of long ago.
        url = me.ws_url if me.server_url == self._config.url else self._config.socket_url
        while True:
            session = Session(machine)
            ended = await self._unless_stopped(
                session.run(me, url=url, use_proxy=not self._config.is_local)
            )
            self._backoff.connection_lasted(ended.lasted_s)
            _raise_if_final(ended, self._config)
            await self._wait(_sentence(ended), ended.retry_after, machine)

    async def _wait(
        self, why: str, retry_after: float | None, machine: Machine | None = None
    ) -> None:
        delay = self._backoff.next_delay(retry_after=retry_after)
        _log.warning("%s; trying again in %.1f s", why, delay)
        if machine is None:
            await self._unless_stopped(asyncio.sleep(delay))
            return
        sampling = asyncio.ensure_future(_keep_sampling(machine))
        try:
            await self._unless_stopped(asyncio.sleep(delay))
        finally:
            sampling.cancel()

    async def _unless_stopped(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return what the work returns, or raise ``Stopping`` as soon as the agent must end."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.is_set():
                return task.result()
        finally:
            stopping.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)
        raise Stopping


async def _keep_sampling(machine: Machine) -> None:
    """Go on measuring without a connection: the gap is filled in afterwards."""
    while True:
        await asyncio.sleep(machine.interval_s)
        machine.sample(monotonic=time.monotonic())


def _raise_if_final(ended: Ended, config: AgentConfig) -> None:
    for code, message in _FINAL_MESSAGES.items():
        if ended.code == code:
            raise AccessRefused(
                f"{message}; to pair this machine anew, remove"
                f" {config.state_dir / identity.IDENTITY_FILE} and start the agent again"
            )


def _sentence(ended: Ended) -> str:
    if ended.code == CloseCode.SUPERSEDED:
        return "another session of this device took over"
    return f"disconnected ({ended.code} {ended.reason})".replace(" )", ")")
