"""Many simulated devices in one process, one task each, with one log and one truth."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from edge.protocol.backoff import Backoff
from edge.protocol.codec import format_moment
from edge.protocol.fields import parse_moment
from edge.protocol.limits import RECONNECT_MIN_SECONDS
from edge.simulator import provisioning
from edge.simulator.device import BoardProfile, SimDevice
from edge.simulator.dice import Stream
from edge.simulator.driver import LiveDevice, Wire, WireDevice
from edge.simulator.effects import Moment, Record
from edge.simulator.errors import DeviceRefused, DeviceUnpaired, ServerUnavailable
from edge.simulator.event_log import EventLog, line_of
from edge.simulator.flash import Flash
from edge.simulator.http_device import HttpDevice
from edge.simulator.mqtt_device import MqttDevice
from edge.simulator.options import FleetOptions
from edge.simulator.state_directory import Identity, StateDirectory
from edge.simulator.truth import Truth
from edge.simulator.usage import Usage

_log = logging.getLogger(__name__)

_PROVISIONS_AT_ONCE: Final = 4
_SAVE_EVERY_S: Final = 2.0
_KEEP_FLASH_EVERY_S: Final = 30.0
# Of its time, what a fleet may spend on writing the truth down; many are written less often.
_SAVING_SHARE: Final = 0.1
_KEPT_AT_ONCE: Final = 50
_STOP_S: Final = 1.0
# What a run without a truth file keeps of each device, so that it may run for months.
_UNASKED_COMMANDS: Final = 200
# The server may take these for lasting as soon as it hears of them.
_KEPT_BEFORE_TOLD: Final = frozenset(
    {
        "booted", "executed", "finished", "stopped", "barred",
        "config_taken", "desired_taken", "reported",
    }
)  # fmt: skip
_KINDS: Final[dict[str, type[LiveDevice]]] = {
    "websocket": WireDevice,
    "http": HttpDevice,
    "mqtt": MqttDevice,
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """A device that has its identity; the claim code is what its buyer would read on it."""

    index: int
    name: str
    hardware_id: str
    identity: Identity
    is_new: bool


class Fleet:
    """Runs the devices of one seed until it is stopped; truth and log are right at any time."""

    def __init__(
        self,
        options: FleetOptions,
        *,
        announce: Callable[[Announcement], None] = lambda _: None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.options = options
        self._announce = announce
        self._report = report
        self._stop = asyncio.Event()
        self._state = StateDirectory(options.state_dir)
        self.truth = Truth()
        self._event_log = EventLog(None)
        self._devices: dict[str, LiveDevice] = {}
        self._identities: dict[str, Identity] = {}
        self._provisioning = asyncio.Semaphore(_PROVISIONS_AT_ONCE)
        self._wire = Wire.of(options)
        self._began_at = 0.0
        self._usage: Usage | None = None
        self._run_id = uuid.uuid4().hex[:12]
        self._is_calm = False
        self.refused: dict[str, str] = {}

    def stop(self) -> None:
        """Ask the fleet to end; it does within two seconds."""
        self._stop.set()

    async def run(self) -> None:
        """Return when stopped, when the time is over, or when every device was refused."""
        options = self.options
        self._state.open()
        try:
            if options.truth_file is None:
                self.truth = Truth(keep=_UNASKED_COMMANDS)
            else:
                options.truth_file.parent.mkdir(parents=True, exist_ok=True)
                self.truth = Truth.load(options.truth_file)
            self._event_log = EventLog(options.log_file)
            self.truth.is_running = True
            self._began_at, self._usage = time.monotonic(), Usage()
            await self._run_devices()
        finally:
            self._end()
            await self._keep_all()
            self._save_truth()
            self._event_log.close()
            self._state.close()

    async def calm(self) -> None:
        """End all chaos and have every device report once more: truth and server must now agree."""
        self._is_calm = True
        await asyncio.gather(*(device.calm() for device in list(self._devices.values())))

    async def _run_devices(self) -> None:
        lives = [
            asyncio.ensure_future(self._hardware(index)) for index in range(self.options.devices)
        ]
        beside = [
            asyncio.ensure_future(self._save_now_and_then()),
            asyncio.ensure_future(self._calm_in_time()),
            asyncio.ensure_future(self._tell_now_and_then()),
        ]
        stopping = asyncio.ensure_future(self._stop.wait())
        everything = asyncio.gather(*lives)
        ends: set[asyncio.Future[Any]] = {stopping, everything}
        try:
            async with asyncio.timeout(self.options.duration_s):
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if everything.done():
                everything.result()
        except TimeoutError:
            pass
        finally:
            for task in (*beside, stopping, *lives):
                task.cancel()
            await asyncio.wait({*beside, stopping, *lives}, timeout=_STOP_S)
            everything.cancel()
            with contextlib.suppress(BaseException):
                await everything

    async def _hardware(self, index: int) -> None:
        """Run one board, life after life where that is asked for."""
        hardware_id = self.options.hardware_id(index)
        life_backoff = self._life_backoff(index)
        # One after the other, at even distances: a fleet that wakes as one wave is turned away.
        await asyncio.sleep(self.options.ramp_s * index / self.options.devices)
        try:
            device = await self._made(index, hardware_id)
            while True:
                self._devices[hardware_id] = device
                if self._is_calm:
                    await device.calm()
                try:
                    await device.run()
                except DeviceUnpaired:
                    self._end_life(hardware_id)
                    if life_backoff is None or not self.options.provision_key:
                        raise
                    device = await self._next_life(index, hardware_id, device.core, life_backoff)
        except DeviceRefused as refused:
            # The neighbours go on: one lost key is not the end of a fleet.
            self.refused[hardware_id] = str(refused)
            _log.error("%s stops: %s", hardware_id, refused)

    async def _made(self, index: int, hardware_id: str) -> LiveDevice:
        options = self.options
        relay_count = options.relays_of(index)
        stored = self._state.load(hardware_id, relay_count=relay_count)
        flash = stored[1] if stored else Flash.blank(relay_count)
        identity = await self._identity(index, stored and stored[0])
        self._begin_life(index, identity, flash, is_new=not stored)
        profile = BoardProfile(
            hardware_id=hardware_id,
            seed=options.seed,
            index=index,
            run_id=self._run_id,
            telemetry_every_s=options.telemetry_every_s,
            input_every_s=options.input_every_s,
            kind=options.profile(index),
            outages=options.outages,
            began_at=self._began_at,
            reports_twin=options.reports_twin,
            has_sessions=options.wire_of(index) != "http",
        )
        return self._on_the_wire(SimDevice(profile, flash, options.chaos), identity)

    async def _next_life(
        self, index: int, hardware_id: str, core: SimDevice, backoff: Backoff
    ) -> LiveDevice:
        """Return the same board as a new device: its relays stay, its unsent readings do not."""
        ended = self._identities[hardware_id]
        await asyncio.sleep(backoff.next_delay())
        core.begin_anew()
        identity = await self._registered(index, backoff, former=ended)
        self._begin_life(index, identity, core.flash, is_new=True)
        return self._on_the_wire(core, identity)

    def _begin_life(self, index: int, identity: Identity, flash: Flash, *, is_new: bool) -> None:
        hardware_id = self.options.hardware_id(index)
        self._state.save(hardware_id, identity, flash)
        self._identities[hardware_id] = identity
        self.truth.add_device(
            identity.device_uid,
            hardware_id=hardware_id,
            relays=flash.relays,
            epoch=identity.epoch,
        )
        self._announce(
            Announcement(index, self.options.name(index), hardware_id, identity, is_new=is_new)
        )

    def _end_life(self, hardware_id: str) -> None:
        wall = format_moment(datetime.now(UTC))
        self.truth.end_life(self._identities[hardware_id].device_uid, wall=wall)

    def _on_the_wire(self, core: SimDevice, identity: Identity) -> LiveDevice:
        index = core.profile.index
        return _KINDS[self.options.wire_of(index)](
            core,
            identity,
            wire=self._wire,
            backoff=self._backoff(index),
            recorder=self._record,
            keeper=self._keep_identity,
        )

    def _backoff(self, index: int) -> Backoff:
        longest = self.options.reconnect_max_s
        return Backoff(
            source=Stream(f"{self.options.seed}:{index}:backoff"),
            minimum_s=min(RECONNECT_MIN_SECONDS, longest / 4),
            maximum_s=longest,
        )

    def _life_backoff(self, index: int) -> Backoff | None:
        shortest = self.options.re_enrol_after_s
        if shortest is None:
            return None
        source = Stream(f"{self.options.seed}:{index}:lives")
        return Backoff(source=source, minimum_s=shortest, maximum_s=max(3_600.0, shortest))

    async def _identity(self, index: int, stored: Identity | None) -> Identity:
        """Return the stored identity, or a new one; an unused claim code is renewed in time."""
        if stored is not None and not _has_expired_code(stored):
            return stored
        if stored is None and not self.options.provision_key:
            raise DeviceRefused("set DEVICE_PROVISION_KEY to the provisioning key of the server")
        try:
            return await self._registered(index, self._backoff(index), former=stored)
        except DeviceRefused:
            if stored is None:
                raise
            return replace(stored, claim_code=None, claim_expires_at=None)

    async def _registered(
        self, index: int, backoff: Backoff, *, former: Identity | None
    ) -> Identity:
        """Return what the server makes of this board: the life it is in, or the next one."""
        options = self.options
        hardware_id = options.hardware_id(index)
        wanted = provisioning.Registration(
            hardware_id, options.name(index), options.relays_of(index), options.profile(index)
        )
        request_id = uuid.uuid4().hex
        while True:
            try:
                async with self._provisioning:
                    given = await provisioning.register(
                        options.url,
                        wanted,
                        provision_key=options.provision_key,
                        idempotency_key=request_id,
                        former=former,
                    )
            except ServerUnavailable as fault:
                delay = backoff.next_delay(retry_after=fault.retry_after)
                _log.warning("%s: %s; again in %.1f s", hardware_id, fault, delay)
                await asyncio.sleep(delay)
                continue
            if former is None:
                return given
            is_next = given.device_uid != former.device_uid
            return replace(given, epoch=former.epoch + is_next)

    # What is kept

    def _record(self, core: SimDevice, at: Moment, record: Record) -> None:
        hardware_id = core.profile.hardware_id
        identity = self._identities[hardware_id]
        uid = identity.device_uid
        if self._event_log.is_open:
            self._event_log.write(
                line_of(
                    at=at,
                    hardware_id=hardware_id,
                    uid=uid,
                    event=record.event,
                    details=record.details,
                )
            )
        self.truth.note(uid, record.event, record.details, wall=format_moment(at.wall))
        if record.event in _KEPT_BEFORE_TOLD:
            # Before the ack is sent: what was answered is never run again.
            self._state.save(hardware_id, identity, core.flash)

    def _keep_identity(self, core: SimDevice, identity: Identity) -> None:
        hardware_id = core.profile.hardware_id
        self._identities[hardware_id] = identity
        self._state.save(hardware_id, identity, core.flash)

    async def _save_now_and_then(self) -> None:
        kept_at, pause_s = time.monotonic(), _SAVE_EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            began_at = time.monotonic()
            self._save_truth()
            pause_s = max(_SAVE_EVERY_S, (time.monotonic() - began_at) / _SAVING_SHARE)
            if time.monotonic() - kept_at >= _KEEP_FLASH_EVERY_S:
                await self._keep_all()
                kept_at = time.monotonic()

    async def _tell_now_and_then(self) -> None:
        while self.options.report_every_s is not None:
            await asyncio.sleep(self.options.report_every_s)
            self._report(self.figures())

    def figures(self) -> str:
        """Return what the fleet does and costs, as one line."""
        if self._usage is None:
            return "not started"
        online = sum(device.line.is_open for device in self._devices.values())
        return self._usage.sentence(
            devices=len(self._devices), online=online, acked=self.truth.acked_readings
        )

    async def _calm_in_time(self) -> None:
        if self.options.chaos_for_s is not None:
            await asyncio.sleep(self.options.chaos_for_s)
            await self.calm()

    def _end(self) -> None:
        self._wire.close()
        self.truth.is_running, self.truth.is_changed = False, True

    def _save_truth(self) -> None:
        if self.options.truth_file is None:
            return
        for hardware_id, device in self._devices.items():
            self.truth.note_line(
                self._identities[hardware_id].device_uid,
                is_open=device.line.is_open,
                spoke_at=_text(device.line.spoke_at),
                heard_at=_text(device.line.heard_at),
                wire=self.options.wire_of(device.core.profile.index),
            )
        if self.truth.is_changed:
            self.truth.save(self.options.truth_file)

    async def _keep_all(self) -> None:
        if self.options.state_dir is None:
            return
        for number, (hardware_id, device) in enumerate(list(self._devices.items()), start=1):
            self._state.save(hardware_id, self._identities[hardware_id], device.core.flash)
            if number % _KEPT_AT_ONCE == 0:
                # The others are served in between.
                await asyncio.sleep(0)


def _text(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment is not None else None


def _has_expired_code(identity: Identity) -> bool:
    expires_at = parse_moment(identity.claim_expires_at)
    return identity.claim_code is not None and (
        expires_at is not None and expires_at <= datetime.now(UTC)
    )
