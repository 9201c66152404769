"""The raw door of `GET /api/v1/devices/pending`: a device that waits holds no thread.

Only ordinary calls are served here; whatever else comes to the address goes to Django, whose view
(`devicelink.http.pending_views`) is the reference for both, and does not wait.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink import runtime as device_runtime
from devicelink.http import fetching
from devicelink.http.answers import Answers
from devicelink.http.callers import Callers
from devicelink.http.door import Application
from devicelink.http.fetching import Asked, Fetched
from devicelink.http.polls import Poll, Polls
from devicelink.http.request import Head, Receive, Scope, Send, fetching_head
from devices.types import KnownCaller
from kernel import errors
from kernel.body_limits import PeerLeft, read_body
from kernel.failpoints import failpoint
from kernel.logs import bind_request_id
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)

PATH: Final = "/api/v1/devices/pending"
# A hint may come once a command; between two looks of one device there is at least so much time.
_LOOK_AGAIN_S: Final = 0.05


class PendingDoor:
    """An ASGI `http` application: fetches of commands here, everything else to the other one."""

    def __init__(self, others: Application) -> None:
        self._others = others
        self._callers = Callers()
        self._answers = Answers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        head = fetching_head(scope) if scope["path"] == PATH else None
        if head is None:
            await self._others(scope, receive, send)
            return
        bind_request_id(head.request_id)
        try:
            await self._serve(head, scope["query_string"].decode("latin-1"), receive, send)
        except (PeerLeft, OSError):
            logger.debug("A device left before its answer")

    async def _serve(self, head: Head, query: str, receive: Receive, send: Send) -> None:
        try:
            body = await self._take(head, query, receive)
        except errors.HomepotError as error:
            await self._answers.refuse(head, error, send)
        else:
            await self._answers.give(head, body, send)
            failpoint("devicelink.replies.sent")

    async def _take(self, head: Head, query: str, receive: Receive) -> dict[str, Any]:
        try:
            await read_body(receive, 0)
            asked = fetching.read_query(query)
            caller = await self._callers.admit(head)
            fetched = await self._wait(head, caller, asked, receive)
            return fetched.body(asked, timezone.now())
        except (errors.HomepotError, PeerLeft):
            raise
        except (OperationalError, InterfaceError, asyncio.CancelledError):
            # What was handed out is handed out again when it is not answered.
            raise errors.Unavailable(retry_after=2) from None
        except Exception:
            logger.exception("Commands could not be fetched")
            raise errors.InternalError from None

    async def _wait(
        self, head: Head, caller: KnownCaller, asked: Asked, receive: Receive
    ) -> Fetched:
        runtime = device_runtime.current()
        if runtime is None or not asked.wait_s or len(runtime.polls) >= settings.MAX_DEVICE_SOCKETS:
            return await self._fetch(head, caller, asked)
        left = asyncio.ensure_future(_until_left(receive))
        try:
            with runtime.polls.waiting(caller.device_id) as poll:
                fetched = await self._look(head, caller, asked, runtime.polls, poll, left)
            runtime.polls.note_told(caller.device_id, fetched.documents)
            return fetched
        finally:
            left.cancel()

    async def _look(
        self,
        head: Head,
        caller: KnownCaller,
        asked: Asked,
        polls: Polls,
        poll: Poll,
        left: asyncio.Future[None],
    ) -> Fetched:
        """Look until there is something, the time is up, or the device has gone."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            poll.expect()
            fetched = await self._fetch(head, caller, asked)
            wait_s = began + min(asked.wait_s, fetched.patience_s) - loop.time()
            is_news = fetched.commands or polls.is_news(caller.device_id, fetched.documents)
            if is_news or wait_s <= 0 or poll.is_over:
                return fetched
            news = asyncio.ensure_future(poll.news())
            try:
                await asyncio.wait(
                    {news, left}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                if left.done():
                    # Nothing is taken for who would not get it.
                    raise PeerLeft
                if not news.done() or poll.is_over:
                    return fetched
            finally:
                news.cancel()
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _fetch(self, head: Head, caller: KnownCaller, asked: Asked) -> Fetched:
        fetched = await run_in_database_thread(fetching.fetch, caller, asked, timezone.now())
        if fetched is not None:
            return fetched
        # The key was good when it was remembered; asked again, it is told what it is now.
        self._callers.forget(head)
        caller = await self._callers.admit(head)
        fetched = await run_in_database_thread(fetching.fetch, caller, asked, timezone.now())
        if fetched is None:
            raise errors.Unavailable(retry_after=1)
        return fetched


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
