"""What people do over HTTP, right and wrong: seeded, so that a run can be repeated."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from devicelink.traffic.people import Cast, Person
from edge.protocol import strict_json
from edge.simulator.dice import Stream
from edge.simulator.http_client import Answer, HttpPool

_API: Final = "/api/v1"
_MAX_ANSWER_BYTES: Final = 4_000_000
_UNAUTHENTICATED: Final = 401
_WRONG_PASSWORD: Final = "not-the-password"  # noqa: S105 - wrong on purpose


@dataclass(slots=True)
class Tally:
    """How often each action was answered with each status; 0: no answer at all."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return one line for each action."""
        actions = sorted({action for action, _ in self.answers})
        return [
            f"{action}: "
            + ", ".join(
                f"{number} x {status or 'no answer'}"
                for (of, status), number in sorted(self.answers.items())
                if of == action
            )
            for action in actions
        ]


class Client:
    """One person at one client: acts again and again until cancelled."""

    def __init__(
        self, person: Person, *, cast: Cast, number: int, seed: int, pool: HttpPool, tally: Tally
    ) -> None:
        self._person = person
        self._tenant_uid = cast.tenant_uid
        self._dice = Stream(f"{seed}:traffic:{number}")
        self._pool = pool
        self._tally = tally
        self._token = ""
        self._devices: list[dict[str, Any]] = []
        self._quiet_until = 0.0

    async def run(self, *, per_second: float, errors: float) -> None:
        """Act so many times a second on average; ``errors`` is the share of mistakes."""
        while True:
            # The times between independent actions of people.
            await asyncio.sleep(-math.log(1 - self._dice.random()) / per_second)
            wrong = self._dice.random() < errors
            name, act = self._pick(_MISTAKES if wrong else _DEEDS)
            if time.monotonic() < self._quiet_until:
                continue
            await self.act(name, act)

    async def act(self, name: str, action: Action) -> None:
        """Do one thing; where nobody is signed in, or not any more, sign in first."""
        try:
            if not self._token and action not in _WITHOUT_SIGNING_IN:
                await self._sign_in()
                if not self._token:
                    return
            if not self._knows_enough_for(action):
                name, action = "list", Client._list
            answer = await action(self)
        except (OSError, EOFError, TimeoutError):
            self._tally.answers[name, 0] += 1
            return
        if answer is None:
            return
        self._tally.answers[name, answer.status] += 1
        self._mind(answer)
        if answer.status == _UNAUTHENTICATED and action not in _WITHOUT_SIGNING_IN:
            self._token = ""

    # Deeds

    async def _sign_in(self) -> None:
        given = {"email": self._person.email, "password": self._person.password}
        answer = await self._call("POST", "/auth/login", given)
        self._tally.answers["sign in", answer.status] += 1
        self._mind(answer)
        body = answer.body if isinstance(answer.body, dict) else {}
        self._token = str(body.get("access_token", ""))

    async def _sign_out(self) -> Answer | None:
        answer = await self._call("POST", "/auth/logout", {})
        self._token = ""
        return answer

    async def _list(self) -> Answer | None:
        answer = await self._call("GET", "/devices")
        body = answer.body if isinstance(answer.body, dict) else {}
        found = body.get("items") or []
        # Whatever it can reach, it touches only what is simulated.
        self._devices = [one for one in found if one.get("is_simulated") is True]
        return answer

    async def _read(self) -> Answer | None:
        uid = self._some_device()
        what = self._dice.choice(("", "/relays", "/metrics/latest", "/lives", "/commands"))
        return await self._call("GET", f"/devices/{uid}{what}") if uid else None

    async def _switch(self) -> Answer | None:
        uid = self._some_device(with_relays=True)
        is_on = self._dice.random() < 0.5
        path = f"/devices/{uid}/relays/0/commands"
        return await self._call("POST", path, {"is_on": is_on}) if uid else None

    async def _rename(self) -> Answer | None:
        uid = self._some_device()
        name = f"{self._dice.choice(_PLACES)} {self._dice.randint(1, 9)} (simulated)"
        return await self._call("PATCH", f"/devices/{uid}", {"name": name}) if uid else None

    async def _open_page(self) -> Answer | None:
        path = self._dice.choice(("/login", "/health", "/health/ready"))
        return await self._pool.call("GET", path, b"", {"Accept": "*/*"})

    # Mistakes

    async def _ask_for_nothing(self) -> Answer | None:
        return await self._call("GET", f"/devices/dev_{self._dice.randint(1000, 9999)}")

    async def _send_nonsense(self) -> Answer | None:
        uid = self._some_device()
        body = self._dice.choice(({"name": "x" * 300}, {"site": 7}, {"name": ["a"]}, {"tags": "b"}))
        return await self._call("PATCH", f"/devices/{uid}", body) if uid else None

    async def _send_no_json(self) -> Answer | None:
        headers = self._headers() | {"Content-Type": "application/json"}
        return await self._pool.call("POST", f"{_API}/devices/claim", b'{"claim_code":', headers)

    async def _mistype_password(self) -> Answer | None:
        given = {"email": self._person.email, "password": _WRONG_PASSWORD}
        return await self._call("POST", "/auth/login", given, is_signed_in=False)

    # The wire

    def _pick(self, among: tuple[tuple[int, str, Action], ...]) -> tuple[str, Action]:
        left = self._dice.randrange(sum(weight for weight, _, _ in among))
        for weight, name, action in among:
            left -= weight
            if left < 0:
                return name, action
        raise AssertionError("the weights add up")

    def _knows_enough_for(self, action: Action) -> bool:
        """Say whether there is a device to do it with, as far as this person has looked."""
        with_relays = action is Client._switch
        return action not in _NEEDING_A_DEVICE or bool(self._usable(with_relays=with_relays))

    def _usable(self, *, with_relays: bool = False) -> list[dict[str, Any]]:
        return [one for one in self._devices if one.get("relay_count") or not with_relays]

    def _some_device(self, *, with_relays: bool = False) -> str:
        found = self._usable(with_relays=with_relays)
        return str(self._dice.choice(found)["uid"]) if found else ""

    def _mind(self, answer: Answer) -> None:
        if answer.retry_after is not None:
            self._quiet_until = time.monotonic() + answer.retry_after

    def _headers(self, *, is_signed_in: bool = True) -> dict[str, str]:
        headers = {"User-Agent": "homepot-traffic (simulated)", "Accept": "application/json"}
        if is_signed_in and self._token:
            headers |= {"Authorization": f"Bearer {self._token}", "X-Tenant": self._tenant_uid}
        return headers

    async def _call(
        self, method: str, path: str, body: Any = None, *, is_signed_in: bool = True
    ) -> Answer:
        headers, content = self._headers(is_signed_in=is_signed_in), b""
        if body is not None:
            content = strict_json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return await self._pool.call(method, f"{_API}{path}", content, headers)


