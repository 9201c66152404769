"""The raw door of `POST /api/v1/analytics/device-metrics`, beside Django and alike to the outside.

Only ordinary calls are served here; whatever else comes to the address goes to Django, whose view
(`devicelink.http.views`) is the reference for both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.utils import timezone

from devicelink.http import intake
from devicelink.http.answers import Answers
from devicelink.http.callers import Callers
from devicelink.http.request import Bodies, Head, Receive, Scope, Send, ordinary_head
from devicelink.ingest.arrivals import Arrival
from devicelink.ingest.group_commit import GroupCommit
from edge.protocol.messages import Telemetry
from kernel import errors
from kernel.body_limits import PeerLeft
from kernel.logs import bind_request_id
from kernel.metrics import INGEST_REQUESTS
from telemetry.types import Acknowledgement

logger = logging.getLogger(__name__)

PATH: Final = "/api/v1/analytics/device-metrics"
# Larger bodies are decoded on a thread: the loop serves everybody else meanwhile.
_DECODED_AT_ONCE: Final = 32 * 1024

# What a reading that was sent compressed weighs at least.
_BYTES_OF_READING: Final = 256
_ACCEPTED = INGEST_REQUESTS.labels(code="accepted")

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class TelemetryDoor:
    """An ASGI `http` application: readings here, everything else to the other one."""

    def __init__(self, others: Application, queue: GroupCommit) -> None:
        self._others = others
        self._callers = Callers()
        self._bodies = Bodies()
        self._queue = queue
        self._answers = Answers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        head = ordinary_head(scope) if scope["path"] == PATH else None
        if head is None:
            await self._others(scope, receive, send)
            return
        bind_request_id(head.request_id)
        try:
            await self._serve(head, receive, send)
        except (PeerLeft, OSError):
            logger.debug("A device left before its answer")

    async def _serve(self, head: Head, receive: Receive, send: Send) -> None:
        try:
            body = await self._take(head, receive)
        except errors.HomepotError as error:
            INGEST_REQUESTS.labels(code=error.code).inc()
            await self._answers.refuse(head, error, send)
        else:
            _ACCEPTED.inc()
            await self._answers.accept(head, body, send)

    async def _take(self, head: Head, receive: Receive) -> dict[str, Any]:
        try:
            body = await self._bodies.read(head, receive)
            # The key comes first: a stranger's body is neither inflated nor decoded.
            caller = await self._callers.admit(head)
            telemetry = await _decode(head, body)
            size = max(len(body), _BYTES_OF_READING * len(telemetry.readings))
            taken = await self._queue.store(Arrival(sender=caller, telemetry=telemetry, size=size))
            if taken is None:
                taken = await self._store_anew(head, telemetry, size)
            return intake.accepted_body(telemetry, taken, timezone.now())
        except (errors.HomepotError, PeerLeft):
            raise
        except asyncio.CancelledError:
            # The server ends: whether it was stored, the same readings sent again will tell.
            raise errors.Unavailable(retry_after=2) from None
        except Exception:
            logger.exception("Readings could not be taken in")
            raise errors.InternalError from None

    async def _store_anew(self, head: Head, telemetry: Telemetry, size: int) -> Acknowledgement:
        """The key was good when it was remembered; asked again, it is told what it is now."""
        self._callers.forget(head)
        caller = await self._callers.admit(head)
        taken = await self._queue.store(Arrival(sender=caller, telemetry=telemetry, size=size))
        if taken is None:
            raise errors.Unavailable(retry_after=1)
        return taken


async def _decode(head: Head, body: bytes) -> Telemetry:
    if len(body) <= _DECODED_AT_ONCE and not head.encoding:
        return intake.read(body, encoding=head.encoding, idempotency_key=head.idempotency_key)
    return await asyncio.to_thread(
        intake.read, body, encoding=head.encoding, idempotency_key=head.idempotency_key
    )
