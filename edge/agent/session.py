"""One connection to the server: welcome, full report, then commands in and figures out."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from edge.agent import VERSION
from edge.agent.identity import Identity
from edge.agent.machine import Machine
from edge.agent.rotation import UNPAIRED
from edge.agent.server import seconds_of
from edge.protocol import codec, duties, messages, strict_json
from edge.protocol.close_codes import CloseCode
from edge.protocol.convergence import TwinReporter
from edge.protocol.limits import (
    MAX_DOCUMENT_FRAME_BYTES,
    MAX_ERROR_CHARS,
    MAX_FRAME_BYTES,
    MAX_READINGS,
)

_log = logging.getLogger(__name__)

_OPEN_TIMEOUT_S: Final = 10.0
_WELCOME_TIMEOUT_S: Final = 15.0
# A half-open connection is noticed by the missing pong after at most the sum of both.
_PING_EVERY_S: Final = 20.0
_PONG_WITHIN_S: Final = 20.0
# Closing politely must never hold up a stop.
_CLOSE_TIMEOUT_S: Final = 0.5
_RESEND_AFTER_S: Final = 30.0
_REPORT_EVERY_S: Final = 15.0
_NO_CODE: Final = 1006


class _DirectConnect(connect):
    """Follows no redirect: the device's key goes to the address it was given for, or nowhere."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@dataclass(frozen=True, slots=True)
class Ended:
    """How a connection ended; ``code`` is the close code, 1006 when there was none."""

    code: int
    reason: str
    lasted_s: float
    retry_after: float | None = None


