"""Serves Django's views under ASGI from a fixed pool of threads.

Django's own ASGI handler takes a new thread per request and about 2 ms; this bridge keeps the
synchronous handler, middleware and views on WEB_THREADS long-lived threads, each with its own
database connection. A request that waits for a device leaves its thread while it waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler, get_script_name
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from homepot.serving.environ import environ_of
from kernel import body_limits, errors, realtime
from kernel.api.exception_handler import body_of
from kernel.api.views import json_response
from kernel.deferral import Deferral
from kernel.logs import bind_request_id
from kernel.middleware.request_id import request_id_from

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Requests that may wait for a thread; beyond, an honest 503 is better than a late answer.
_QUEUE_PER_THREAD = 64
_RETRY_SECONDS = 2
# A body of 1 MiB at 35 kB/s; whoever is slower would hold the connection for nothing.
BODY_SECONDS = 30.0
_END = object()


class _Handler(WSGIHandler):
    """Django's WSGI handler, returning the response object instead of calling back."""

    def respond(self, environ: dict[str, Any]) -> HttpResponseBase:
        set_script_prefix(get_script_name(environ))
        signals.request_started.send(sender=self.__class__, environ=environ)
        response: HttpResponseBase = self.get_response(self.request_class(environ))
        response._handler_class = self.__class__  # type: ignore[attr-defined]
        if not response.streaming:
            # Ends the request for the database and the signals while still on this thread.
            response.close()
        return response


class DjangoBridge:
    """The ASGI `http` application in front of Django."""

    def __init__(self) -> None:
        self._handler = _Handler()
        self._pool = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")
        self._waiting = 0
        self._most_waiting = settings.WEB_THREADS * _QUEUE_PER_THREAD

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            response = await self._respond(scope, receive)
        except body_limits.PeerLeft:
            return
        try:
            await self._send(response, receive, send)
        except OSError:
            logger.debug("A client left before its answer")

    async def _respond(self, scope: Scope, receive: Receive) -> HttpResponseBase:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(scope, receive)
        except TimeoutError:
            return _refusal(errors.RequestTimeout(), scope)
        except errors.PayloadTooLarge as error:
            return _refusal(error, scope)
        except asyncio.CancelledError:
            # The server ends while the client still sends: nothing was begun, and it may retry.
            return _refusal(errors.Unavailable(retry_after=_RETRY_SECONDS), scope)
        if self._waiting >= self._most_waiting:
            return _refusal(errors.Unavailable(retry_after=_RETRY_SECONDS), scope)
        self._waiting += 1
        try:
            environ = environ_of(scope, body)
            response: HttpResponseBase = await self._on_thread(self._handler.respond, environ)
        finally:
            self._waiting -= 1
        deferral: Deferral | None = getattr(response, "deferral", None)
        return response if deferral is None else await self._settle(response, deferral)

    async def _settle(self, response: HttpResponseBase, deferral: Deferral) -> HttpResponseBase:
        """Wait without a thread; keep the headers that the middleware put on the response."""
        message = await realtime.hub().wait_for(deferral.topic, deferral.accept, deferral.timeout_s)
        if message is not None and deferral.is_light:
            final = deferral.resolve(message)
        else:
            final = await self._on_thread(_resolve, deferral, message)
        for name, value in response.items():
            if name not in final:
                final[name] = value
        return final

    async def _send(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        headers = [
            (name.lower().encode("ascii"), value.encode("latin-1"))
            for name, value in response.items()
        ]
        headers += [
            (b"set-cookie", morsel.output(header="").strip().encode("ascii"))
            for morsel in response.cookies.values()
        ]
        start = {"type": "http.response.start", "status": response.status_code}
        if response.streaming:
            await send({**start, "headers": headers})
            await self._stream(response, receive, send)
            return
        content = response.content if isinstance(response, HttpResponse) else b""
        headers = [header for header in headers if header[0] != b"content-length"]
        if response.status_code not in {204, 304}:
            headers.append((b"content-length", str(len(content)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _stream(self, response: Any, receive: Receive, send: Send) -> None:
        """Take the next piece only when the one before has left: memory stays flat.

        Sending to a client that has hung up does nothing and says nothing, so that is watched for.
        """
        pieces: Iterator[bytes] = iter(response.streaming_content)
        gone = asyncio.create_task(_hung_up(receive))
        try:
            while (piece := await self._on_thread(next, pieces, _END)) is not _END:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await self._on_thread(response.close)

    async def _on_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    def shut_down(self) -> None:
        """End the threads once their present requests are done."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _resolve(deferral: Deferral, message: realtime.Message | None) -> HttpResponse:
    signals.request_started.send(sender=_Handler, environ={})
    try:
        return deferral.resolve(message)
    finally:
        signals.request_finished.send(sender=_Handler)


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    limit = body_limits.limit_of(scope["path"])
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise errors.PayloadTooLarge
    return await body_limits.read_body(receive, limit)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        # Whatever else comes must not keep the loop from the stream itself.
        await asyncio.sleep(0.05)


def _refusal(error: errors.HomepotError, scope: Scope) -> HttpResponse:
    presented = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    request_id = request_id_from(presented)
    bind_request_id(request_id)
    response = json_response(body_of(error), status=error.status)
    response["X-Request-ID"] = request_id
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response
