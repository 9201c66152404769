"""One simulated device that calls over HTTP: nothing but batches of readings, and their answers."""

from collections import deque
from typing import Any, Final

from edge.protocol import codec, messages, strict_json
from edge.protocol.close_codes import CloseCode
from edge.simulator import VERSION
from edge.simulator.driver import LiveDevice, moment
from edge.simulator.effects import Ping, Send
from edge.simulator.http_client import Answer

_PATHS: Final = {
    messages.Telemetry.type: "/api/v1/analytics/device-metrics",
    messages.SensorReport.type: "/api/v1/devices/sensor-report",
}
_MALFORMED_PATH: Final = _PATHS[messages.Telemetry.type]
_NO_CODE: Final = 1006
_NO_HEARTBEAT_S: Final = 3_600
# A server may lose sight of a key for a moment; a device whose key is gone stops.
_REFUSALS_BORNE: Final = 5
_UNPAIRED: Final = "device_unpaired"


class _CallFailed(Exception):
    """The server did not take a call; the code says what to do."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class HttpDevice(LiveDevice):
    """Keeps its readings until a 202 acknowledges them.

    A span in which calls succeed is to its core what a connection is; the first failure ends it.
    """

    _refusals: int = 0

    async def _connection(self) -> int:
        self._outbox: deque[str | bytes] = deque()
        await self._perform(self.core.connected(moment()))
        welcome = messages.Welcome(0, moment().wall, _NO_HEARTBEAT_S)
        await self._perform(self.core.received(codec.encode(welcome), moment()))
        try:
            while not self._was_dropped:
                await self._call_all()
                await self._perform(self.core.due(moment()))
                if not self._outbox and not self._was_dropped:
                    await self._sleep_until_due()
        except _CallFailed as failed:
            return failed.code
        return _NO_CODE

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
            path, body = _call_of(frame)
            if path is None:
                continue
            answer = await self._post(path, body)
            if not self._was_dropped:
                await self._judge(frame, answer)

    async def _post(self, path: str, body: bytes) -> Answer:
        pool = self._wire.http
        if pool is None:
            raise RuntimeError("a device over HTTP needs a pool")
        headers = {
            "X-Device-ID": self._identity.device_uid,
            "X-API-Key": self._identity.device_token,
            "User-Agent": f"homepot-simulator/{VERSION}",
        }
        self.line.spoke_at = moment().wall
        try:
            return await pool.post(path, body, headers)
        except (OSError, EOFError, TimeoutError):
            raise _CallFailed(_NO_CODE) from None

    async def _judge(self, frame: str | bytes, answer: Answer) -> None:
        if answer.status in (202, 400):
            self._refusals, self.line.is_open = 0, True
            now = moment()
            self.line.heard_at = now.wall
            self.core.heard(now)
            acked = _acknowledged(frame, answer)
            if acked is not None:
                await self._perform(self.core.received(codec.encode(acked), now))
            return
        if isinstance(answer.body, dict) and answer.body.get("code") == _UNPAIRED:
            raise _CallFailed(CloseCode.UNPAIRED)
        if answer.status == 401:
            self._refusals += 1
            if self._refusals >= _REFUSALS_BORNE:
                raise _CallFailed(CloseCode.BAD_CREDENTIALS)
        self._stay_away_s = max(self._stay_away_s, answer.retry_after or 0.0)
        raise _CallFailed(answer.status)


def _call_of(frame: str | bytes) -> tuple[str | None, bytes]:
    """Return the address and the body a message has over HTTP; no address: it has none.

    The body is the frame: the member `type` that it has besides is nobody's business there.
    """
    if isinstance(frame, bytes):
        return _MALFORMED_PATH, frame
    for kind, path in _PATHS.items():
        if frame.startswith(f'{{"type":"{kind}"'):
            return path, frame.encode()
    return (None if _plain(frame) else _MALFORMED_PATH), frame.encode()


def _acknowledged(frame: str | bytes, answer: Answer) -> messages.TelemetryAck | None:
    plain, body = _plain(frame), answer.body if isinstance(answer.body, dict) else {}
    details = body.get("details")
    told: dict[str, Any] = details if isinstance(details, dict) else {}
    acked_seq = body.get("acked_seq", told.get("acked_seq"))
    boot_id = plain.get("boot_id") if plain is not None else None
    if not isinstance(boot_id, str) or type(acked_seq) is not int:
        return None
    return messages.TelemetryAck(boot_id, acked_seq)


def _plain(frame: str | bytes) -> dict[str, Any] | None:
    try:
        found = strict_json.loads(frame)
    except strict_json.StrictJSONError:
        return None
    return found if isinstance(found, dict) else None
