"""All devices of one process are cut at once and come back in one burst, beside ordinary requests.

    python -m benchmarks.reconnect_burst [--count N] [--minimum S] [--maximum S]

PostgreSQL and Redis, one server process. The devices are registered at a site over the API, so
that their rows, keys and audit entries are those of a real fleet, and paired: the case in which a
connection costs most. Each comes back by the agents' own `edge.protocol.backoff`, full jitter, with
bounds scaled down from their 1 s and 120 s. To be sent away with 1013 and `retry_after` is part of
the design and counted; any other refusal is for good. Meanwhile a steady stream of `GET /devices`
goes on, of which none may fail. The exit code is 1 when one did, or a device is not back.
Aim: at most 5 % of the server's processor time in authentication.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from benchmarks.api_client import ApiClient
from benchmarks.household import Household, Identity
from benchmarks.installation import installed
from benchmarks.report import heading, in_ms, percentile, say, table
from edge.protocol.backoff import Backoff
from edge.protocol.close_codes import CloseCode

AIM = 5.0
BACK_WITHIN_SECONDS = 180.0
_ATTEMPT_SECONDS = 20.0
_REQUEST_SECONDS = 10.0
_STREAMS = 4
_EVERY_SECONDS = 0.2


class RefusedForGood(Exception):
    """The server said something after which an agent would not come back by itself."""


@dataclass(kw_only=True)
class Fleet:
    """Devices that hold a socket each, and what they were told on the way."""

    url: str
    boards: Sequence[Identity]
    minimum_s: float
    maximum_s: float
    sockets: dict[str, ClientConnection] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    async def come(self) -> list[float]:
        """Have every device connect, however often it is sent away; returns when each was in."""
        began = time.monotonic()
        async with asyncio.timeout(BACK_WITHIN_SECONDS):
            await asyncio.gather(*(self._come(board) for board in self.boards))
        return [since - began for since in self.since.values()]

    def cut(self) -> None:
        """Break every connection at once, without a word."""
        for socket in self.sockets.values():
            socket.transport.abort()
        self.sockets.clear()
        self.since.clear()
        self.told.clear()

    @property
    def held(self) -> int:
        """Sockets that are still open."""
        return sum(socket.close_code is None for socket in self.sockets.values())

    async def _come(self, board: Identity) -> None:
        backoff = Backoff(
            source=random.Random(board.uid), minimum_s=self.minimum_s, maximum_s=self.maximum_s
        )
        retry_after = None
        while True:
            await asyncio.sleep(backoff.next_delay(retry_after=retry_after))
            retry_after = None
            self.told["attempts"] += 1
            try:
                async with asyncio.timeout(_ATTEMPT_SECONDS):
                    socket = await connect(
                        self.url,
                        additional_headers=board.headers,
                        compression=None,
                        ping_interval=None,
                    )
                    first = json.loads(await socket.recv())
                    if first["type"] == "welcome":
                        self.sockets[board.uid] = socket
                        self.since[board.uid] = time.monotonic()
                        self.told["welcome"] += 1
                        return
                    retry_after = await self._sent_away(socket, first)
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
                self.told[f"no answer: {type(error).__name__}"] += 1

    async def _sent_away(self, socket: ClientConnection, said: dict[str, Any]) -> float:
        await socket.wait_closed()
        if socket.close_code != CloseCode.TRY_AGAIN_LATER:
            raise RefusedForGood(f"{socket.close_code}: {said}")
        self.told["try again later"] += 1
        return float(said["retry_after"])


@dataclass(kw_only=True)
class Stream:
    """The ordinary requests of people, at a steady pace whatever else goes on."""

    household: Household
    taken: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Ask until cancelled."""
        await asyncio.gather(*(self._ask(number) for number in range(_STREAMS)))

    async def _ask(self, number: int) -> None:
        await asyncio.sleep(number * _EVERY_SECONDS / _STREAMS)
        client = await self.household.client()
        while True:
            began = time.perf_counter()
            try:
                async with asyncio.timeout(_REQUEST_SECONDS):
                    status, _ = await client.get("/api/v1/devices?page_size=20")
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                self.failed[type(error).__name__] += 1
                client = await self.household.client()
            else:
                self.taken.append(time.perf_counter() - began)
                if status != 200:
                    self.failed[str(status)] += 1
            await asyncio.sleep(max(0.0, _EVERY_SECONDS - (time.perf_counter() - began)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a burst came to."""

    devices: int
    held: int
    back: list[float]
    told: Counter[str]
    calm: Stream
    burst: Stream
    authentication_s: float
    authentications: int
    process_s: float

    @property
    def is_fine(self) -> bool:
        """Whether every device is back and no ordinary request failed."""
        return self.held == self.devices and not self.burst.failed and not self.calm.failed


async def measure(count: int, *, minimum_s: float, maximum_s: float, calm_s: float) -> Outcome:
    """Connect the fleet, cut it, and look on while it returns."""
    with installed(
        "production", OFFLINE_AFTER_SECONDS="3600", MAX_DEVICE_SOCKETS=str(count + 100)
    ) as installation:
        installation.product.start()
        household = await Household.move_in(installation.product, boards=0, relays=0)
        await household.furnish_site(count)
        installation.product.stop()
        with installation.serving("benchmarks.metered_server"):
            fleet = Fleet(
                url=household.ws_url,
                boards=household.boards,
                minimum_s=minimum_s,
                maximum_s=maximum_s,
            )
            await fleet.come()
            calm = await _streaming(household, asyncio.sleep(calm_s))
            before = await _spent(household)
            fleet.cut()
            returning = asyncio.ensure_future(fleet.come())
            burst = await _streaming(household, returning)
            after = await _spent(household)
            outcome = Outcome(
                devices=count,
                held=fleet.held,
                back=returning.result(),
                told=Counter(fleet.told),
                calm=calm,
                burst=burst,
                authentication_s=after["authentication"] - before["authentication"],
                authentications=after["calls"] - before["calls"],
                process_s=after["process"] - before["process"],
            )
            fleet.cut()
            return outcome


async def _spent(household: Household) -> dict[str, Any]:
    """Processor seconds of the server so far."""
    client = await ApiClient.connect(household.base_url)
    _, spent = await client.get("/benchmark/cpu")
    await client.close()
    return dict(spent)


async def _streaming(household: Household, until: Any) -> Stream:
    stream = Stream(household=household)
    asking = asyncio.create_task(stream.run())
    try:
        await until
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    return stream


def _print(outcome: Outcome) -> None:
    back = outcome.back
    say(
        f"  {outcome.held} of {outcome.devices} devices back",
    )
    table(
        [
            ("", "half", "95 %", "all"),
            (
                "back after",
                f"{percentile(back, 50):.1f} s",
                f"{percentile(back, 95):.1f} s",
                f"{max(back):.1f} s",
            ),
        ]
    )
    say("  " + ", ".join(f"{name} {number}" for name, number in sorted(outcome.told.items())))
    rows: list[tuple[str, ...]] = [("GET /devices", "answered", "failed", "p50", "p95", "worst")]
    for title, stream in (("before", outcome.calm), ("in the burst", outcome.burst)):
        taken = stream.taken
        rows.append(
            (
                title,
                str(len(taken)),
                str(stream.failed.total()),
                in_ms(percentile(taken, 50)),
                in_ms(percentile(taken, 95)),
                in_ms(max(taken)),
            )
        )
    table(rows)
    share = 100 * outcome.authentication_s / outcome.process_s
    say(
        f"  authentication {outcome.authentication_s:.2f} s in {outcome.authentications} calls,"
        f" {share:.1f} % of the server's {outcome.process_s:.1f} s;"
        f" aim <= {AIM} %: {'met' if share <= AIM else 'NOT met'}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and end with 1 when a request failed or a device is not back."""
    parser = argparse.ArgumentParser(prog="reconnect_burst", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="devices")
    parser.add_argument("--minimum", type=float, default=0.1, help="least seconds to wait")
    parser.add_argument("--maximum", type=float, default=12.0, help="most seconds to wait")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds of calm before the cut")
    chosen = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    heading("Reconnect burst")
    outcome = asyncio.run(
        measure(
            chosen.count,
            minimum_s=chosen.minimum,
            maximum_s=chosen.maximum,
            calm_s=chosen.calm,
        )
    )
    _print(outcome)
    if not outcome.is_fine:
        raise SystemExit(f"failed: {dict(outcome.burst.failed | outcome.calm.failed)}")


if __name__ == "__main__":
    main()
