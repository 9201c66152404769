"""The bare floor of a socket: a raw ASGI echo under the product's own server settings."""

from __future__ import annotations

import sys
from typing import Any

from homepot.serving.server import make_server


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send back every text frame; an HTTP request is answered 200."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _live(receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


if __name__ == "__main__":
    make_server(echo, host="127.0.0.1", port=int(sys.argv[1])).run()
