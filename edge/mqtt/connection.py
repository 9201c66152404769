"""The bytes of one broker connection: answers find their question, messages their consumer.

A protocol without tasks or streams of its own: an idle device costs one timer.
"""

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from edge.mqtt.errors import ConnectionLost
from edge.mqtt.packets import (
    Connack,
    Decoder,
    Disconnect,
    MalformedPacket,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Unsuback,
    encode,
)

_Answer = TypeVar("_Answer", Connack, Puback, Suback, Unsuback)

# Above it nothing more is read until the consumer has caught up with half of it.
_MOST_WAITING: Final = 1_000
_LAST_PACKET_ID: Final = 0xFFFF
_CONNACK: Final = 0
_ENDED_BY_US: Final = "the connection was closed here"


class Connection(asyncio.Protocol):
    """What is under way on one connection; every end of it settles whatever was awaited."""

    def __init__(self, *, level: int) -> None:
        self._level = level
        self._decoder = Decoder(level=level)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        # By packet id, 0 for CONNACK. A question nobody awaits any more stays until its answer,
        # because its id is not free before.
        self._questions: dict[int, tuple[type, asyncio.Future[Any]]] = {}
        self._messages: deque[Publish] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._lost: ConnectionLost | None = None
        self._is_ended_here = False
        self._is_reading = True
        self._is_frozen = False
        self._last_packet_id = 0
        self._ping: asyncio.TimerHandle | None = None
        self._keepalive_s = 0
        self._pong_within_s = 0.0
        self._send_quota = asyncio.Semaphore(_LAST_PACKET_ID)

    @property
    def is_open(self) -> bool:
        """Say whether the connection stands."""
        return self._lost is None

    def begin(self, *, keepalive_s: int, pong_within_s: float, send_quota: int) -> None:
        """Keep the accepted connection alive and stay below what the broker takes at once."""
        self._keepalive_s, self._pong_within_s = keepalive_s, pong_within_s
        self._send_quota = asyncio.Semaphore(send_quota)
        self._plan_ping()

    def send(self, packet: Packet) -> None:
        """Send one packet; raises ``ConnectionLost``."""
        if self._lost is not None or self._transport is None:
            raise self._end()
        self._transport.write(encode(packet, level=self._level))

    async def drain(self) -> None:
        """Return when the network has taken enough of what was sent; raises ``ConnectionLost``."""
        if self._writable is not None:
            await asyncio.shield(self._writable)
        if self._lost is not None:
            raise self._end()

    async def ask(
        self, packet: Packet, kind: type[_Answer], *, packet_id: int = _CONNACK
    ) -> _Answer:
        """Send a packet and return its answer; raises ``ConnectionLost``."""
        answer: asyncio.Future[_Answer] = self._loop.create_future()
        self.send(packet)
        self._questions[packet_id] = (kind, answer)
        return await answer

    async def deliver(self, message: Publish) -> Puback:
        """Send a message of QoS 1, numbered here, in its turn, and return its answer.

        It counts against what the broker takes at once until it is answered, awaited or not.
        """
        await self._send_quota.acquire()
        number = 0
        try:
            number = self.free_packet_id()
            return await self.ask(replace(message, packet_id=number), Puback, packet_id=number)
        finally:
            if number not in self._questions:
                self._send_quota.release()

    def free_packet_id(self) -> int:
        """Return an id that no question under way has."""
        for _ in range(_LAST_PACKET_ID):
            self._last_packet_id = self._last_packet_id % _LAST_PACKET_ID + 1
            if self._last_packet_id not in self._questions:
                return self._last_packet_id
        raise ConnectionLost("every packet id waits for its answer")

    async def next_message(self) -> Publish | None:
        """Return the next message, None after an end from here; raises ``ConnectionLost``."""
        while not self._messages:
            if self._lost is not None:
                if self._is_ended_here:
                    return None
                raise self._end()
            self._waiter = self._loop.create_future()
            await self._waiter
        message = self._messages.popleft()
        self._read_on()
        return message

    async def close_after(self, packet: Packet) -> None:
        """Send a last packet and return when the connection is closed, the network willing."""
        if self._transport is None or self._lost is not None:
            return
        self.send(packet)
        self._is_ended_here = True
        self._closed = self._loop.create_future()
        self._transport.close()
        try:
            async with asyncio.timeout(self._pong_within_s):
                await self._closed
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._is_ended_here = True
        self._lose(ConnectionLost(_ENDED_BY_US))

    def freeze(self) -> None:
        """Neither read nor ping until ``thaw``, as a machine that hangs; nothing is closed."""
        self._is_frozen = True
        self._cancel_ping()
        if self._transport is not None and self._lost is None:
            self._transport.pause_reading()

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        if self._is_frozen and self._lost is None:
            self._is_frozen = False
            self._plan_ping()
            if self._is_reading and self._transport is not None:
                self._transport.resume_reading()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # Not by isinstance: a transport of uvloop is one by its methods only.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take in what arrived."""
        try:
            for packet in self._decoder.feed(data):
                self._take(packet)
        except MalformedPacket as fault:
            self._lose(ConnectionLost(f"the broker speaks no MQTT: {fault}"))

    def connection_lost(self, fault: Exception | None) -> None:
        """Tell everybody who waits."""
        reason = _ENDED_BY_US if self._is_ended_here else str(fault or "") or "the connection broke"
        self._lose(ConnectionLost(reason))
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """The network takes no more for now."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """The network takes more again."""
        _settle(self._writable)
        self._writable = None

    # Inside

    def _take(self, packet: Packet) -> None:
        match packet:
            case Publish():
                self._keep(packet)
            case Puback() | Suback() | Unsuback():
                self._answer(packet.packet_id, packet)
            case Connack():
                self._answer(_CONNACK, packet)
            case Pingresp():
                self._plan_ping()
            case Disconnect():
                said = f"the broker ended the connection (code {packet.code})"
                self._lose(ConnectionLost(said, code=packet.code))
            case _:
                raise MalformedPacket("a broker never says this")

    def _answer(self, packet_id: int, packet: Packet) -> None:
        if packet_id not in self._questions:
            return
        kind, question = self._questions[packet_id]
        if not isinstance(packet, kind):
            raise MalformedPacket("an answer does not fit its question")
        del self._questions[packet_id]
        if not question.done():
            question.set_result(packet)
        elif kind is Puback:
            self._send_quota.release()

    def _keep(self, message: Publish) -> None:
        self._messages.append(message)
        _settle(self._waiter)
        if len(self._messages) > _MOST_WAITING and self._is_reading and self._transport:
            self._is_reading = False
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._is_reading or len(self._messages) > _MOST_WAITING // 2:
            return
        self._is_reading = True
        if self._transport is not None and self._lost is None:
            self._transport.resume_reading()

    def _plan_ping(self) -> None:
        self._cancel_ping()
        if self._keepalive_s and self._lost is None:
            self._ping = self._loop.call_later(self._keepalive_s, self._send_ping)

    def _send_ping(self) -> None:
        if self._lost is None:
            self.send(Pingreq())
            self._ping = self._loop.call_later(self._pong_within_s, self._miss_pong)

    def _miss_pong(self) -> None:
        if self._is_reading:
            self._lose(ConnectionLost("the broker gave no sign of life"))
        else:
            # Nothing is read because the consumer is behind: the answer may lie there unread.
            self._send_ping()

    def _cancel_ping(self) -> None:
        if self._ping is not None:
            self._ping.cancel()
            self._ping = None

    def _lose(self, why: ConnectionLost) -> None:
        if self._lost is not None:
            return
        self._lost = why
        self._cancel_ping()
        questions, self._questions = self._questions, {}
        for _, question in questions.values():
            if not question.done():
                question.set_exception(self._end())
        _settle(self._waiter)
        _settle(self._writable)
        if self._transport is not None:
            self._transport.abort()

    def _end(self) -> ConnectionLost:
        # A new one for everybody who is told: a raised exception remembers where it went.
        why = self._lost or ConnectionLost(_ENDED_BY_US)
        return ConnectionLost(why.reason, code=why.code)


def _settle(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
