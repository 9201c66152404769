"""One simulated device on a real socket: feeds its core with what arrives and does as it says."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from edge.protocol.backoff import Backoff
from edge.protocol.close_codes import FINAL_CODES, CloseCode
from edge.protocol.limits import MAX_DOCUMENT_FRAME_BYTES
from edge.simulator import VERSION
from edge.simulator.device import SimDevice
from edge.simulator.effects import Drop, Effect, Moment, Ping, Postpone, Record, Send
from edge.simulator.errors import DeviceRefused, DeviceUnpaired
from edge.simulator.http_client import HttpPool
from edge.simulator.options import FleetOptions
from edge.simulator.state_directory import Identity

_OPEN_TIMEOUT_S: Final = 15.0
_SEND_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 3_600.0
_NO_CODE: Final = 1006
_HANDSHAKES_AT_ONCE: Final = 32
_LARGEST_POLL: Final = 1_048_576
# How long a question for commands waits at the server, and how often it is asked.
_LONG_POLL: Final = (20, 1.0)
_SHORT_POLL: Final = (0, 15.0)
_GOING_AWAY: Final = 1001

Recorder = Callable[[SimDevice, Moment, Record], None]
# Told of a device that has a new account at the broker.
Keeper = Callable[[SimDevice, Identity], None]


def moment() -> Moment:
    """Return this instant on both clocks."""
    return Moment(monotonic=time.monotonic(), wall=datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Wire:
    """What all devices of a fleet share to reach the server."""

    socket_url: str
    # A fleet that connects all at once would be turned away for it.
    handshakes: asyncio.Semaphore
    http: HttpPool
    # For calls that wait at the server, one connection for each device; None asks for nothing.
    polls: HttpPool | None = None
    poll_wait_s: int = 0
    poll_every_s: float = 1.0

    @classmethod
    def of(cls, options: FleetOptions) -> "Wire":
        """Return the way of a whole fleet to its server."""
        handshakes, http = asyncio.Semaphore(_HANDSHAKES_AT_ONCE), HttpPool(options.url)
        if options.polls == "none":
            return cls(options.socket_url, handshakes, http)
        polls = HttpPool(options.url, connections=options.devices, max_answer=_LARGEST_POLL)
        wait_s, every_s = _LONG_POLL if options.polls == "long" else _SHORT_POLL
        return cls(options.socket_url, handshakes, http, polls, wait_s, every_s)

    def close(self) -> None:
        """Close what is kept open between two calls."""
        self.http.close()
        if self.polls is not None:
            self.polls.close()


@dataclass(slots=True)
class Line:
    """How a device stands with its server, for the truth."""

    is_open: bool = False
    spoke_at: datetime | None = None
    heard_at: datetime | None = None


class LiveDevice(ABC):
    """Runs one core against the server until it is cancelled or refused for good."""

    def __init__(
        self,
        core: SimDevice,
        identity: Identity,
        *,
        wire: Wire,
        backoff: Backoff,
        recorder: Recorder,
        keeper: Keeper,
    ) -> None:
        self.core = core
        self.line = Line()
        self._identity = identity
        self._wire = wire
        self._backoff = backoff
        self._recorder = recorder
        self._keeper = keeper
        self._stay_away_s = 0.0
        self._away_until = 0.0
        self._was_dropped = False
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Stay connected as a device does.

        Raises ``DeviceUnpaired`` at the end of its life, ``DeviceRefused`` for any other end.
        """
        await self._perform(self.core.start(moment()))
        while True:
            self._stay_away_s, self._was_dropped = 0.0, False
            started = time.monotonic()
            try:
                code = await self._connection()
            finally:
                self.line.is_open = False
            await self._perform(self.core.disconnected(moment(), code=code))
            if code == CloseCode.UNPAIRED:
                raise DeviceUnpaired(f"the server closed with {code}: unpaired")
            if code in FINAL_CODES:
                raise DeviceRefused(f"the server closed with {code}")
            self._backoff.connection_lasted(time.monotonic() - started)
            delay = self._backoff.next_delay(retry_after=self._stay_away_s or None)
            await self._live_without_connection(delay)

    async def calm(self) -> None:
        """End the chaos of this device and have it connect anew."""
        await self._perform(self.core.calm(moment()))
        self._away_until = 0.0
        self._woken.set()

    @abstractmethod
    async def _connection(self) -> int:
        """Reach the server and stay with it; return the close code, 1006 without one."""

    @abstractmethod
    async def _speak(self, effect: Send | Ping) -> None:
        """Say something, or see to it that it is said."""

    @abstractmethod
    def _break(self) -> None:
        """Lose the connection without a goodbye."""

    def _become(self, identity: Identity) -> None:
        self._identity = identity
        self._keeper(self.core, identity)

    async def _live_without_connection(self, seconds: float) -> None:
        """Go on measuring and failing until it is time to connect again."""
        until = time.monotonic() + seconds
        # What happens meanwhile may keep the device away for longer.
        while (left := max(until, self._away_until) - time.monotonic()) > 0:
            await self._perform(self.core.due(moment()))
            await asyncio.sleep(min(left, max(0.0, self._until_due())))

    async def _sleep_until_due(self) -> None:
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._until_due()):
                await self._woken.wait()

    def _until_due(self) -> float:
        return min(_LONGEST_WAIT_S, max(0.0, self.core.next_due() - time.monotonic()))

    # Doing as the core says

    async def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Record):
                self._recorder(self.core, moment(), effect)
            elif isinstance(effect, Drop):
                self._drop(effect)
            elif isinstance(effect, Postpone):
                self._stay_away_s = max(self._stay_away_s, effect.seconds)
            else:
                await self._speak(effect)

    def _drop(self, effect: Drop) -> None:
        self._was_dropped = True
        self._stay_away_s = max(self._stay_away_s, effect.stay_away_s)
        self._away_until = max(self._away_until, time.monotonic() + effect.stay_away_s)
        self._break()


