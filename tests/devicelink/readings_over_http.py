"""Two ways to the same route, and a device that keeps its readings until they are acknowledged."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rest_framework.test import APIClient

from devicelink.http.door import PATH
from homepot.serving.application import Application
from kernel import realtime
from telemetry.models import Reading
from tests.devicelink.household import Board
from tests.devicelink.serving import LOOPBACK, LiveServer


@dataclass(frozen=True)
class Answer:
    """One answer, by whichever door."""

    status: int
    headers: dict[str, str]
    body: Any


Call = Callable[..., Answer]


class ProductServer(LiveServer):
    """The whole ASGI application behind a real uvicorn."""

    def __init__(self) -> None:
        super().__init__()
        self.application = Application()

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            realtime._process.bus = None
        await self.application(scope, receive, send)

    def call(  # type: ignore[override]
        self, body: Any, *, method: str = "POST", path: str = PATH, **headers: str
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        try:
            connection.request(method, path, in_bytes(body), spelled(headers))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        shown = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, shown, as_json(content))


def call_django(
    body: Any, *, method: str = "POST", path: str = PATH, address: str = LOOPBACK, **headers: str
) -> Answer:
    """The same request to Django alone, as under another server."""
    sent = spelled(headers)
    response = APIClient().generic(
        method,
        path,
        in_bytes(body),
        content_type=sent.pop("Content-Type"),
        headers=sent,
        REMOTE_ADDR=address,
    )
    shown = {name.lower(): value for name, value in response.items()}
    return Answer(response.status_code, shown, as_json(response.content))


def in_bytes(body: Any) -> bytes:
    """A body as it is, or as JSON."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def as_json(content: bytes) -> Any:
    """What the content says, or the content."""
    try:
        return json.loads(content)
    except ValueError:
        return content


def spelled(headers: dict[str, str]) -> dict[str, str]:
    """`X_Device_ID` as it is written in HTTP; the content is JSON unless said otherwise."""
    return {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


def keys_of(board: Board) -> dict[str, str]:
    """The headers by which a board proves itself."""
    return {"X_Device_ID": board.uid, "X_API_Key": board.token}


def reading(seq: int, **metrics: float) -> dict[str, Any]:
    """A reading with a number."""
    return {"seq": seq, "metrics": metrics or {"cpu_percent": float(seq)}}


def batch(*seqs: int, boot_id: str = "b1") -> dict[str, Any]:
    """A batch of such readings."""
    return {"boot_id": boot_id, "readings": [reading(seq) for seq in seqs]}


def stored() -> list[tuple[str, int]]:
    """Boot and number of everything in the database, in order of arrival."""
    rows = Reading.objects.unscoped("tests look at everything").order_by("pk")
    return list(rows.values_list("boot_id", "seq"))


@dataclass
class Agent:
    """Keeps what it measured until the server has acknowledged it, as its duties say."""

    call: Call
    board: Board
    boot_id: str = "agent-boot"
    waiting: dict[int, dict[str, Any]] = field(default_factory=dict)
    measured: int = 0

    def measure(self, count: int) -> None:
        """Take readings and keep them."""
        for _ in range(count):
            self.measured += 1
            self.waiting[self.measured] = reading(self.measured)

    def send(self, most: int = 100, *, is_compressed: bool = True) -> Answer | None:
        """Send the oldest; forget exactly what is acknowledged. None when nobody answered."""
        chosen = [self.waiting[seq] for seq in sorted(self.waiting)[:most]]
        body = in_bytes({"boot_id": self.boot_id, "readings": chosen})
        headers = keys_of(self.board)
        if is_compressed:
            body, headers = gzip.compress(body), headers | {"Content_Encoding": "gzip"}
        try:
            answer = self.call(body, **headers)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status == 202:
            for seq in [seq for seq in self.waiting if seq <= answer.body["acked_seq"]]:
                del self.waiting[seq]
        return answer
