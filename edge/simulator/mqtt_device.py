"""One simulated device at the MQTT broker: all it says up, commands and documents down."""

import asyncio
import contextlib
import functools
import secrets
import ssl
import time
from dataclasses import replace
from typing import Final

from edge.mqtt.client import Client, ConnectionLost, Refused
from edge.mqtt.packets import V5, V311, Will
from edge.protocol import codec, messages, topics
from edge.protocol.messages import LinkStatus
from edge.protocol.topics import Channel, DownChannel, UpChannel
from edge.simulator import frames
from edge.simulator.broker_account import BrokerAccount
from edge.simulator.device_calls import NO_CODE, CallFailed, CallingDevice
from edge.simulator.driver import moment
from edge.simulator.effects import Ping, Send
from edge.simulator.errors import DeviceRefused

_ACCOUNT_PATH: Final = "/api/v1/devices/self/mqtt"
_NOT_CONFIGURED: Final = "mqtt_not_configured"
# By the kind of message; what no decoder may accept goes where it does most harm.
_CHANNELS: Final = {
    messages.Telemetry.type: UpChannel.TELEMETRY,
    messages.SensorReport.type: UpChannel.SENSOR,
    messages.Ack.type: UpChannel.ACK,
    messages.ConfigApplied.type: UpChannel.ACK,
    messages.StateReport.type: UpChannel.STATE,
    messages.InputEvent.type: UpChannel.EVENT,
    messages.IrLearned.type: UpChannel.EVENT,
    messages.TwinReported.type: UpChannel.TWIN_REPORTED,
    "": UpChannel.TELEMETRY,
}
_EARS: Final = (
    DownChannel.TELEMETRY_ACK,
    DownChannel.COMMAND,
    DownChannel.CONFIG,
    DownChannel.TWIN_DESIRED,
)
_KEEPALIVE_S: Final = 30
_OPEN_TIMEOUT_S: Final = 15.0
_SEND_TIMEOUT_S: Final = 10.0
_GOODBYE_TIMEOUT_S: Final = 0.5


class MqttDevice(CallingDevice):
    """Keeps its readings until ``telemetry/ack`` covers them; a PUBACK only says the broker has them.

    Every other device speaks version 5, the rest 3.1.1.
    """

    _client: Client | None = None
    _session: str = ""

    async def _connection(self) -> int:
        """Come to the broker and stay with it; return 1006, or the code of a refused call."""
        try:
            async with self._wire.handshakes:
                client = await self._open()
        except CallFailed as failed:
            return failed.code
        except Refused as refused:
            if refused.is_unauthorised:
                # Its account was lost or replaced; whether the device itself is still welcome,
                # the next call for an account will tell.
                self._become(replace(self._identity, broker=None))
            return NO_CODE
        except (ConnectionLost, TimeoutError):
            return NO_CODE
        self._client, self.line.is_open = client, True
        try:
            await self._serve(client)
        except ConnectionLost:
            return NO_CODE
        except asyncio.CancelledError:
            await self._say_goodbye(client)
            raise
        finally:
            self._client = None
            client.close()
        return NO_CODE

    async def _open(self) -> Client:
        account = self._identity.broker or await self._new_account()
        self._session = secrets.token_hex(8)
        address = account.address
        client = await Client.connect(
            address=address,
            client_id=account.client_id,
            level=V5 if self.core.profile.index % 2 else V311,
            keepalive_s=_KEEPALIVE_S,
            will=Will(self._topic(UpChannel.STATUS), self._status(LinkStatus.OFFLINE), qos=1),
            tls=_tls() if address.is_tls else None,
            timeout_s=_OPEN_TIMEOUT_S,
        )
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                # First the ear, then the mouth: nothing that is answered goes unheard.
                for channel in _EARS:
                    await client.subscribe(self._topic(channel))
                await client.publish(self._topic(UpChannel.STATUS), self._status(LinkStatus.ONLINE))
        except BaseException:
            client.close()
            raise
        return client

    async def _new_account(self) -> BrokerAccount:
        """Return an account the server has just made; one that was there before ends with it."""
        answer = await self._post(_ACCOUNT_PATH, b"{}")
        if answer.status not in (200, 201):
            if isinstance(answer.body, dict) and answer.body.get("code") == _NOT_CONFIGURED:
                raise DeviceRefused("the server has no MQTT broker: see docs/mqtt.md there")
            raise self._failure(answer)
        try:
            account = BrokerAccount.from_plain(answer.body)
        except ValueError as fault:
            raise DeviceRefused(f"the answer holds no account: {fault}") from None
        self._refusals = 0
        self._become(replace(self._identity, broker=account))
        return account

    async def _serve(self, client: Client) -> None:
        await self._welcome_itself()
        while not self._was_dropped:
            await self._perform(self.core.due(moment()))
            if self._was_dropped:
                return
            if self.core.frozen_until > time.monotonic():
                client.freeze()
                await self._sleep_until_due()
                client.thaw()
                continue
            try:
                async with asyncio.timeout(self._until_due()):
                    message = await client.receive()
            except TimeoutError:
                continue
            now = moment()
            self.line.heard_at = now.wall
            await self._perform(self.core.received(message.payload, now))
            client.acknowledge(message)

    async def _speak(self, effect: Send | Ping) -> None:
        client = self._client
        if client is None or self._was_dropped:
            return
        if isinstance(effect, Ping):
            # The client pings by itself, and says so when nothing comes back.
            self.core.heard(moment())
            return
        kind = frames.kind_of(effect.frame, _CHANNELS)
        if kind is None:
            return
        frame = effect.frame
        self.line.spoke_at = moment().wall
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                payload = frame if isinstance(frame, bytes) else frame.encode()
                await client.publish(self._topic(_CHANNELS[kind]), payload)
                self.core.told(frame)
        except ConnectionLost:
            pass  # for the reader to find: what came before is still there
        except (Refused, TimeoutError):
            client.close()

    def _break(self) -> None:
        if self._client is not None:
            self._client.close()

    async def _say_goodbye(self, client: Client) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_GOODBYE_TIMEOUT_S):
                await client.publish(
                    self._topic(UpChannel.STATUS), self._status(LinkStatus.OFFLINE)
                )
                await client.disconnect()

    def _topic(self, channel: Channel) -> str:
        return topics.build(uid=self._identity.device_uid, channel=channel)

    def _status(self, status: LinkStatus) -> bytes:
        return codec.encode(messages.Status(status=status, session=self._session)).encode()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return what all devices check the broker's certificate with; SSL_CERT_FILE adds to it."""
    return ssl.create_default_context()
