"""One browser socket: a bounded queue out, a handful of small messages in."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from edge.protocol import strict_json
from edge.protocol.close_codes import CloseCode
from edge.protocol.codec import format_moment
from edge.protocol.strict_json import StrictJSONError
from kernel import realtime
from kernel.sockets import PeerGone, Socket, Strikes, TokenBucket
from ops.consumers.feeds import Frame, read_stretch, refetch_frame
from ops.consumers.viewers import Sight, Viewer

if TYPE_CHECKING:
    from ops.consumers.runtime import Runtime

logger = logging.getLogger(__name__)

# A browser this far behind is gone or will be quicker when it comes back and fetches afresh.
QUEUED_FRAMES = 256
_MAX_FRAME_BYTES = 4096
_MESSAGES_PER_SECOND = 10.0
_MESSAGE_BURST = 40.0
_ERRORS_PER_MINUTE = 20
_CATCH_UP_PAUSE_SECONDS = 0.02
# After these a device may stand at another site than before.
_MOVES = frozenset({"device_added", "device_updated", "device_removed"})


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the socket ends."""

    code: int
    reason: str


GONE = Ending(1000, "")
RESTARTING = Ending(1012, "server restart")
SESSION_ENDED = Ending(4401, "session ended")
SLOW_READER = Ending(CloseCode.TOO_MANY, "slow reader")
TOO_FAST = Ending(CloseCode.TOO_MANY, "too many messages")
TOO_MANY_ERRORS = Ending(CloseCode.PROTOCOL_ERROR, "too many unusable frames")
TOO_LARGE = Ending(CloseCode.TOO_LARGE, "frame too large")
UNAVAILABLE = Ending(CloseCode.TRY_AGAIN_LATER, "unavailable")


