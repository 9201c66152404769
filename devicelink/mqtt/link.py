"""One connection to the broker that messages are read from (MQTT 5).

It knows packets, not what is in them: messages are handed on, acknowledged when told, and every
end of the connection is told once.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final, Self, cast

from devicelink.mqtt import frames
from devicelink.mqtt.frames import Arrived, Frames
from edge.mqtt.client import Address, ConnectionLost, Refused
from edge.mqtt.packets import (
    V5,
    Connack,
    Connect,
    Disconnect,
    MalformedPacket,
    Packet,
    Pingreq,
    Property,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    encode,
    property_of,
)

logger = logging.getLogger(__name__)

# How many messages the broker may have sent that are not acknowledged: what a process holds.
RECEIVE_MAXIMUM: Final = 10_000
KEEPALIVE_S: Final = 30
# Long before the broker gives up: whoever is silent for so long after a PINGREQ is dead.
PING_EVERY_S: Final = 10.0
_ANSWER_S: Final = 10.0
_REFUSED_FROM: Final = 0x80
# How many messages of ours may be on their way, where the broker does not say.
_MOST_SENT: Final = 1_000
_LAST_PACKET_ID: Final = 0xFFFF
_RETAINED_NEVER: Final = 2


class Link(asyncio.Protocol):
    """An accepted connection; `lost` becomes its end's reason."""

    def __init__(
        self, *, on_messages: Callable[[list[Arrived]], None], on_room: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        self._loop = loop
        self._on_messages = on_messages
        self._on_room = on_room
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._sent = 0
        self._most_sent = _MOST_SENT
        self._last_packet_id = 0
        self._is_full = False
        self._is_paused = False
        self._has_heard = True
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls,
        *,
        address: Address,
        client_id: str,
        tls: ssl.SSLContext | None,
        on_messages: Callable[[list[Arrived]], None],
        on_room: Callable[[], None],
    ) -> Self:
        """Connect with a session that ends with the connection. Raises Refused, ConnectionLost."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_ANSWER_S):
                _, link = await loop.create_connection(
                    lambda: cls(on_messages=on_messages, on_room=on_room),
                    address.host,
                    address.port,
                    ssl=tls if address.is_tls else None,
                )
        except (OSError, TimeoutError) as fault:
            raise ConnectionLost(str(fault) or "the broker cannot be reached") from None
        try:
            await link._introduce(address, client_id)
        except BaseException:
            link.abort("the broker did not let us in")
            raise
        return link

    @property
    def room(self) -> int:
        """How many messages may be published now."""
        if self._is_full or self.lost.done():
            return 0
        return self._most_sent - self._sent

    async def subscribe(self, *topic_filters: str) -> None:
        """Ask for these messages, none that were retained among them. Raises Refused."""
        asked = tuple(
            Subscription(one, retain_handling=_RETAINED_NEVER if one.startswith("$share/") else 0)
            for one in topic_filters
        )
        answer = await self._ask(Subscribe(self._next_packet_id(), asked), Suback)
        for code in answer.codes:
            if code >= _REFUSED_FROM:
                raise Refused(code, "the subscription is refused")

    async def unsubscribe(self, *topic_filters: str) -> None:
        """Return once the broker sends no more of these."""
        await self._ask(Unsubscribe(self._next_packet_id(), topic_filters), Unsuback)

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Tell the broker in one write that these are safe."""
        self._write(frames.acknowledgements(packet_ids))

    def publish(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Send messages of QoS 1 in one write, not more than there is room for."""
        packets = [
            frames.message(topic, payload, self._next_packet_id()) for topic, payload in messages
        ]
        self._sent += len(packets)
        self._write(b"".join(packets))

    def pause(self) -> None:
        """Read nothing more for now."""
        if self._transport is not None and not self._is_paused and not self.lost.done():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and self._is_paused and not self.lost.done():
            self._is_paused = False
            self._has_heard = True
            self._transport.resume_reading()

    async def close(self) -> None:
        """Say goodbye and return when the connection is closed."""
        self._write(encode(Disconnect(), level=V5))
        if self._transport is not None:
            self._transport.close()
        try:
            async with asyncio.timeout(_ANSWER_S):
                await asyncio.shield(self.lost)
        except TimeoutError:
            self.abort("the goodbye could not be sent")

    def abort(self, reason: str) -> None:
        """Drop the connection at once."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.lost.done():
            self.lost.set_result(reason)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionLost(reason))
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived; whatever goes wrong here ends the connection, never the reader."""
        self._has_heard = True
        try:
            cut = self._frames.feed(data)
            if cut.arrived:
                self._on_messages(cut.arrived)
            if cut.acknowledged:
                self._sent = max(0, self._sent - cut.acknowledged)
                self._on_room()
            for packet in cut.others:
                self._take(packet)
        except MalformedPacket as fault:
            self.abort(f"the broker speaks no MQTT: {fault}")
        except Exception:
            logger.exception("What the broker sent could not be handled")
            self.abort("a message could not be handled")

    def connection_lost(self, fault: Exception | None) -> None:
        """Tell whoever waits."""
        self.abort(str(fault or "") or "the connection ended")

    def pause_writing(self) -> None:
        """The network takes no more for now."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_full = False
        self._on_room()

    async def _introduce(self, address: Address, client_id: str) -> None:
        accepted = await self._ask(
            Connect(
                client_id=client_id,
                keepalive_s=KEEPALIVE_S,
                username=address.username,
                password=None if address.password is None else address.password.encode(),
                properties=((Property.RECEIVE_MAXIMUM, RECEIVE_MAXIMUM),),
            ),
            Connack,
        )
        if accepted.code:
            raise Refused(accepted.code, "the broker refuses the account of MQTT_URL")
        most = property_of(accepted.properties, Property.RECEIVE_MAXIMUM)
        if isinstance(most, int):
            self._most_sent = min(most, _MOST_SENT)
        self._timer = self._loop.call_later(PING_EVERY_S, self._ping)

    async def _ask(self, packet: Packet, kind: type[Any]) -> Any:
        if self.lost.done():
            raise ConnectionLost(self.lost.result())
        self._answer = self._loop.create_future()
        self._write(encode(packet, level=V5))
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await self._answer
        except TimeoutError:
            raise ConnectionLost("the broker does not answer") from None
        finally:
            self._answer = None
        if not isinstance(answer, kind):
            raise ConnectionLost("the broker answers what nobody asked")
        return answer

    def _take(self, packet: Packet) -> None:
        if isinstance(packet, (Connack, Suback, Unsuback)):
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(packet)
        elif isinstance(packet, Disconnect):
            self.abort(f"the broker ended the connection (code {packet.code})")

    def _ping(self) -> None:
        # While nothing is read, nothing can be heard.
        if not self._has_heard and not self._is_paused:
            self.abort("the broker is silent")
            return
        self._has_heard = False
        self._write(encode(Pingreq(), level=V5))
        self._timer = self._loop.call_later(PING_EVERY_S, self._ping)

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self.lost.done():
            self._transport.write(data)

    def _next_packet_id(self) -> int:
        # Far fewer are under way than there are: none comes round before its answer.
        self._last_packet_id = self._last_packet_id % _LAST_PACKET_ID + 1
        return self._last_packet_id
