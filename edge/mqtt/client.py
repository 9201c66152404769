"""One client of an MQTT broker over asyncio, cheap enough that one process holds thousands."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from edge.mqtt.address import Address, parse_address
from edge.mqtt.connection import Connection
from edge.mqtt.errors import ConnectionLost, Refused
from edge.mqtt.packets import (
    MAX_PACKET_BYTES,
    V5,
    V311,
    Connack,
    Connect,
    Disconnect,
    Properties,
    Property,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Will,
    property_of,
)

__all__ = ["Address", "Client", "ConnectionLost", "Refused", "parse_address"]

_REFUSED_FROM: Final = 0x80
_REASONS: Final = {
    1: "the broker does not speak this version",
    2: "the client id is refused",
    3: "the broker is not available",
    4: "wrong user name or password",
    5: "not authorised",
    0x80: "refused",
    0x85: "the client id is refused",
    0x86: "wrong user name or password",
    0x87: "not authorised",
    0x88: "the broker is not available",
    0x89: "the broker is busy",
    0x8A: "banned",
    0x97: "a quota is exceeded",
}


class Client:
    """A connection that the broker has accepted."""

    def __init__(self, connection: Connection, accepted: Connack) -> None:
        self._connection = connection
        self._accepted = accepted

    @classmethod
    async def connect(  # noqa: PLR0913  # by keyword, and every one is MQTT's own
        cls,
        *,
        address: Address,
        client_id: str,
        level: int = V311,
        keepalive_s: int = 60,
        is_clean: bool = True,
        session_expiry_s: int = 0,
        receive_maximum: int | None = None,
        will: Will | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
    ) -> "Client":
        """Return an accepted connection; raises ``Refused``, or ``ConnectionLost`` if there is none.

        ``timeout_s`` is also how long a PINGRESP may take later. Session expiry and receive
        maximum are version 5's; version 3.1.1 leaves them out.
        """
        asked = Connect(
            client_id=client_id,
            keepalive_s=keepalive_s,
            is_clean=is_clean,
            username=address.username,
            password=None if address.password is None else address.password.encode(),
            will=will,
            properties=_wishes(session_expiry_s, receive_maximum) if level == V5 else (),
        )
        connection = await _opened(address, level=level, tls=tls, timeout_s=timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                accepted = await connection.ask(asked, Connack)
        except TimeoutError:
            connection.abort()
            raise ConnectionLost("the broker did not answer") from None
        except BaseException:
            connection.abort()
            raise
        if accepted.code:
            connection.abort()
            raise _refusal(accepted.code, accepted.properties)
        connection.begin(
            keepalive_s=_number(accepted, Property.SERVER_KEEP_ALIVE, keepalive_s),
            pong_within_s=timeout_s,
            send_quota=_number(accepted, Property.RECEIVE_MAXIMUM, 0xFFFF),
        )
        return cls(connection, accepted)

    @property
    def is_open(self) -> bool:
        """Say whether the connection stands, as far as is known."""
        return self._connection.is_open

    @property
    def is_session_present(self) -> bool:
        """Say whether the broker still had a session of this client id."""
        return self._accepted.is_session_present

    async def subscribe(self, topic_filter: str, *, qos: int = 1) -> int:
        """Return the QoS the broker grants; raises ``Refused`` or ``ConnectionLost``."""
        if qos not in (0, 1):
            raise ValueError("QoS 2 is not spoken")
        number = self._connection.free_packet_id()
        asked = Subscribe(number, (Subscription(topic_filter, qos),))
        answer = await self._connection.ask(asked, Suback, packet_id=number)
        code = answer.codes[0] if answer.codes else _REFUSED_FROM
        if code >= _REFUSED_FROM:
            raise _refusal(code, answer.properties)
        return code

    async def unsubscribe(self, topic_filter: str) -> None:
        """Return once the broker sends no more messages of that filter."""
        number = self._connection.free_packet_id()
        asked = Unsubscribe(number, (topic_filter,))
        await self._connection.ask(asked, Unsuback, packet_id=number)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        is_retained: bool = False,
        properties: Properties = (),
    ) -> None:
        """Send one message; at QoS 1 return after the broker has it. Never sends it twice.

        Raises ``ConnectionLost`` when that cannot be known, ``Refused`` when the broker says no
        (version 5 only).
        """
        if qos == 0:
            self._connection.send(Publish(topic, payload, 0, is_retained, properties=properties))
            await self._connection.drain()
            return
        if qos != 1:
            raise ValueError("QoS 2 is not spoken")
        message = Publish(topic, payload, 1, is_retained, properties=properties)
        answer = await self._connection.deliver(message)
        if answer.code >= _REFUSED_FROM:
            raise _refusal(answer.code, answer.properties)

    async def messages(self) -> AsyncIterator[Publish]:
        """Yield what arrives, each PUBACKed once the next is asked for; for one consumer.

        What had arrived is yielded first, then ``ConnectionLost`` is raised; an end by
        ``disconnect`` or ``close`` just ends it.
        """
        while (message := await self._connection.next_message()) is not None:
            yield message
            self.acknowledge(message)

    async def receive(self) -> Publish:
        """Return the next message, which is then to be acknowledged; may be cancelled at any time.

        Raises ``ConnectionLost``.
        """
        message = await self._connection.next_message()
        if message is None:
            raise ConnectionLost("the connection was closed here")
        return message

    def acknowledge(self, message: Publish) -> None:
        """Tell the broker that a received message is dealt with; of QoS 0 there is nothing to say."""
        if message.packet_id is not None:
            # On a lost connection nothing is sent: the broker delivers it again.
            with suppress(ConnectionLost):
                self._connection.send(Puback(message.packet_id))

    def freeze(self) -> None:
        """Hang: neither read nor ping, and close nothing, until ``thaw``."""
        self._connection.freeze()

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self._connection.thaw()

    async def disconnect(self) -> None:
        """Say goodbye, so that the broker forgets the will, and return when the line is closed."""
        await self._connection.close_after(Disconnect())

    def close(self) -> None:
        """Drop the connection without a word: the broker publishes the will."""
        self._connection.abort()


async def _opened(
    address: Address, *, level: int, tls: ssl.SSLContext | None, timeout_s: float
) -> Connection:
    context = (tls or ssl.create_default_context()) if address.is_tls else None
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(level=level), address.host, address.port, ssl=context
            )
    except (OSError, TimeoutError) as fault:
        raise ConnectionLost(str(fault) or "the broker cannot be reached") from fault
    return connection


def _wishes(session_expiry_s: int, receive_maximum: int | None) -> Properties:
    # A larger packet would be malformed here, again with every delivery: the broker drops it.
    wishes: Properties = ((Property.MAXIMUM_PACKET_SIZE, MAX_PACKET_BYTES),)
    if session_expiry_s:
        wishes += ((Property.SESSION_EXPIRY, session_expiry_s),)
    if receive_maximum is not None:
        wishes += ((Property.RECEIVE_MAXIMUM, receive_maximum),)
    return wishes


def _number(accepted: Connack, name: Property, default: int) -> int:
    found = property_of(accepted.properties, name)
    return found if isinstance(found, int) else default


def _refusal(code: int, properties: Properties) -> Refused:
    said = property_of(properties, Property.REASON_STRING)
    return Refused(code, said if isinstance(said, str) else _REASONS.get(code, "refused"))
