"""One simulated device that calls over HTTP: nothing but batches of readings, and their answers."""

from collections import deque
from typing import Any, Final

from edge.protocol import codec, messages
from edge.simulator import frames
from edge.simulator.device_calls import NO_CODE, CallFailed, CallingDevice
from edge.simulator.driver import moment
from edge.simulator.effects import Ping, Send
from edge.simulator.http_client import Answer

# By the kind of message; what no decoder may accept goes where it does most harm.
_PATHS: Final = {
    messages.Telemetry.type: "/api/v1/analytics/device-metrics",
    messages.SensorReport.type: "/api/v1/devices/sensor-report",
    "": "/api/v1/analytics/device-metrics",
}


class HttpDevice(CallingDevice):
    """Keeps its readings until a 202 acknowledges them.

    A span in which calls succeed is to its core what a connection is; the first failure ends it.
    """

    async def _connection(self) -> int:
        self._outbox: deque[str | bytes] = deque()
        await self._welcome_itself()
        try:
            while not self._was_dropped:
                await self._call_all()
                await self._perform(self.core.due(moment()))
                if not self._outbox and not self._was_dropped:
                    await self._sleep_until_due()
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

    async def _call_all(self) -> None:
        while self._outbox and not self._was_dropped:
            frame = self._outbox.popleft()
            kind = frames.kind_of(frame, _PATHS)
            if kind is None:
                continue
            # The body is the frame: the member `type` it has besides is nobody's business there.
            body = frame if isinstance(frame, bytes) else frame.encode()
            answer = await self._post(_PATHS[kind], body)
            if not self._was_dropped:
                await self._judge(frame, answer)

    async def _judge(self, frame: str | bytes, answer: Answer) -> None:
        if answer.status not in (202, 400):
            raise self._failure(answer)
        self._refusals, self.line.is_open = 0, True
        now = moment()
        self.line.heard_at = now.wall
        self.core.heard(now)
        acked = _acknowledged(frame, answer)
        if acked is not None:
            await self._perform(self.core.received(codec.encode(acked), now))


def _acknowledged(frame: str | bytes, answer: Answer) -> messages.TelemetryAck | None:
    plain, body = frames.plain(frame), answer.body if isinstance(answer.body, dict) else {}
    details = body.get("details")
    told: dict[str, Any] = details if isinstance(details, dict) else {}
    acked_seq = body.get("acked_seq", told.get("acked_seq"))
    boot_id = plain.get("boot_id") if plain is not None else None
    if not isinstance(boot_id, str) or type(acked_seq) is not int:
        return None
    return messages.TelemetryAck(boot_id, acked_seq)
