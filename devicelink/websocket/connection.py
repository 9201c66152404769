"""One authenticated device socket: reads ahead a little, works in batches, ends for one reason."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from django.utils import timezone

from devicelink import inbound, outbound
from devicelink.documents import Told
from devicelink.inbound import Pull
from devicelink.websocket import policy
from devicelink.websocket.policy import Ending
from devicelink.websocket.readings import Readings
from devices.errors import DeviceUnpaired, SessionFenced
from devices.services import timeouts
from devices.types import HeldSession
from edge.protocol import codec, limits, messages
from edge.protocol.errors import TOO_LARGE, ProtocolError
from edge.protocol.messages import Config, TwinDesired
from kernel import realtime
from kernel.failpoints import failpoint
from kernel.metrics import DEVICE_MESSAGES, PROTOCOL_ERRORS
from kernel.sockets import PeerGone, Socket, Strikes, TokenBucket
from kernel.threads import run_in_database_thread

if TYPE_CHECKING:
    from devicelink.runtime import Runtime
    from devicelink.websocket.handshake import Admitted

logger = logging.getLogger(__name__)


class DeviceConnection:
    """A session of a device for as long as its socket is open.

    `credential_id` is the token it stands on; what happens to another is not its concern.
    """

    __slots__ = (
        "__weakref__", "_bugs", "_ended", "_errors", "_has_room", "_heard_at", "_is_telling", "_loop",
        "_offline_after_s", "_pull", "_rate", "_readings", "_runtime", "_said",
        "_socket", "_told", "_told_at", "_watch", "_worker", "credential_id", "sender",
    )  # fmt: skip

    def __init__(
        self, socket: Socket, sender: HeldSession, runtime: Runtime, admitted: Admitted
    ) -> None:
        self.sender = sender
        self._socket = socket
        self._runtime = runtime
        self.credential_id = admitted.credential_id
        self._offline_after_s = admitted.facts.offline_after_s
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Ending] = self._loop.create_future()
        self._said: deque[messages.UpMessage] = deque()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._pull = Pull.ALSO_UNANSWERED
        # Which documents the device was told in this session and when, by type.
        self._told: dict[str, int] = {}
        self._told_at: dict[str, float] = {}
        self._is_telling = True
        self._worker: asyncio.Task[None] | None = None
        self._heard_at = self._loop.time()
        self._watch = self._loop.call_later(self._silence_s(), self._check_idle)
        self._rate = TokenBucket(rate=policy.MESSAGES_PER_SECOND, burst=policy.MESSAGE_BURST)
        self._errors = Strikes(limit=policy.PROTOCOL_ERRORS_PER_MINUTE, window_s=60)
        self._bugs = Strikes(limit=policy.BUGS_PER_MINUTE, window_s=60)
        # Many devices never send telemetry this way.
        self._readings: Readings | None = None

    @property
    def device_id(self) -> int:
        """The device's primary key."""
        return self.sender.device_id

    async def run(self) -> Ending:
        """Serve the socket until something ends it; returns what did."""
        topic = realtime.device_topic(self.device_id)
        subscription = realtime.hub().subscribe(topic, self._on_hint)
        reader = asyncio.create_task(self._read())
        self._wake()
        try:
            ending = await self._ended
            await self._say_goodbye(ending)
            return ending
        finally:
            realtime.hub().unsubscribe(subscription)
            self._watch.cancel()
            await _cancel(reader, self._worker, self._delivery)
            if self._readings is not None:
                self._readings.drop()

    def end(self, ending: Ending) -> None:
        """End the session; of several reasons the first counts."""
        if not self._ended.done():
            self._ended.set_result(ending)

    def pull(self) -> None:
        """Have the worker fetch the device's commands; any number of calls is one fetch."""
        if self._pull is Pull.NOTHING:
            self._pull = Pull.QUEUED
        self._wake()

    def tell(self, versions: Told | None = None) -> None:
        """Have the worker fetch documents for the device, unless it was told these versions lately."""
        if versions is not None:
            due = [kind for kind, version in versions.items() if self._is_due(kind, version)]
            if not due:
                return
            for kind in due:
                self._told.pop(kind, None)
        self._is_telling = True
        self._wake()

    def _is_due(self, kind: str, version: int) -> bool:
        if version > self._told.get(kind, 0):
            return True
        return self._loop.time() - self._told_at[kind] >= policy.TOLD_AGAIN_S

    def _on_hint(self, message: realtime.Message) -> None:
        kind = message.get("type")
        if kind == outbound.COMMANDS:
            self.pull()
        elif kind == outbound.DOCUMENTS:
            self.tell()
        elif kind == outbound.SESSION and message.get("epoch", 0) > self.sender.epoch:
            self.end(policy.SUPERSEDED)
        elif kind == outbound.REVOKED and message.get("credential") == self.credential_id:
            # A device that took a new token and is back already must not be sent away for the
            # old one: 4401 is final for it.
            self.end(policy.REVOKED)
        elif kind == outbound.UNPAIRED:
            self.end(policy.UNPAIRED)

    # Reading

    async def _read(self) -> None:
        try:
            while await self._take_frame(await self._socket.receive()):
                pass
        except PeerGone:
            restarting = self._socket.close_code == policy.SERVICE_RESTART
            self.end(policy.RESTARTING if restarting else policy.GONE)
        except Exception:
            logger.exception("A device socket failed")
            self.end(policy.unavailable(5))

    async def _take_frame(self, frame: str | bytes) -> bool:
        self._heard_at = self._loop.time()
        self._runtime.presence.note(self.device_id)
        if len(frame) > limits.MAX_DOCUMENT_FRAME_BYTES:
            self.end(policy.TOO_LARGE)
            return False
        try:
            if isinstance(frame, bytes):
                raise ProtocolError("malformed", "Send text frames.")
            message = codec.decode_up(frame)
        except ProtocolError as error:
            await self._refuse(error)
            return self._may_go_on()
        if type(message) is not messages.Telemetry:
            await self._take(message)
            return self._may_go_on()
        if self._readings is None:
            self._readings = Readings(self, self._runtime)
        if not self._readings.take(message, len(frame)):
            await self._readings.wait_for_room()
        return True

    async def _take(self, message: messages.UpMessage) -> None:
        DEVICE_MESSAGES.labels(message.type).inc()
        if isinstance(message, messages.Heartbeat):
            return
        self._said.append(message)
        self._wake()
        if len(self._said) >= policy.QUEUED_MESSAGES:
            self._has_room.clear()
            await self._has_room.wait()

    def _may_go_on(self) -> bool:
        if not self._rate.take():
            self.end(policy.TOO_FAST)
            return False
        return True

    async def _refuse(self, error: ProtocolError) -> None:
        PROTOCOL_ERRORS.labels(error.code).inc()
        if error.code == TOO_LARGE:
            self.end(policy.TOO_LARGE)
        elif self._errors.add():
            self.end(policy.TOO_MANY_ERRORS)
        else:
            await self.send(messages.Error(error.code, error.message[: limits.MAX_ERROR_CHARS]))

    def _check_idle(self) -> None:
        silent_s = self._loop.time() - self._heard_at
        # What waits for us is not silence of the device.
        is_waiting = bool(self._said) or self._delivery is not None
        left_s = self._silence_s() - (0 if is_waiting else silent_s)
        if left_s <= 0:
            self.end(policy.IDLE)
        else:
            self._watch = self._loop.call_later(left_s, self._check_idle)

    def _silence_s(self) -> int:
        return timeouts.in_force(self._offline_after_s)

    # Working

    @property
    def _delivery(self) -> asyncio.Task[None] | None:
        """What works on telemetry that was not answered yet."""
        task = None if self._readings is None else self._readings.task
        return None if task is None or task.done() else task

    def _wake(self) -> None:
        # A task only while there is something to do: an idle socket costs no worker.
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._said or self._is_telling or self._pull is not Pull.NOTHING:
                await self._work_once()
        except Exception:
            logger.exception("A device socket failed")
            self.end(policy.unavailable(5))

    async def _work_once(self) -> None:
        said, self._said = self._said, deque()
        # Commands for a socket that closed stay where they are: the next session gets them.
        pull, self._pull = self._pull if self._socket.is_open else Pull.NOTHING, Pull.NOTHING
        told = dict(self._told) if self._is_telling and self._socket.is_open else None
        self._is_telling = False
        self._has_room.set()
        outcome = await run_in_database_thread(
            inbound.handle, sender=self.sender, said=said, pull=pull, told=told, now=timezone.now()
        )
        for reply in outcome.replies:
            if isinstance(reply, Config | TwinDesired):
                self._told[reply.type] = reply.version
                self._told_at[reply.type] = self._loop.time()
            await self.send(reply)
        if outcome.replies:
            failpoint("devicelink.replies.sent")
        if outcome.ending is not None:
            self.end(_ending_for(outcome.ending))
        elif outcome.has_bug:
            self.count_bug()

    def count_bug(self) -> None:
        """Count a message that could not be handled; too many of them end the session."""
        if self._bugs.add():
            self.end(policy.unavailable(30))

    async def send(self, message: messages.DownMessage) -> None:
        """Send a message to the device; one that has left ends the session."""
        try:
            await self._socket.send(codec.encode(message))
        except PeerGone:
            # What the device said before it left is still handled; the reader sees the end.
            self.end(policy.GONE)

    # Ending

    async def _say_goodbye(self, ending: Ending) -> None:
        if ending in (policy.GONE, policy.RESTARTING):
            await _drain(self._worker, self._delivery)
            await self._socket.close(ending.code, ending.reason)
            return
        # Nobody may write to the socket besides us from here on.
        await _cancel(self._worker, self._delivery)
        try:
            if ending.error:
                await self._socket.send_error(ending.error, ending.message, ending.retry_after)
        except PeerGone:
            return
        await self._socket.close(ending.code, ending.reason)


async def _drain(*tasks: asyncio.Task[None] | None) -> None:
    """Let what was read be handled and answered, for as long as that is worth it."""
    running = {task for task in tasks if task is not None and not task.done()}
    if running:
        await asyncio.wait(running, timeout=policy.DRAIN_SECONDS)


def _ending_for(failure: Exception) -> Ending:
    if isinstance(failure, SessionFenced):
        return policy.SUPERSEDED
    if isinstance(failure, DeviceUnpaired):
        return policy.UNPAIRED
    return policy.unavailable(5)


async def _cancel(*tasks: asyncio.Task[None] | None) -> None:
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
