"""Asking the server for an identity, over plain HTTP from the standard library."""

import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from edge.agent import VERSION
from edge.agent.config import AgentConfig
from edge.agent.errors import AccessRefused, ServerUnavailable
from edge.agent.identity import Identity
from edge.protocol import strict_json

PATH: Final = "/api/v1/provision/register"
_TIMEOUT_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 65_536
_CREATED: Final = 201
_OK: Final = 200

_NO_KEY = (
    "this machine is not provisioned yet: set DEVICE_PROVISION_KEY to the key of the server"
    " (on the server's machine: the file provision_key in its data directory, or its settings)"
)
_REFUSALS: Final = {
    401: "the server does not accept the provisioning key in DEVICE_PROVISION_KEY",
    403: "the server does not accept the provisioning key in DEVICE_PROVISION_KEY",
    404: "there is no Homepot at this address: check --url",
    426: "the server wants an encrypted connection: use https:// in --url",
}


class AlreadyPaired(AccessRefused):
    """This hardware belongs to somebody and its key is not here."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any
    retry_after: float | None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A provisioning key is never sent on to an address nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def register(config: AgentConfig, *, hardware_id: str) -> Identity:
    """Return a new identity for this hardware; blocks for as long as the network takes.

    Raises ``AccessRefused`` when trying again cannot help and ``ServerUnavailable`` when it can.
    """
    if not config.provision_key:
        raise AccessRefused(_NO_KEY)
    answer = _post(config, _registration(config, hardware_id))
    if answer.status in (_OK, _CREATED):
        return _identity(config, hardware_id, answer.body)
    raise _refusal(answer)


def _registration(config: AgentConfig, hardware_id: str) -> dict[str, Any]:
    return {
        "hardware_id": hardware_id,
        "device_class": config.device_class,
        "device_type": "homepot_agent",
        "model": config.name,
        "firmware_version": VERSION,
        "capabilities": ["relay", "telemetry"] if config.relay_count else ["telemetry"],
        "relay_count": config.relay_count,
        "is_simulated": False,
    }


def _post(config: AgentConfig, body: dict[str, Any]) -> _Answer:
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked by config
        config.url + PATH,
        data=strict_json.dumps(body).encode(),
        method="POST",
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Provision-Key": config.provision_key,
            "User-Agent": f"homepot-agent/{VERSION}",
        },
    )
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if config.is_local:
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_S) as response:
            return _read(response.status, response, response.headers["Retry-After"])
    except urllib.error.HTTPError as refused:
        with refused:
            return _read(refused.code, refused, refused.headers["Retry-After"])
    except (OSError, HTTPException) as fault:
        reason = getattr(fault, "reason", None) or fault
        raise ServerUnavailable(f"the server cannot be reached: {reason}") from None


def _read(status: int, stream: Any, retry_after: str | None) -> _Answer:
    try:
        body = strict_json.loads(stream.read(_MAX_ANSWER_BYTES + 1))
    except strict_json.StrictJSONError:
        body = None
    return _Answer(status, body, seconds_of(retry_after))


def seconds_of(retry_after: str | None) -> float | None:
    """Return what a Retry-After header asks for, when it says so in seconds."""
    text = retry_after or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _refusal(answer: _Answer) -> Exception:
    code, message = _error_of(answer.body)
    if code == "already_paired":
        return AlreadyPaired(
            "this machine is already paired, but its key is not in the state directory:"
            " restore that directory, or unpair the device in Homepot and start again"
        )
    if answer.status in _REFUSALS:
        return AccessRefused(_REFUSALS[answer.status])
    if answer.status in (408, 409, 425, 429) or answer.status >= 500:
        return ServerUnavailable(
            f"the server asks to try again later (HTTP {answer.status} {code})",
            retry_after=answer.retry_after,
        )
    return AccessRefused(f"the server refused to provision (HTTP {answer.status}): {message}")


def _error_of(body: Any) -> tuple[str, str]:
    if not isinstance(body, dict):
        return "", "no reason given"
    details = body.get("details")
    message = str(body.get("message", "no reason given"))
    return str(body.get("code", "")), f"{message} {details}" if details else message


def _identity(config: AgentConfig, hardware_id: str, body: Any) -> Identity:
    members = body if isinstance(body, dict) else {}
    uid, token = members.get("device_uid"), members.get("device_token")
    if not isinstance(uid, str) or not isinstance(token, str) or not uid or not token:
        raise ServerUnavailable("the server's answer holds no key; is this a Homepot address?")
    return Identity(
        server_url=config.url,
        hardware_id=hardware_id,
        device_uid=uid,
        device_token=token,
        ws_url=_socket_url(config, members.get("ws_url")),
        claim_code=_text(members.get("claim_code")),
        claim_expires_at=_text(members.get("claim_expires_at")),
    )


def _socket_url(config: AgentConfig, offered: object) -> str:
    # A server behind a proxy may not know its own address, and a key that came over TLS must not
    # leave again without it.
    if not isinstance(offered, str):
        return config.socket_url
    scheme = urlsplit(offered).scheme
    secure = config.url.startswith("https:")
    return offered if scheme == "wss" or (scheme == "ws" and not secure) else config.socket_url


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