class ClientConnection:
    """A viewer's socket for as long as it is open."""

    def __init__(self, socket: Socket, viewer: Viewer, runtime: Runtime) -> None:
        loop = asyncio.get_running_loop()
        self.viewer = viewer
        self._socket = socket
        self._runtime = runtime
        self._ended: asyncio.Future[Ending] = loop.create_future()
        self._sight = viewer.sight
        # Each frame with the tenant it tells of.
        self._queue: deque[tuple[int | None, str]] = deque()
        self._news = asyncio.Event()
        # The last number this socket was sent of each stream; none while it is catching up.
        self._sent: dict[int, int] = {}
        # Where the viewer is limited to sites: the last number they know of.
        self._shown: dict[int, int] = {}
        self._is_following = False
        self._catching_up: dict[int, asyncio.Task[None]] = {}
        self._rate = TokenBucket(rate=_MESSAGES_PER_SECOND, burst=_MESSAGE_BURST)
        self._errors = Strikes(limit=_ERRORS_PER_MINUTE, window_s=60)

    async def run(self) -> Ending:
        """Serve the socket until something ends it; returns what did."""
        topic = realtime.user_topic(self.viewer.user_id)
        subscription = realtime.hub().subscribe(topic, self._on_user_hint)
        tasks: list[asyncio.Task[None]] = []
        try:
            self._sent = await self._runtime.feeds.join(self, dict(self._sight.tenants))
            self._shown = {key: self._sent[key] for key in self._sight.limits}
            self._queue.appendleft((None, self._hello()))
            self._is_following = True
            tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]
            ending = await self._ended
        finally:
            realtime.hub().unsubscribe(subscription)
            self._runtime.feeds.leave(self, self._sight.tenants.keys())
            self._queue.clear()
            await _cancel([*tasks, *self._catching_up.values()])
        await self._socket.close(ending.code, ending.reason)
        return ending

    def end(self, ending: Ending) -> None:
        """End the socket; of several reasons the first counts."""
        if not self._ended.done():
            self._ended.set_result(ending)

    # What the feeds tell

    def show(self, tenant_id: int, seq: int, frame: Frame) -> None:
        """Send the next frame of a stream, unless it was sent or is about to be fetched."""
        sent = self._sent.get(tenant_id)
        if sent is None or tenant_id in self._catching_up or seq <= sent:
            return
        if seq > sent + 1:
            self._catch_up(tenant_id)
            return
        self._sent[tenant_id] = seq
        if text := self._text_for_viewer(tenant_id, frame):
            self._put(text, tenant_id)

    def show_unnumbered(self, tenant_id: int, frame: Frame) -> None:
        """Send a frame that may be lost, while there is plenty of room."""
        is_meant = self._sight.shows(tenant_id, frame.device_uid)
        if is_meant and len(self._queue) < QUEUED_FRAMES // 2:
            self._put(frame.text, tenant_id)

    def skip_to(self, tenant_id: int, seq: int, text: str) -> None:
        """Have the browser fetch afresh and go on from `seq`."""
        if self._sent.get(tenant_id, seq) < seq and tenant_id not in self._catching_up:
            self._sent[tenant_id] = self._shown[tenant_id] = seq
            self._put(text, tenant_id)

    def _text_for_viewer(self, tenant_id: int, frame: Frame) -> str:
        """The frame for this viewer; empty for what is not theirs to hear.

        Numbers they are not told leave gaps: `after` says that nothing of theirs is in this one.
        """
        if tenant_id not in self._sight.limits:
            return frame.text
        if frame.kind in _MOVES:
            self._runtime.recheck_soon()
        text = self._sight.narrowed(tenant_id, frame)
        if frame.seq is None or not text:
            return ""
        after = self._shown.get(tenant_id, frame.seq - 1)
        self._shown[tenant_id] = frame.seq
        return f'{text[:-1]},"after":{after}}}'

    # What the viewer may see

    async def see(self, sight: Sight) -> None:
        """Follow what the viewer may see now, and nothing else from here on."""
        if sight == self._sight or not self._is_following or self._ended.done():
            return
        before, self._sight = self._sight, sight
        gone = before.tenants.keys() - sight.tenants.keys()
        for tenant_id in gone:
            self._forget(tenant_id)
        self._runtime.feeds.leave(self, gone)
        new = {key: uid for key, uid in sight.tenants.items() if key not in before.tenants}
        try:
            self._sent |= await self._runtime.feeds.join(self, new) if new else {}
        except Exception:
            # A new connection begins with all that is theirs.
            logger.exception("A browser could not join its streams")
            self.end(UNAVAILABLE)
            return
        self._shown = {key: self._sent[key] for key in sight.limits}
        streams = self._streams()
        self._put(strict_json.dumps({"type": "streams", "streams": streams}))

    def _forget(self, tenant_id: int) -> None:
        self._sent.pop(tenant_id, None)
        if task := self._catching_up.pop(tenant_id, None):
            task.cancel()
        kept = [entry for entry in self._queue if entry[0] != tenant_id]
        self._queue.clear()
        self._queue.extend(kept)

    def _streams(self) -> dict[str, int]:
        return {self._sight.tenants[key]: seq for key, seq in self._sent.items()}

    def _put(self, text: str, tenant_id: int | None = None) -> None:
        if len(self._queue) >= QUEUED_FRAMES:
            self._queue.clear()
            self.end(SLOW_READER)
        elif not self._ended.done():
            self._queue.append((tenant_id, text))
            self._news.set()

    def _on_user_hint(self, message: realtime.Message) -> None:
        # Whatever it says: the database tells which sessions have ended and who belongs where.
        self._runtime.recheck_soon()

    # Out

    def _hello(self) -> str:
        self._news.set()
        now = format_moment(timezone.now())
        return strict_json.dumps({"type": "hello", "server_time": now, "streams": self._streams()})

    async def _write(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._queue:
                    await self._socket.send(self._queue.popleft()[1])
        except PeerGone:
            self.end(GONE)

    # In

    async def _read(self) -> None:
        try:
            while not self._ended.done():
                self._take(await self._socket.receive())
        except PeerGone:
            self.end(RESTARTING if self._socket.close_code == RESTARTING.code else GONE)
        except Exception:
            logger.exception("A browser socket failed")
            self.end(UNAVAILABLE)

    def _take(self, text: str | bytes) -> None:
        if len(text) > _MAX_FRAME_BYTES:
            self.end(TOO_LARGE)
        elif not self._rate.take():
            self.end(TOO_FAST)
        else:
            self._dispatch(_decoded(text))

    def _dispatch(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "ping":
            self._put('{"type":"pong"}')
        elif kind == "resume" and _is_resume(message.get("streams")):
            self._resume(message["streams"])
        elif self._errors.add():
            self.end(TOO_MANY_ERRORS)
        else:
            code = "malformed" if not isinstance(kind, str) else "unknown_type"
            code = "invalid_field" if kind == "resume" else code
            text = "Send a JSON object of type resume or ping."
            self._put(strict_json.dumps({"type": "error", "code": code, "message": text}))

    def _resume(self, streams: dict[str, int]) -> None:
        # A tenant that is not the viewer's is passed over like one that does not exist.
        for tenant_id, uid in self._sight.tenants.items():
            seq = streams.get(uid)
            if seq is None or tenant_id in self._catching_up or tenant_id not in self._sent:
                continue
            self._shown[tenant_id] = seq
            if seq != self._sent[tenant_id]:
                self._sent[tenant_id] = seq
                self._catch_up(tenant_id)

    def _catch_up(self, tenant_id: int) -> None:
        task = asyncio.create_task(self._fetch_missed(tenant_id))
        self._catching_up[tenant_id] = task

    async def _fetch_missed(self, tenant_id: int) -> None:
        uid = self._sight.tenants[tenant_id]
        try:
            while True:
                stretch = await read_stretch(tenant_id, uid, self._sent[tenant_id])
                if stretch.frames is None:
                    self._shown[tenant_id] = stretch.last
                    self._put(refetch_frame(uid, stretch.last), tenant_id)
                for _, frame in stretch.frames or ():
                    await self._room()
                    if text := self._text_for_viewer(tenant_id, frame):
                        self._put(text, tenant_id)
                self._sent[tenant_id] = stretch.last
                # No await from here on: the feed goes on where this ends.
                if self._sent[tenant_id] >= self._runtime.feeds.position(tenant_id):
                    break
                await asyncio.sleep(_CATCH_UP_PAUSE_SECONDS)
        except Exception:
            logger.exception("A browser could not be brought up to date")
            self.end(UNAVAILABLE)
        finally:
            if self._catching_up.get(tenant_id) is asyncio.current_task():
                del self._catching_up[tenant_id]

    async def _room(self) -> None:
        # What was asked for may be longer than the queue; it waits for the reader instead.
        while len(self._queue) >= QUEUED_FRAMES // 2 and not self._ended.done():
            await asyncio.sleep(_CATCH_UP_PAUSE_SECONDS)


def _decoded(text: str | bytes) -> dict[str, Any]:
    """The message, or an empty one when it is none."""
    if isinstance(text, bytes):
        return {}
    try:
        message = strict_json.loads(text, max_bytes=_MAX_FRAME_BYTES, max_depth=4)
    except StrictJSONError:
        return {}
    return message if isinstance(message, dict) else {}


def _is_resume(streams: object) -> bool:
    if not isinstance(streams, dict):
        return False
    return all(type(seq) is int and seq >= 0 for seq in streams.values())


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