class WireDevice(LiveDevice):
    """A device on a WebSocket."""

    _socket: ClientConnection | None = None

    async def _connection(self) -> int:
        """Open a connection and serve it; return the close code, 1006 without one."""
        try:
            async with self._wire.handshakes:
                socket = await self._open()
        except InvalidStatus as refused:
            return refused.response.status_code
        except (OSError, TimeoutError, WebSocketException):
            return _NO_CODE
        self._socket, self.line.is_open = socket, True
        try:
            await self._serve(socket)
        except ConnectionClosed as closed:
            return _NO_CODE if closed.rcvd is None else closed.rcvd.code
        except (OSError, TimeoutError):
            return _NO_CODE
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await socket.close(_GOING_AWAY)
            raise
        finally:
            self._socket = None
            socket.transport.abort()
        return _NO_CODE

    async def _open(self) -> ClientConnection:
        return await connect(
            self._wire.socket_url,
            additional_headers={
                "Authorization": f"Bearer {self._identity.device_token}",
                "X-Device-ID": self._identity.device_uid,
            },
            user_agent_header=f"homepot-simulator/{VERSION}",
            proxy=None,
            compression=None,
            open_timeout=_OPEN_TIMEOUT_S,
            # The core pings by itself: a frozen device must not answer from another task.
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            max_size=MAX_DOCUMENT_FRAME_BYTES,
        )

    async def _serve(self, socket: ClientConnection) -> None:
        await self._perform(self.core.connected(moment()))
        while not self._was_dropped:
            await self._perform(self.core.due(moment()))
            if self._was_dropped:
                return
            if self.core.frozen_until > time.monotonic():
                await self._sleep_frozen(socket)
                continue
            try:
                async with asyncio.timeout(self._until_due()):
                    frame = await socket.recv()
            except TimeoutError:
                continue
            now = moment()
            self.line.heard_at = now.wall
            await self._perform(self.core.received(frame, now))

    async def _sleep_frozen(self, socket: ClientConnection) -> None:
        socket.transport.pause_reading()
        await self._sleep_until_due()
        if not socket.transport.is_closing():
            socket.transport.resume_reading()

    async def _speak(self, effect: Send | Ping) -> None:
        socket = self._socket
        if socket is None or self._was_dropped:
            return
        # That the connection is gone is for the reader to find: what came before is still there.
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                self.line.spoke_at = moment().wall
                if isinstance(effect, Send):
                    await socket.send(effect.frame)
                    self.core.told(effect.frame)
                else:
                    pong = asyncio.ensure_future(await socket.ping())
                    pong.add_done_callback(self._ponged)

    def _ponged(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            now = moment()
            self.line.heard_at = now.wall
            self.core.heard(now)

    def _break(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()
