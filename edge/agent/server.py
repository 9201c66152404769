"""One HTTP request to the server, with the standard library alone."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from edge.agent import VERSION
from edge.agent.config import is_local
from edge.agent.errors import ServerUnavailable
from edge.protocol import strict_json

_TIMEOUT_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; ``body`` is None when it was no JSON we accept."""

    status: int
    body: Any
    retry_after: float | None

    @property
    def members(self) -> dict[str, Any]:
        """The members of the body, none when it is no object."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def code(self) -> str:
        """The stable code of a refusal, empty without one."""
        return str(self.members.get("code", ""))

    @property
    def message(self) -> str:
        """Why the server refused, for people."""
        message, details = (
            self.members.get("message", "no reason given"),
            self.members.get("details"),
        )
        return f"{message} {details}" if details else str(message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is never sent on to an address nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def call(
    method: str, url: str, path: str, *, headers: Mapping[str, str], body: Any = None
) -> Answer:
    """Return the answer, whatever its status; raises ``ServerUnavailable`` when none came.

    Blocks for as long as the network takes.
    """
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked by config
        url + path,
        data=None if body is None else strict_json.dumps(body).encode(),
        method=method,
        headers={
            "Accept": "application/json",
            "User-Agent": f"homepot-agent/{VERSION}",
            **({} if body is None else {"Content-Type": "application/json"}),
            **headers,
        },
    )
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_local(url):
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


def seconds_of(retry_after: str | None) -> float | None:
    """Return what a Retry-After header asks for, when it says so in seconds."""
    text = retry_after or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _read(status: int, stream: Any, retry_after: str | None) -> Answer:
    try:
        body = strict_json.loads(stream.read(_MAX_ANSWER_BYTES + 1))
    except strict_json.StrictJSONError:
        body = None
    return Answer(status, body, seconds_of(retry_after))