class Session:
    """Keeps the duties of a device on one connection, until that connection ends."""

    def __init__(
        self, machine: Machine, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._machine = machine
        self._monotonic = monotonic
        self._retry_after: float | None = None
        self._batch_limit = MAX_READINGS
        self._unacked: tuple[str, int, float] | None = None
        self._state_seq = 0
        self._reporter = TwinReporter()

    async def run(self, identity: Identity, *, url: str, use_proxy: bool) -> Ended:
        """Connect and serve; return how it ended. Only cancellation and bugs are raised."""
        started = self._monotonic()
        try:
            async with self._open(identity, url, use_proxy) as socket:
                await self._serve(socket)
            code, reason = 1000, ""
        except ConnectionClosed as closed:
            code, reason = _close_of(closed)
        except InvalidStatus as refused:
            code, reason = _refusal_of(refused)
            self._retry_after = seconds_of(refused.response.headers.get("Retry-After"))
        except (OSError, TimeoutError, WebSocketException) as fault:
            code, reason = _NO_CODE, str(fault) or type(fault).__name__
        return Ended(code, reason, self._monotonic() - started, self._retry_after)

    def _open(self, identity: Identity, url: str, use_proxy: bool) -> connect:
        return _DirectConnect(
            url,
            additional_headers={
                "Authorization": f"Bearer {identity.device_token}",
                "X-Device-ID": identity.device_uid,
            },
            user_agent_header=f"homepot-agent/{VERSION}",
            proxy=True if use_proxy else None,
            compression=None,
            open_timeout=_OPEN_TIMEOUT_S,
            ping_interval=_PING_EVERY_S,
            ping_timeout=_PONG_WITHIN_S,
            close_timeout=_CLOSE_TIMEOUT_S,
            max_size=MAX_DOCUMENT_FRAME_BYTES,
        )

    async def _serve(self, socket: ClientConnection) -> None:
        welcome = await asyncio.wait_for(self._welcome(socket), _WELCOME_TIMEOUT_S)
        self._machine.set_clock(welcome.server_time, monotonic=self._monotonic())
        _log.info("connected, session %d", welcome.session_epoch)
        self._state_seq = 0
        await _send(socket, self._numbered(self._machine.board.state_report()))
        if welcome.config_version != self._machine.agreements.config.version:
            # One of us was set back, or does not know the other: the server has to find out.
            await _send(socket, self._config_in_force())
        await _first_to_end(
            self._listen(socket),
            self._beat(socket, welcome.heartbeat_s),
            self._measure(socket),
            self._tell(socket),
        )

    async def _welcome(self, socket: ClientConnection) -> messages.Welcome:
        while True:
            message = self._decoded(await socket.recv())
            if isinstance(message, messages.Welcome):
                return message
            if isinstance(message, messages.Error):
                self._take_error(message)

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            message = self._decoded(await socket.recv())
            if isinstance(message, duties.AnyCommand):
                await self._obey(socket, message)
            elif isinstance(message, messages.Cancel):
                ack = self._machine.worker.cancel(message)
                await _send(socket, self._numbered(ack))
            elif isinstance(message, messages.TelemetryAck):
                await self._telemetry_acked(socket, message)
            elif isinstance(message, messages.Error):
                self._take_error(message)
            elif message is not None:
                await self._agree(socket, message)

    async def _agree(self, socket: ClientConnection, message: messages.DownMessage) -> None:
        """Work by what the server wants, and say so once it is written down."""
        if isinstance(message, messages.Config):
            await _send(socket, self._take_config(message))
        elif isinstance(message, messages.TwinDesired):
            self._take_desired(message)
        elif isinstance(message, messages.TwinAck):
            self._reporter.acknowledged(message)
        await self._report(socket)

    def _take_config(self, config: messages.Config) -> str:
        try:
            self._machine.agreements.take_config(config.version, config.config)
        except OSError as fault:
            _log.exception("configuration %d could not be written down", config.version)
            error = str(fault)[:MAX_ERROR_CHARS]
            return codec.encode(messages.ConfigApplied(version=config.version, error=error))
        return self._config_in_force()

    def _take_desired(self, wanted: messages.TwinDesired) -> None:
        try:
            is_newer = self._machine.agreements.take_desired(wanted.version, wanted.desired)
        except OSError:
            _log.exception("desired state %d could not be written down", wanted.version)
            return
        if not is_newer:
            # Who sends what was taken over long ago has not heard so.
            self._reporter = TwinReporter()

    def _config_in_force(self) -> str:
        version = self._machine.agreements.config.version
        return codec.encode(messages.ConfigApplied(version=version))

    async def _tell(self, socket: ClientConnection) -> None:
        """Say what the work has to say, and now and then what the machine is like."""
        worker = self._machine.worker
        while True:
            worker.changed.clear()
            for message in worker.news():
                if isinstance(message, messages.Ack):
                    await _send(socket, self._numbered(message))
                elif isinstance(message, messages.ConfigApplied):
                    # Said a while ago, perhaps: a newer one may be in force by now.
                    await _send(socket, self._config_in_force())
                else:
                    await _send(socket, codec.encode(message))
            for outcome in worker.untold():
                await _send(socket, self._numbered(outcome))
                self._machine.board.told(outcome.command_id)
            await self._report(socket)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REPORT_EVERY_S):
                    await worker.changed.wait()

    async def _report(self, socket: ClientConnection) -> None:
        machine, agreements = self._machine, self._machine.agreements
        now = self._monotonic()
        if not self._reporter.has_news(
            machine.state(), desired_version=agreements.desired.version, monotonic=now
        ):
            return
        try:
            number = agreements.next_report()
        except OSError:
            # A full disk must not cost the connection, over which the relays are still switched.
            _log.exception("a report could not be numbered")
            return
        report = self._reporter.next_report(
            machine.state(),
            desired_version=agreements.desired.version,
            seq=number,
            monotonic=now,
        )
        if report is not None:
            await _send(socket, codec.encode(report))

    async def _beat(self, socket: ClientConnection, every_s: float) -> None:
        frame = codec.encode(messages.Heartbeat())
        while True:
            await asyncio.sleep(every_s)
            await _send(socket, frame)

    async def _measure(self, socket: ClientConnection) -> None:
        while True:
            self._machine.sample(monotonic=self._monotonic())
            await self._send_telemetry(socket)
            await asyncio.sleep(self._machine.interval_s)

    async def _obey(self, socket: ClientConnection, command: duties.AnyCommand) -> None:
        ack = self._machine.carry_out(command, monotonic=self._monotonic())
        await _send(socket, self._numbered(ack))

    def _numbered(self, message: messages.Ack | messages.StateReport) -> str:
        """Return the frame of a message that tells relay states, with its place in the session."""
        frame = codec.encode(replace(message, state_seq=self._state_seq))
        self._state_seq += 1
        return frame

    async def _telemetry_acked(self, socket: ClientConnection, ack: messages.TelemetryAck) -> None:
        self._machine.telemetry.acknowledge(boot_id=ack.boot_id, acked_seq=ack.acked_seq)
        waiting = self._unacked
        if waiting is not None and ack.boot_id == waiting[0] and ack.acked_seq >= waiting[1]:
            self._unacked = None
            await self._send_telemetry(socket)

    async def _send_telemetry(self, socket: ClientConnection) -> None:
        # One batch at a time: a slow server slows the device down instead of being flooded.
        now = self._monotonic()
        if self._unacked is not None and now - self._unacked[2] < _RESEND_AFTER_S:
            return
        batch = self._machine.telemetry.oldest_batch(limit=self._batch_limit)
        if batch is None:
            return
        frame = codec.encode(batch)
        while len(frame) > MAX_FRAME_BYTES and len(batch.readings) > 1:
            self._batch_limit = len(batch.readings) // 2
            batch = messages.Telemetry(batch.boot_id, batch.readings[: self._batch_limit])
            frame = codec.encode(batch)
        self._unacked = (batch.boot_id, batch.readings[-1].seq, now)
        await _send(socket, frame)

    def _decoded(self, frame: str | bytes) -> messages.DownMessage | None:
        try:
            return codec.decode_down(frame)
        except codec.ProtocolError as fault:
            # The server may be newer than this agent: what it cannot understand it leaves alone.
            _log.warning("ignored a message from the server: %s", fault.message)
            return None

    def _take_error(self, error: messages.Error) -> None:
        _log.warning("the server says: %s (%s)", error.message, error.code)
        if error.retry_after is not None:
            self._retry_after = error.retry_after
            if self._unacked is not None:
                # The server holds the batch until it has room: not sent again before that.
                boot_id, seq, _ = self._unacked
                self._unacked = boot_id, seq, self._monotonic() + error.retry_after


async def _send(socket: ClientConnection, frame: str) -> None:
    # That the connection is gone is for the reader to say, after it has read what arrived before:
    # the last message usually tells why, and how long to stay away.
    with contextlib.suppress(ConnectionClosed):
        await socket.send(frame)


async def _first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, and end the others; the first one's failure is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _refusal_of(refused: InvalidStatus) -> tuple[int, str]:
    """Return what an HTTP answer to the handshake means; only one of them is an end."""
    status, body = refused.response.status_code, refused.response.body
    with contextlib.suppress(strict_json.StrictJSONError):
        said = strict_json.loads(bytes(body or b""))
        code = said.get("code") if isinstance(said, dict) else None
        if status == HTTPStatus.UNAUTHORIZED and code == UNPAIRED:
            return CloseCode.UNPAIRED, UNPAIRED
    return _NO_CODE, f"HTTP {status}"


def _close_of(closed: ConnectionClosed) -> tuple[int, str]:
    frame = closed.rcvd
    return (_NO_CODE, "the connection broke") if frame is None else (frame.code, frame.reason)
