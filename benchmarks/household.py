"""A tenant with relay boards in a running product, made over its API."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.api_client import ApiClient
from tests.product import ProductProcess


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a board was given when it was provisioned."""

    uid: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """How it says who it is in a handshake."""
        return {"Authorization": f"Bearer {self.token}", "X-Device-ID": self.uid}


@dataclass(kw_only=True)
class Household:
    """An access token and the boards it may switch."""

    base_url: str
    ws_url: str
    access_token: str
    boards: list[Identity] = field(default_factory=list)

    @classmethod
    async def move_in(
        cls, product: ProductProcess, *, boards: int, relays: int, claimed: bool = True
    ) -> Self:
        """Sign in as the first administrator, provision the boards and claim them."""
        stranger = await ApiClient.connect(product.base_url)
        _, pair = await stranger.post(
            "/api/v1/auth/login",
            {"email": product.admin_email, "password": product.admin_password},
        )
        await stranger.close()
        household = cls(
            base_url=product.base_url,
            ws_url=f"{product.ws_url}/ws/device",
            access_token=pair["access_token"],
        )
        owner = await ApiClient.connect(product.base_url, household.access_token)
        for _ in range(boards):
            identity, claim_code = await _provision(owner, product.provision_key, relays)
            household.boards.append(identity)
            if claimed:
                await _claim(owner, claim_code)
        await owner.close()
        return household

    async def furnish_site(self, boards: int) -> None:
        """Make a site and register the boards there: each is paired from its first moment."""
        owner = await self.client()
        site_id = f"site-{secrets.token_hex(4)}"
        await _made(owner, "/api/v1/sites", {"site_id": site_id, "name": "Benchmark"})
        for number in range(boards):
            board = await _made(
                owner,
                f"/api/v1/devices/sites/{site_id}/devices",
                {"device_id": f"board-{number}", "device_type": "relay_controller"},
            )
            self.boards.append(Identity(uid=board["uid"], token=board["api_key"]))
        await owner.close()

    async def client(self) -> ApiClient:
        """A connection of the owner."""
        return await ApiClient.connect(self.base_url, self.access_token)


async def _provision(client: ApiClient, provision_key: str, relays: int) -> tuple[Identity, str]:
    status, made = await client.post(
        "/api/v1/provision/register",
        {
            "hardware_id": secrets.token_hex(8),
            "device_class": "relay_controller",
            "capabilities": ["relay"],
            "relay_count": relays,
        },
        X_Provision_Key=provision_key,
    )
    if status != 201:
        raise RuntimeError(f"{status}: {made}")
    return Identity(uid=made["device_uid"], token=made["device_token"]), made["claim_code"]


async def _made(owner: ApiClient, path: str, body: dict[str, object]) -> Any:
    status, made = await owner.post(path, body)
    if status != 201:
        raise RuntimeError(f"{status}: {made}")
    return made


async def _claim(owner: ApiClient, code: str) -> None:
    status, claimed = await owner.post(
        "/api/v1/devices/claim", {"claim_code": code, "name": "Board"}
    )
    if status not in {200, 201}:
        raise RuntimeError(f"{status}: {claimed}")


class ScriptedBoard:
    """A board that does at once what it is told; `state_seq` may start anywhere."""

    def __init__(self, socket: ClientConnection, relays: int, state_seq: int) -> None:
        self._socket = socket
        self._state_seq = state_seq
        self._relays = relays
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls, url: str, identity: Identity, *, relays: int, state_seq: int = 0
    ) -> Self:
        """Open the device's socket, be welcomed and report every relay off."""
        socket = await connect(
            url,
            additional_headers=identity.headers,
            compression=None,
            user_agent_header=None,
        )
        board = cls(socket, relays, state_seq)
        welcome = json.loads(await socket.recv())
        if welcome["type"] != "welcome":
            raise RuntimeError(f"not welcome: {welcome}")
        await board._report()
        board._task = asyncio.create_task(board._obey())
        return board

    async def close(self) -> None:
        """Hang up."""
        await self._socket.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _report(self) -> None:
        relays = [{"relay_index": index, "is_on": False} for index in range(self._relays)]
        await self._send({"type": "state_report", "relays": relays})

    async def _obey(self) -> None:
        async for frame in self._socket:
            command = json.loads(frame)
            if command["type"] != "set_relay":
                continue
            relay = {"relay_index": command["relay_index"], "is_on": command["is_on"]}
            await self._send(
                {
                    "type": "ack",
                    "command_id": command["command_id"],
                    "status": "succeeded",
                    "relays": [relay],
                }
            )

    async def _send(self, message: dict[str, object]) -> None:
        message["state_seq"] = self._state_seq
        self._state_seq += 1
        await self._socket.send(json.dumps(message, separators=(",", ":")))
