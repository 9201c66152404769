"""Devices and strangers at a real broker, as the tests of accounts need them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rest_framework.response import Response
from rest_framework.test import APIClient

from edge.mqtt.client import Address, Client, ConnectionLost, Refused
from edge.mqtt.packets import V5, Publish
from tests.devicelink.household import Board
from tests.server_process import LOOPBACK
from tests.services import MosquittoServer

T = TypeVar("T")
ROUTE = "/api/v1/devices/self/mqtt"
SECONDS = 5.0


@dataclass(frozen=True)
class Login:
    """What somebody shows the broker."""

    username: str | None
    password: str | None
    client_id: str

    def with_client_id(self, client_id: str) -> Login:
        return Login(self.username, self.password, client_id)


def api_of(board: Board) -> APIClient:
    """The device as a caller of the API."""
    return APIClient(HTTP_X_DEVICE_ID=board.uid, HTTP_X_API_KEY=board.token)


def ask(board: Board) -> Response:
    """Have the device ask for its account."""
    answer: Response = api_of(board).post(ROUTE)
    return answer


def login_of(board: Board) -> Login:
    """The device's account, just asked for."""
    answer = ask(board)
    assert answer.status_code == 201, answer.data
    return Login(answer.data["username"], answer.data["password"], answer.data["client_id"])


async def connect(broker: MosquittoServer, login: Login, *, level: int = V5, **how: Any) -> Client:
    """A client with that login."""
    address = Address(LOOPBACK, broker.port, False, login.username, login.password)
    return await Client.connect(address=address, client_id=login.client_id, level=level, **how)


def is_let_in(broker: MosquittoServer, login: Login) -> bool:
    """Whether the broker takes the login right now."""

    async def attempt() -> bool:
        try:
            client = await connect(broker, login)
        except Refused as error:
            assert error.is_unauthorised
            return False
        await client.disconnect()
        return True

    return asyncio.run(attempt())


async def is_thrown_out(client: Client) -> bool:
    """Whether the broker ends the connection within some seconds."""
    try:
        async with asyncio.timeout(SECONDS):
            async for _ in client.messages():
                pass
    except ConnectionLost:
        return True
    except TimeoutError:
        return False
    return False


def standing(broker: MosquittoServer, login: Login, deed: Callable[[], T]) -> tuple[T, bool]:
    """Do something in a thread while a client stands with that login: what came of it, and
    whether it threw the client out."""

    async def run() -> tuple[T, bool]:
        client = await connect(broker, login)
        done = await asyncio.to_thread(deed)
        is_out = await is_thrown_out(client) if client.is_open else True
        client.close()
        return done, is_out

    return asyncio.run(run())


class Listener:
    """A client that keeps what it hears."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: list[Publish] = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self.client.messages():
            self.heard.append(message)

    async def hears(self, payload: bytes) -> bool:
        """Whether that payload arrives within some seconds."""
        return await within(lambda: any(m.payload == payload for m in self.heard))

    async def close(self) -> None:
        """Leave."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.client.close()


async def within(holds: Callable[[], bool]) -> bool:
    """Whether something comes true within some seconds."""
    for _ in range(int(SECONDS / 0.02)):
        if holds():
            return True
        await asyncio.sleep(0.02)
    return holds()


async def refused(deed: Awaitable[object]) -> bool:
    """Whether the broker says no."""
    try:
        await deed
    except Refused:
        return True
    return False
