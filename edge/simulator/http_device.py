"""One simulated device that calls over HTTP: readings, results and reports up, and asking for more."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Any, Final

from edge.protocol import codec, messages
from edge.simulator import frames, polling
from edge.simulator.device_calls import NO_CODE, CallFailed, CallingDevice
from edge.simulator.driver import moment
from edge.simulator.effects import Ping, Send
from edge.simulator.http_client import Answer

_NOT_FOUND: Final = 404
# Answers after which there is nothing to say again: taken, or refused for what it says.
_SETTLED: Final = frozenset({200, 202, 400, 404, 409, 422})
_READINGS_SETTLED: Final = frozenset({202, 400})
_READINGS: Final = frozenset({messages.Telemetry.type, messages.SensorReport.type, ""})
# Between an answer with something to do and the next question.
_BREATH_S: Final = 0.1


class HttpDevice(CallingDevice):
    """Keeps its readings until a 202 acknowledges them, and asks what it is to do.

    A span in which calls succeed is to its core what a connection is; the first failure ends it.
    """

    async def _connection(self) -> int:
        self._outbox: deque[str | bytes] = deque()
        self._phrasing = polling.Phrasing()
        self._may_ask = self._wire.polls is not None
        self._asked_at = float("-inf")
        await self._welcome_itself()
        try:
            while not self._was_dropped:
                await self._call_all()
                await self._perform(self.core.due(moment()))
                if not self._outbox and not self._was_dropped:
                    await self._ask_or_sleep()
        except CallFailed as failed:
            return failed.code
        return NO_CODE

    async def _speak(self, effect: Send | Ping) -> None:
        if isinstance(effect, Ping):
            # Nothing stays open here: silence between two calls is no sign of anything.
            self.core.heard(moment())
        elif not self._was_dropped:
            self._outbox.append(effect.frame)

    def _break(self) -> None:
        self._outbox.clear()
        self._woken.set()

    async def _call_all(self) -> None:
        while self._outbox and not self._was_dropped:
            frame = self._outbox.popleft()
            call = self._phrasing.call_for(
                frame, uid=self._identity.device_uid, reported=self.core.flash.reported
            )
            if call is None:
                continue
            answer = await self._call(
                call.method, call.path, call.body, content_type=call.content_type
            )
            if not self._was_dropped:
                await self._judge(call.kind, frame, answer)

    async def _judge(self, kind: str, frame: str | bytes, answer: Answer) -> None:
        if answer.status not in (_READINGS_SETTLED if kind in _READINGS else _SETTLED):
            raise self._failure(answer)
        self._was_heard()
        self.core.told(frame)
        answered = _acknowledged(kind, frame, answer)
        if answered is not None:
            await self._perform(self.core.received(codec.encode(answered), moment()))

    def _was_heard(self) -> None:
        self._refusals, self.line.is_open = 0, True
        now = moment()
        self.line.heard_at = now.wall
        self.core.heard(now)

    # Asking

    async def _ask_or_sleep(self) -> None:
        """Ask what there is to do, until something is due; a frozen device asks nothing."""
        is_frozen = self.core.frozen_until > time.monotonic()
        since_s = time.monotonic() - self._asked_at
        if is_frozen or not self._may_ask or since_s < self._wire.poll_every_s:
            await self._sleep_until_due()
            return
        wait_s = min(self._wire.poll_wait_s, int(super()._until_due()))
        answer = await self._unless_woken(wait_s)
        self._asked_at = time.monotonic()
        if answer is not None and not self._was_dropped:
            await self._take_answer(answer)

    def _until_due(self) -> float:
        until_due = super()._until_due()
        if not self._may_ask:
            return until_due
        return min(until_due, max(0.0, self._asked_at + self._wire.poll_every_s - time.monotonic()))

    async def _unless_woken(self, wait_s: int) -> Answer | None:
        self._woken.clear()
        asking = asyncio.ensure_future(
            self._call("GET", polling.pending_path(wait_s=wait_s), pool=self._wire.polls)
        )
        waking = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({asking, waking}, return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else None
        finally:
            waking.cancel()
            asking.cancel()
            with contextlib.suppress(CallFailed, asyncio.CancelledError):
                await asking

    async def _take_answer(self, answer: Answer) -> None:
        if answer.status == _NOT_FOUND:
            # A server that has no such question: this device only reports.
            self._may_ask = False
            return
        if answer.status != 200:
            raise self._failure(answer)
        self._was_heard()
        told = polling.server_time_in(answer.body)
        if told is not None:
            self.core.told_time(told, moment())
        said = polling.messages_in(answer.body)
        if said:
            self._asked_at += _BREATH_S - self._wire.poll_every_s
        for message in said:
            if self._was_dropped:
                return
            await self._perform(self.core.received(codec.encode(message), moment()))


def _acknowledged(
    kind: str, frame: str | bytes, answer: Answer
) -> messages.TelemetryAck | messages.TwinAck | None:
    plain, body = frames.plain(frame) or {}, answer.body if isinstance(answer.body, dict) else {}
    if kind == messages.TwinReported.type:
        is_taken = answer.status == 200 and isinstance(plain.get("report_id"), str)
        return messages.TwinAck(plain["report_id"], 0) if is_taken else None
    details = body.get("details")
    told: dict[str, Any] = details if isinstance(details, dict) else {}
    acked_seq = body.get("acked_seq", told.get("acked_seq"))
    boot_id = plain.get("boot_id")
    if not isinstance(boot_id, str) or type(acked_seq) is not int:
        return None
    return messages.TelemetryAck(boot_id, acked_seq)
