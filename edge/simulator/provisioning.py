"""Asking the server for an identity: one small HTTP request, without a thread per device."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from edge.protocol import strict_json
from edge.simulator import VERSION
from edge.simulator.errors import DeviceRefused, ServerUnavailable
from edge.simulator.profiles import RELAY, DeviceProfile
from edge.simulator.state_directory import Identity

PATH: Final = "/api/v1/provision/register"
_TIMEOUT_S: Final = 15.0
_MAX_ANSWER_BYTES: Final = 131_072
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_TRY_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

_REFUSALS: Final = {
    401: "the server does not accept the key in DEVICE_PROVISION_KEY",
    403: "the server does not accept the key in DEVICE_PROVISION_KEY",
    404: "there is no Homepot at this address: check --url",
    426: "the server wants an encrypted connection: use https:// in --url",
}


@dataclass(frozen=True, slots=True)
class Registration:
    """What a simulated device says of itself."""

    hardware_id: str
    name: str
    relay_count: int
    kind: DeviceProfile = RELAY

    def to_plain(self) -> dict[str, Any]:
        """Return the body of the request."""
        return {
            "hardware_id": self.hardware_id,
            "device_class": self._device_class(),
            "device_type": self.kind.device_type,
            "model": self.name,
            "firmware_version": VERSION,
            "capabilities": list(self.kind.capabilities),
            "relay_count": self.relay_count,
            "is_simulated": True,
        }

    def _device_class(self) -> str:
        is_bare_board = self.kind is RELAY and not self.relay_count
        return "sensor_hub" if is_bare_board else self.kind.device_class


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any
    retry_after: float | None


async def register(
    url: str,
    registration: Registration,
    *,
    provision_key: str,
    idempotency_key: str,
    former: Identity | None = None,
) -> Identity:
    """Return a new identity; raises ``DeviceRefused``, or ``ServerUnavailable`` to try again.

    The same idempotency key gets the same answer again. The key of a life that ended goes along
    as proof of who asks.
    """
    keys = {"X-Provision-Key": provision_key, "Idempotency-Key": idempotency_key}
    if former is not None:
        keys |= {"X-Device-ID": former.device_uid, "X-API-Key": former.device_token}
    body = strict_json.dumps(registration.to_plain()).encode()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            answer = _parsed(await _exchange(urlsplit(url), body, keys))
    except (OSError, TimeoutError, EOFError) as fault:
        raise ServerUnavailable(f"the server cannot be reached: {fault!r}") from None
    if answer.status in (200, 201):
        return _identity(answer.body)
    raise _refusal(answer)


async def _exchange(address: SplitResult, body: bytes, keys: Mapping[str, str]) -> bytes:
    port = address.port or _DEFAULT_PORTS[address.scheme]
    reader, writer = await asyncio.open_connection(
        address.hostname, port, ssl=True if address.scheme == "https" else None
    )
    try:
        # 1.0 on purpose: the answer is neither chunked nor kept open, and ends with the stream.
        head = (
            f"POST {address.path.rstrip('/')}{PATH} HTTP/1.0\r\n"
            f"Host: {address.netloc}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\n{_lines(keys)}"
            f"User-Agent: homepot-simulator/{VERSION}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode("latin-1") + body)
        await writer.drain()
        return await _all_of(reader)
    finally:
        writer.close()


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    received = b""
    while len(received) <= _MAX_ANSWER_BYTES:
        part = await reader.read(65_536)
        if not part:
            return received
        received += part
    raise EOFError("the answer is too long")


def _parsed(raw: bytes) -> _Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = lines[0].split(" ")[1:2]
    if not lines[0].startswith("HTTP/1.") or not status or not status[0].isdigit():
        raise EOFError("the answer is not HTTP")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    try:
        document = strict_json.loads(body)
    except strict_json.StrictJSONError:
        document = None
    return _Answer(int(status[0]), document, _seconds(headers.get("retry-after", "")))


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _identity(body: Any) -> Identity:
    members = body if isinstance(body, dict) else {}
    uid, token = members.get("device_uid"), members.get("device_token")
    if not isinstance(uid, str) or not isinstance(token, str):
        raise DeviceRefused("the answer holds no key; is this a Homepot address?")
    return Identity(
        device_uid=uid,
        device_token=token,
        claim_code=members.get("claim_code"),
        claim_expires_at=members.get("claim_expires_at"),
    )


def _refusal(answer: _Answer) -> Exception:
    members = answer.body if isinstance(answer.body, dict) else {}
    code = str(members.get("code", ""))
    if code == "already_paired":
        return DeviceRefused(
            "this hardware is already paired, but its key is not in the state directory:"
            " pass the --state-dir it was made in, another --seed, or unpair the device"
        )
    if answer.status in _TRY_LATER:
        return ServerUnavailable(f"HTTP {answer.status} {code}", retry_after=answer.retry_after)
    reason = _REFUSALS.get(answer.status, str(members.get("message", "no reason given")))
    return DeviceRefused(f"HTTP {answer.status}: {reason}")
