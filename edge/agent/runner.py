"""The agent's lives: get an identity, stay connected, begin anew or stop when told."""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from edge.agent import (
    background,
    durable_file,
    identity,
    provisioning,
    rotation,
    telemetry_store,
)
from edge.agent.config import AgentConfig
from edge.agent.drivers import RelayDriver, open_driver
from edge.agent.drivers.infrared import InfraredFiles
from edge.agent.errors import AccessRefused, ServerUnavailable, StateUnreadable
from edge.agent.identity import Identity
from edge.agent.machine import Machine, assembled
from edge.agent.power import Power
from edge.agent.session import Ended, Session
from edge.agent.telemetry_store import TELEMETRY_FILE
from edge.protocol.backoff import Backoff
from edge.protocol.close_codes import CloseCode
from edge.protocol.duties import CommandRing

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# The longest wait between two tries to begin a new life.
_RE_ENROL_MAX_S: Final = 3_600.0

_KEY_REFUSED = (
    "the server no longer accepts the key of this device; give it a new one with"
    " homepot-agent rotate-key, or, to pair this machine anew, unpair the device in Homepot,"
    " remove {} and start the agent again"
)
_UNPAIRED = (
    "this device was unpaired in Homepot (its former identity is kept in {}); to begin a new"
    " life, set DEVICE_PROVISION_KEY and start the agent again"
)


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
        power: Power | None = None,
    ) -> None:
        self._config = config
        self._power = power or Power(is_allowed=config.may_reboot)
        self._announce = announce
        self._backoff = backoff or Backoff(source=random.SystemRandom())
        self._life_backoff = Backoff(
            source=random.SystemRandom(),
            minimum_s=config.re_enrol_after_s,
            maximum_s=max(_RE_ENROL_MAX_S, config.re_enrol_after_s),
        )
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
        config = self._config
        with closing(
            open_driver(
                config.driver,
                state_dir=config.state_dir,
                relay_count=config.relay_count,
                pins=config.gpio_pins,
            )
        ) as driver:
            me = await self._identity()
            # The driver outlives the lives: a change of owner moves no relay.
            while True:
                self._announce(me)
                await self._live_as(me, driver)
                me = await self._next_life(me)
                # What the former owner asked for is nobody's business any more.
                driver.commit(driver.relays, CommandRing())

    async def _live_as(self, me: Identity, driver: RelayDriver) -> None:
        """Return when the life of this device has ended."""
        config, boot_id = self._config, uuid.uuid4().hex
        telemetry = telemetry_store.opened(
            config.state_dir / TELEMETRY_FILE,
            boot_id=boot_id,
            capacity=config.queue_readings,
            capacity_bytes=config.queue_bytes,
        )
        with closing(telemetry):
            machine = assembled(
                driver,
                telemetry,
                boot_id=boot_id,
                interval_s=config.interval_s,
                state_dir=config.state_dir,
                server_url=config.url,
                power=self._power,
                infrared=InfraredFiles(config.state_dir) if config.infrared == "file" else None,
            )
            with closing(machine.worker):
                await self._stay_connected(machine, me)

    async def _identity(self) -> Identity:
        directory = self._config.state_dir
        stored = identity.load(directory)
        if stored is not None and not stored.has_expired_claim_code(now=datetime.now(UTC)):
            return stored
        former = identity.load_former(directory) if stored is None else None
        try:
            fresh = await self._next_of(former, stored)
        except provisioning.AlreadyPaired:
            if stored is None:
                raise
            # Somebody used the code: it has done its work and is no longer worth showing.
            fresh = replace(stored, claim_code=None, claim_expires_at=None)
        except AccessRefused:
            if stored is None:
                raise
            return stored
        self._keep(fresh, stored)
        return fresh

    async def _next_of(self, former: Identity | None, stored: Identity | None) -> Identity:
        """Return what the machine is after a life that was set aside, or without one before."""
        if former is not None:
            returned = await self._come_back(former, backoff=self._backoff)
            if returned is not None:
                return returned
        return await self._register(stored, former=former, backoff=self._backoff)

    async def _next_life(self, ended: Identity) -> Identity:
        """Return the device this machine is after it was unpaired, or stop for want of a key.

        Who was given it by its former owner comes first: for that it needs no key but its own.
        """
        # Never at once: whoever unpairs a thousand devices gets no thousand answers in a second.
        await self._wait("this device was unpaired in Homepot", None, backoff=self._life_backoff)
        fresh = await self._come_back(ended, backoff=self._life_backoff)
        if fresh is None:
            fresh = await self._register_anew(ended)
        self._keep(fresh, ended)
        _log.info("this machine goes on as the new device %s", fresh.device_uid)
        return fresh

    async def _come_back(self, former: Identity, *, backoff: Backoff) -> Identity | None:
        config, once = self._config, uuid.uuid4().hex
        while True:
            try:
                return await self._unless_stopped(
                    background.run(
                        lambda: provisioning.come_back(config, former, idempotency_key=once)
                    )
                )
            except ServerUnavailable as fault:
                await self._wait(str(fault), fault.retry_after, backoff=backoff)

    async def _register_anew(self, ended: Identity) -> Identity:
        directory = self._config.state_dir
        if not self._config.provision_key:
            identity.set_aside(directory, ended)
            raise AccessRefused(_UNPAIRED.format(directory / identity.FORMER_FILE))
        try:
            return await self._register(ended, former=ended, backoff=self._life_backoff)
        except AccessRefused:
            identity.set_aside(directory, ended)
            raise

    async def _register(
        self, stored: Identity | None, *, former: Identity | None, backoff: Backoff
    ) -> Identity:
        config = self._config
        known = stored or former
        hardware_id = (
            config.hardware_id
            or (known.hardware_id if known else None)
            or identity.hardware_id(config.state_dir)
        )
        while True:
            try:
                return await self._unless_stopped(
                    background.run(
                        lambda: provisioning.register(
                            config, hardware_id=hardware_id, former=former
                        )
                    )
                )
            except ServerUnavailable as fault:
                await self._wait(str(fault), fault.retry_after, backoff=backoff)

    def _keep(self, fresh: Identity, stored: Identity | None) -> None:
        provisioning.keep(self._config, fresh, stored=stored)

    async def _stay_connected(self, machine: Machine, me: Identity) -> None:
        """Return when the server says that this device was unpaired."""
        while True:
            me = self._with_newest_key(me)
            # A server that moved is found under the address given now, not the one of long ago.
            url = me.ws_url if me.server_url == self._config.url else self._config.socket_url
            session = Session(machine)
            ended = await self._unless_stopped(
                session.run(me, url=url, use_proxy=not self._config.is_local)
            )
            for backoff in (self._backoff, self._life_backoff):
                backoff.connection_lasted(ended.lasted_s)
            if ended.code == CloseCode.UNPAIRED:
                return
            if ended.code == CloseCode.BAD_CREDENTIALS:
                await self._find_newer_key(me)
            await self._wait(_sentence(ended), ended.retry_after, machine)

    def _with_newest_key(self, me: Identity) -> Identity:
        """Return this device with the key that a rotation may have stored meanwhile."""
        try:
            stored = identity.load(self._config.state_dir)
        except (StateUnreadable, OSError) as fault:
            _log.warning("the key in memory stays in use: %s", fault)
            return me
        return stored if stored is not None and stored.device_uid == me.device_uid else me

    async def _find_newer_key(self, me: Identity) -> None:
        """Return when a newer key than the refused one is stored; raise when there is none."""
        directory, url = self._config.state_dir, self._config.url
        while self._with_newest_key(me).device_token == me.device_token:
            try:
                found = await self._unless_stopped(
                    background.run(lambda: rotation.take_over_candidate(directory, me, url=url))
                )
            except ServerUnavailable as fault:
                await self._wait(str(fault), fault.retry_after)
                continue
            if found is None:
                raise AccessRefused(_KEY_REFUSED.format(directory / identity.IDENTITY_FILE))

    async def _wait(
        self,
        why: str,
        retry_after: float | None,
        machine: Machine | None = None,
        *,
        backoff: Backoff | None = None,
    ) -> None:
        delay = (backoff or self._backoff).next_delay(retry_after=retry_after)
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


def _sentence(ended: Ended) -> str:
    if ended.code == CloseCode.SUPERSEDED:
        return "another session of this device took over"
    return f"disconnected ({ended.code} {ended.reason})".replace(" )", ")")
