"""What a device socket costs at least in Channels: a stock consumer that does nothing."""

from __future__ import annotations

import sys
from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from benchmarks.echo_server import echo
from homepot.serving.server import make_server

settings.configure()
django.setup()


class BareConsumer(AsyncWebsocketConsumer):
    """Accepts, and waits for what never comes."""


_consumer = BareConsumer.as_asgi()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Sockets to the consumer, the rest as the echo server answers it."""
    await (_consumer if scope["type"] == "websocket" else echo)(scope, receive, send)


if __name__ == "__main__":
    make_server(application, host="127.0.0.1", port=int(sys.argv[1])).run()