Action = Callable[[Client], Coroutine[Any, Any, Answer | None]]
_PLACES: Final = ("Till", "Counter", "Store room", "Entrance", "Office")
_DEEDS: Final[tuple[tuple[int, str, Action], ...]] = (
    (30, "list", Client._list),
    (30, "read", Client._read),
    (18, "switch", Client._switch),
    (8, "rename", Client._rename),
    (10, "page", Client._open_page),
    (4, "sign out", Client._sign_out),
)
_MISTAKES: Final[tuple[tuple[int, str, Action], ...]] = (
    (40, "unknown object", Client._ask_for_nothing),
    (30, "bad input", Client._send_nonsense),
    (20, "no JSON", Client._send_no_json),
    (10, "wrong password", Client._mistype_password),
)
_NEEDING_A_DEVICE: Final = frozenset(
    {Client._read, Client._switch, Client._rename, Client._send_nonsense}
)
_WITHOUT_SIGNING_IN: Final = frozenset({Client._open_page, Client._mistype_password})


async def act_all(
    *, cast: Cast, url: str, seed: int, rate: float, errors: float, tally: Tally
) -> None:
    """Have everybody act until cancelled, ``rate`` times a second all together."""
    pool = HttpPool(url, connections=max(4, len(cast.people)), max_answer=_MAX_ANSWER_BYTES)
    per_second = rate / len(cast.people)
    try:
        async with asyncio.TaskGroup() as group:
            for number, person in enumerate(cast.people):
                client = Client(person, cast=cast, number=number, seed=seed, pool=pool, tally=tally)
                group.create_task(client.run(per_second=per_second, errors=errors))
    finally:
        pool.close()
