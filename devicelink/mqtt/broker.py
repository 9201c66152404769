"""Talks to the broker's dynamic security plugin over `$CONTROL`: one connection per conversation."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from edge.mqtt.client import Address, Client, ConnectionLost, Refused, parse_address
from edge.mqtt.packets import V5, Publish

T = TypeVar("T")
Command = dict[str, Any]

_TOPIC: Final = "$CONTROL/dynamic-security/v1"
# The broker stands still while it writes its file, for each command: others wait this long at most.
_TOGETHER: Final = 10
# Clients or roles in one answer; an answer with the rules of a hundred is some 50 KB.
_PAGE: Final = 100


class BrokerUnreachable(Exception):
    """The broker did not do what it was asked, or did not say so; whether it did is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the plugin says to one command; an empty `error` is a success."""

    error: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def is_missing(self) -> bool:
        """Whether there is no such client or role."""
        return self.error.endswith("not found")

    @property
    def is_there_already(self) -> bool:
        """Whether there is such a client or role."""
        return self.error.endswith("already exists")


class Conversation:
    """Asks one command after the other on a connection that stands."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._messages = client.messages()
        self._asked = 0

    async def ask(self, commands: Sequence[Command]) -> list[Answer]:
        """The answers to these commands, in their order."""
        answers: list[Answer] = []
        for start in range(0, len(commands), _TOGETHER):
            answers += await self._ask(commands[start : start + _TOGETHER])
        return answers

    async def ask_for_all(self, command: str, member: str) -> list[dict[str, Any]]:
        """Everything a list command knows, page by page, with its details."""
        found: list[dict[str, Any]] = []
        while True:
            (answer,) = await self.ask(
                [{"command": command, "verbose": True, "count": _PAGE, "offset": len(found)}]
            )
            page = answer.data.get(member)
            if answer.error or not isinstance(page, list):
                raise BrokerUnreachable(f"{command}: {answer.error or 'no list'}")
            found += page
            if len(page) < _PAGE:
                return found

    async def _ask(self, commands: Sequence[Command]) -> list[Answer]:
        numbers = [str(self._asked + position) for position in range(len(commands))]
        self._asked += len(commands)
        body = [
            command | {"correlationData": number}
            for command, number in zip(commands, numbers, strict=True)
        ]
        await self._client.publish(_TOPIC, json.dumps({"commands": body}).encode())
        answers: dict[str, Answer] = {}
        while len(answers) < len(commands):
            answers |= _answers(await anext(self._messages))
        return [answers[number] for number in numbers]


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """Where the broker's accounts are managed, and who may."""

    address: Address
    tls: ssl.SSLContext | None = None

    def run(self, talk: Callable[[Conversation], Awaitable[T]], *, within_s: float) -> T:
        """Have a conversation from a thread without a loop. Raises BrokerUnreachable."""
        return asyncio.run(self._run(talk, within_s))

    def tell(self, commands: Sequence[Command], *, within_s: float) -> list[Answer]:
        """Ask commands and return the answers. Raises BrokerUnreachable."""

        async def talk(conversation: Conversation) -> list[Answer]:
            return await conversation.ask(commands)

        return self.run(talk, within_s=within_s)

    async def _run(self, talk: Callable[[Conversation], Awaitable[T]], within_s: float) -> T:
        try:
            async with asyncio.timeout(within_s), self._connected(within_s) as conversation:
                return await talk(conversation)
        except (Refused, ConnectionLost, TimeoutError) as error:
            raise BrokerUnreachable(str(error) or "it did not answer in time") from error
        except StopAsyncIteration:
            raise BrokerUnreachable("it closed the connection") from None

    @asynccontextmanager
    async def _connected(self, within_s: float) -> AsyncIterator[Conversation]:
        client = await Client.connect(
            address=self.address,
            client_id=f"homepot-control-{secrets.token_hex(6)}",
            level=V5,
            tls=self.tls,
            timeout_s=within_s,
        )
        try:
            await client.subscribe(f"{_TOPIC}/response")
            yield Conversation(client)
        finally:
            client.close()


def control_at(url: str, *, ca_file: str = "") -> Control:
    """The control of the broker at `mqtt[s]://user:password@host:port`. Raises ValueError."""
    return Control(address=parse_address(url), tls=tls_context(url, ca_file=ca_file))


def lets_in(url: str, *, ca_file: str = "", within_s: float) -> bool:
    """Whether the broker accepts the account of the address. Raises BrokerUnreachable."""

    async def attempt() -> bool:
        client = await Client.connect(
            address=parse_address(url),
            client_id=f"homepot-probe-{secrets.token_hex(6)}",
            level=V5,
            tls=tls_context(url, ca_file=ca_file),
            timeout_s=within_s,
        )
        await client.disconnect()
        return True

    try:
        return asyncio.run(attempt())
    except Refused as error:
        if error.is_unauthorised:
            return False
        raise BrokerUnreachable(str(error)) from error
    except ConnectionLost as error:
        raise BrokerUnreachable(str(error)) from error


def tls_context(url: str, *, ca_file: str = "") -> ssl.SSLContext | None:
    """How a broker at `mqtts://` is checked: with these certificates, or with the system's."""
    if not url.startswith("mqtts://"):
        return None
    return ssl.create_default_context(cafile=ca_file or None)


def _answers(message: Publish) -> dict[str, Answer]:
    try:
        responses = json.loads(message.payload)["responses"]
        return {
            response["correlationData"]: Answer(
                error=response.get("error", ""), data=response.get("data") or {}
            )
            for response in responses
            if "correlationData" in response
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokerUnreachable("it answered with something else") from error
