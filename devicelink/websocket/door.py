"""`/ws/device`: admission, handshake, session, and the clean-up after each."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils import timezone

from devicelink import runtime as runtime_module
from devicelink.documents import Versions
from devicelink.runtime import Runtime
from devicelink.websocket import handshake, policy
from devicelink.websocket.connection import DeviceConnection
from devicelink.websocket.handshake import Admitted, Credentials, Refused
from devicelink.websocket.registry import AdmissionFull
from devices.types import HeldSession, SessionFacts
from edge.protocol import codec, messages
from edge.protocol.close_codes import CloseCode
from kernel.sockets import PeerGone, Receive, Scope, Send, Socket, turn_away
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)


async def device_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the device WebSocket; what fails ends this socket only."""
    try:
        await _answer(Socket(scope, receive, send))
    except Exception:
        logger.exception("A device socket failed")


async def _answer(socket: Socket) -> None:
    if socket.header("origin") is not None or socket.lacks_required_tls:
        # A browser holds no device key: a page that comes here borrows somebody's network.
        await socket.refuse()
        return
    try:
        await _admit(socket)
    except AdmissionFull as full:
        await turn_away(
            socket,
            close_code=CloseCode.TRY_AGAIN_LATER,
            code="unavailable",
            message="The server is full right now. Try again later.",
            retry_after=full.retry_after,
        )
    except Refused as refused:
        await _tell(socket, refused.ending)
    except PeerGone:
        return


async def _admit(socket: Socket) -> None:
    runtime = runtime_module.current()
    if runtime is None or len(runtime.registry) >= settings.MAX_DEVICE_SOCKETS:
        raise AdmissionFull
    runtime.admission.admit()
    shown = await _credentials(socket, runtime)
    with runtime.admission.place("handshake"):
        admitted = await _open(socket, shown)
    facts = admitted.facts
    ending = policy.GONE
    try:
        ending = await _serve(socket, admitted, runtime)
    finally:
        if ending is not policy.SUPERSEDED:
            runtime.closer.add(facts.device_id, facts.epoch, ending.reason)


async def _credentials(socket: Socket, runtime: Runtime) -> Credentials:
    shown = handshake.shown_in_handshake(socket)
    if shown is not None:
        return shown
    with runtime.admission.place("waiting"):
        await socket.accept()
        return await handshake.shown_in_first_frame(socket)


async def _open(socket: Socket, shown: Credentials) -> Admitted:
    try:
        return await run_in_database_thread(handshake.open_session, shown, socket.address)
    except Refused:
        raise
    except Exception:
        logger.exception("A device could not be let in")
        raise Refused(policy.unavailable(10)) from None


async def _serve(socket: Socket, admitted: Admitted, runtime: Runtime) -> policy.Ending:
    facts = admitted.facts
    sender = HeldSession(facts.device_id, facts.epoch, facts.tenant_id, facts.device_uid)
    connection = DeviceConnection(socket, sender, runtime, admitted)
    with runtime.registry.holding(connection):
        try:
            if not socket.is_open:
                await socket.accept()
            await socket.send(codec.encode(_welcome(facts, admitted.versions)))
        except PeerGone:
            connection.end(policy.GONE)
        if runtime_module.current() is not runtime:
            connection.end(policy.RESTARTING)
        ending = await connection.run()
    logger.debug("A device socket ended", extra={"reason": ending.reason})
    return ending


def _welcome(facts: SessionFacts, versions: Versions) -> messages.Welcome:
    return messages.Welcome(
        session_epoch=facts.epoch,
        server_time=timezone.now(),
        heartbeat_s=policy.heartbeat_seconds(facts.offline_after_s),
        config_version=versions.config,
        desired_version=versions.desired,
    )


async def _tell(socket: Socket, ending: policy.Ending) -> None:
    await turn_away(
        socket,
        close_code=ending.code,
        code=ending.error or ending.reason,
        message=ending.message,
        retry_after=ending.retry_after,
    )
