"""Devices that call the server with their own key, and what a refusal of it means."""

from collections.abc import Mapping
from typing import Any, Final

from edge.protocol import codec, messages
from edge.protocol.close_codes import CloseCode
from edge.simulator import VERSION
from edge.simulator.driver import LiveDevice, moment
from edge.simulator.http_client import Answer, HttpPool

NO_CODE: Final = 1006
_NO_HEARTBEAT_S: Final = 3_600
# A server may lose sight of a key for a moment; a device whose key is gone stops.
_REFUSALS_BORNE: Final = 5
_UNPAIRED: Final = "device_unpaired"


class CallFailed(Exception):
    """The server did not take a call; the code says what to do."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class CallingDevice(LiveDevice):
    """A device on a wire that has no session: it welcomes itself."""

    _refusals: int = 0

    async def _post(self, path: str, body: bytes) -> Answer:
        """Return the answer, whatever it is; raises ``CallFailed`` when none came."""
        return await self._call("POST", path, body)

    async def _call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        pool: HttpPool | None = None,
    ) -> Answer:
        """Do the same with any method, over the connections of the fleet or others."""
        headers: Mapping[str, str] = {
            "X-Device-ID": self._identity.device_uid,
            "X-API-Key": self._identity.device_token,
            "User-Agent": f"homepot-simulator/{VERSION}",
            "Accept": "application/json",
            **({"Content-Type": content_type} if body else {}),
        }
        self.line.spoke_at = moment().wall
        try:
            return await (pool or self._wire.http).call(method, path, body, headers)
        except (OSError, EOFError, TimeoutError):
            raise CallFailed(NO_CODE) from None

    def _failure(self, answer: Answer) -> CallFailed:
        """Return what an answer that is no success means; a wait it asks for is kept."""
        self._stay_away_s = max(self._stay_away_s, answer.retry_after or 0.0)
        body: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
        if body.get("code") == _UNPAIRED:
            return CallFailed(CloseCode.UNPAIRED)
        if answer.status == 401:
            self._refusals += 1
            if self._refusals >= _REFUSALS_BORNE:
                return CallFailed(CloseCode.BAD_CREDENTIALS)
        return CallFailed(answer.status)

    async def _welcome_itself(self) -> None:
        await self._perform(self.core.connected(moment()))
        welcome = messages.Welcome(0, moment().wall, _NO_HEARTBEAT_S)
        await self._perform(self.core.received(codec.encode(welcome), moment()))
