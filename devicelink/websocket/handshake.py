"""Who is there: credentials of a device in the handshake or in its first frame."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink import documents
from devicelink.documents import Versions
from devicelink.websocket import policy
from devicelink.websocket.policy import Ending
from devices.errors import DeviceUnpaired
from devices.services import credentials, key_headers, sessions
from devices.types import SessionFacts
from edge.protocol import codec, limits, messages
from edge.protocol.close_codes import CloseCode
from edge.protocol.errors import TOO_LARGE, ProtocolError
from kernel import errors, row_security
from kernel.sockets import Socket


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device shows."""

    uid: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A session that has been opened, the credential it stands on, and what is in force for it."""

    facts: SessionFacts
    credential_id: int
    versions: Versions


class Refused(Exception):
    """The handshake failed; `ending` is what the device is told."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


def shown_in_handshake(socket: Socket) -> Credentials | None:
    """Credentials of headers or query; None when the first frame is to bring them.

    The key comes as `Authorization: Bearer` or, as over HTTP, as `X-API-Key`. Raises Refused for
    half a pair, and for a token in the address where that is switched off: waiting for a frame
    that never comes would hide the reason.
    """
    in_headers = _shown_in_headers(socket)
    if in_headers is not None:
        return in_headers
    query = socket.query()
    if "token" not in query:
        return None
    if not settings.DEVICE_TOKEN_IN_QUERY:
        raise Refused(_bad("A token in the address is not accepted here; send headers."))
    return Credentials(query.get("uid", ""), query["token"])


def _shown_in_headers(socket: Socket) -> Credentials | None:
    try:
        found = key_headers.read_headers(
            authorization=socket.header("authorization"),
            api_key=socket.header("x-api-key"),
            device_uid=socket.header("x-device-id"),
        )
    except key_headers.HalfShown as error:
        raise Refused(_bad(str(error))) from None
    return None if found is None else Credentials(*found)


async def shown_in_first_frame(socket: Socket) -> Credentials:
    """Credentials of an `auth` frame, which must come within 5 s. Raises Refused, PeerGone."""
    try:
        async with asyncio.timeout(policy.AUTH_SECONDS):
            frame = await socket.receive()
    except TimeoutError:
        raise Refused(
            Ending(
                CloseCode.AUTH_TIMEOUT,
                "auth_timeout",
                "not_authenticated",
                "No credentials came in time.",
            )
        ) from None
    try:
        message = _decode(frame)
    except ProtocolError as error:
        too_large = error.code == TOO_LARGE
        code = CloseCode.TOO_LARGE if too_large else CloseCode.PROTOCOL_ERROR
        text = error.message[: limits.MAX_ERROR_CHARS]
        raise Refused(Ending(code, error.code, error.code, text)) from None
    if not isinstance(message, messages.Auth):
        raise Refused(_bad("The first frame must be auth."))
    return Credentials(message.uid, message.token)


def open_session(shown: Credentials, address: str) -> Admitted:
    """Check the credentials and open the session. Runs on a database thread; raises Refused.

    Only failures are counted against the address: one device with a void key must not keep its
    neighbours behind the same router out.
    """
    now = timezone.now()
    try:
        device = credentials.authenticate_device(
            device_uid=shown.uid, token=shown.token, address=address, now=now
        )
        with row_security.device_scope(device.tenant_id):
            facts = sessions.open_session(
                device_id=device.device_id, wire="websocket", address=address, now=now
            )
            versions = documents.versions_of(device.device_id)
        return Admitted(facts, device.credential_id, versions)
    except DeviceUnpaired as error:
        raise Refused(Ending(CloseCode.UNPAIRED, "unpaired", error.code, error.message)) from None
    except (errors.InvalidCredentials, errors.NotFound):
        raise Refused(_failed_login(address, now)) from None
    except (OperationalError, InterfaceError):
        raise Refused(policy.unavailable(5)) from None


def _failed_login(address: str, now: datetime) -> Ending:
    try:
        credentials.count_failed_login(
            address=address, limit=policy.FAILED_LOGINS_PER_MINUTE, now=now
        )
    except errors.RateLimited as error:
        return Ending(
            CloseCode.TOO_MANY, "rate_limited", error.code, error.message, error.retry_after
        )
    except (OperationalError, InterfaceError):
        return policy.unavailable(5)
    return _bad(errors.InvalidCredentials.default_message)


def _decode(frame: str | bytes) -> messages.UpMessage:
    if isinstance(frame, bytes):
        raise ProtocolError("malformed", "Send text frames.")
    return codec.decode_up(frame)


def _bad(message: str) -> Ending:
    return Ending(
        CloseCode.BAD_CREDENTIALS, "bad_credentials", errors.InvalidCredentials.code, message
    )
