"""An answer that waits for something without holding a thread or a connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse

from kernel.realtime import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Deferral:
    """Put on a response as `response.deferral`: the server sends the answer later.

    The serving bridge waits on `topic` for up to `timeout_s` for a message that `accept`s, then
    calls `resolve(message)` (None on timeout) on a web thread for the status and body to send.
    `is_light` says that resolving a message needs no database and may run on the event loop.
    Served by anything else, the response goes out as it is.
    """

    topic: str
    timeout_s: float
    accept: Callable[[Message], bool]
    resolve: Callable[[Message | None], HttpResponse]
    is_light: bool = False
