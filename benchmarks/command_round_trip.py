"""A relay command from HTTP request to answer, beside the bare cost of its parts.

    python -m benchmarks.command_round_trip [--backend embedded|production] [--count N]

The product: POST over a kept connection, ledger, device socket, acknowledgement, position
applied and audited, answer. The floor, in the same run and in turns with it: the same SQL
statements with the same transactions through the raw driver on one prepared connection, and
one round trip of a bare WebSocket echo. Aim: the product's median is at most 2.5 times the floor.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence

from websockets.asyncio.client import connect

from benchmarks.api_client import ApiClient
from benchmarks.child_process import serving
from benchmarks.household import Household, Identity, ScriptedBoard
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, in_ms, median, percentile, say, table
from benchmarks.statements import STATE_SEQ_FROM, Replay, Statement, recorded_commands

AIM = 2.5
# A device may say 50 things a second: enough of them that the limit is not what is measured.
BOARDS = 24
RELAYS = 4
IN_FLIGHT = 50
ROUNDS = 5
RECORDED = 9
_FRAME = json.dumps({"type": "set_relay", "command_id": "0" * 36, "relay_index": 0, "is_on": True})


class Remote:
    """Switches one relay to and fro."""

    def __init__(self, client: ApiClient, board: Identity, relay: int) -> None:
        self._client = client
        self._path = f"/api/v1/devices/{board.uid}/relays/{relay}/commands"
        self._is_on = False

    async def switch(self) -> float:
        """One command; returns its seconds. Anything but a success ends the benchmark."""
        self._is_on = not self._is_on
        began = time.perf_counter()
        status, answer = await self._client.post(self._path, {"is_on": self._is_on, "wait": 20})
        took = time.perf_counter() - began
        if status != 200 or answer["state"] != "succeeded":
            raise RuntimeError(f"{status}: {answer}")
        return took


async def measure(backend: str, count: int, *, list_statements: bool) -> None:
    """Measure one backend and print its figures."""
    with installed(backend) as installation, serving("benchmarks.echo_server") as echo:
        installation.product.start()
        household = await Household.move_in(installation.product, boards=BOARDS + 1, relays=RELAYS)
        spare = household.boards.pop()
        await _switch_once(household, spare)
        installation.product.stop()
        steps = await _record(installation, household, spare)
        installation.product.start()
        say(f"\n{installation.title}: {len(steps)} statements a command")
        if list_statements:
            for number, step in enumerate(steps, 1):
                say(f"  {number:2} {step.subject}")
        with contextlib.closing(installation.driver()) as driver:
            await _compare(household, Replay(driver, steps), echo.ws_url, count)


async def _record(
    installation: Installation, household: Household, spare: Identity
) -> list[Statement]:
    """The statements of one command, from a run of the product that writes them down."""
    installation.make_counters_recognisable()
    with installation.traced() as path:
        board = await ScriptedBoard.connect(
            household.ws_url, spare, relays=RELAYS, state_seq=STATE_SEQ_FROM
        )
        client = await household.client()
        remote = Remote(client, spare, 0)
        marks = []
        for _ in range(RECORDED + 1):
            # What follows the answer belongs to the command too.
            await asyncio.sleep(0.15)
            marks.append(path.stat().st_size)
            await remote.switch()
        await client.close()
        await board.close()
        return recorded_commands(path, marks)


async def _compare(household: Household, replay: Replay, echo_url: str, count: int) -> None:
    async with _boards(household), connect(echo_url, compression=None) as echo:
        client = await household.client()
        remotes = [
            Remote(client, board, relay) for relay in range(RELAYS) for board in household.boards
        ]
        product: list[float] = []
        floor: list[float] = []
        answered = 0
        seconds = 0.0
        per_round = max(1, count // ROUNDS)
        for number in range(ROUNDS + 1):
            commands = [await remotes[i % len(remotes)].switch() for i in range(per_round)]
            bare = [await _bare(replay, echo) for _ in range(per_round)]
            done, took = await _many_at_once(household, per_round * 4)
            if number == 0:
                continue  # to warm up
            product += commands
            floor += bare
            answered += done
            seconds += took
        await client.close()
    _print(product, floor, answered / seconds)


async def _bare(replay: Replay, echo: object) -> float:
    began = time.perf_counter()
    replay.run()
    await echo.send(_FRAME)  # type: ignore[attr-defined]
    await echo.recv()  # type: ignore[attr-defined]
    return time.perf_counter() - began


async def _many_at_once(household: Household, count: int) -> tuple[int, float]:
    """IN_FLIGHT connections, each with a relay of its own; returns commands and seconds."""
    places = [(board, relay) for relay in range(RELAYS) for board in household.boards]
    clients = [await household.client() for _ in range(min(IN_FLIGHT, count))]
    each = max(1, count // len(clients))

    async def work(client: ApiClient, board: Identity, relay: int) -> None:
        # Where the round before left this relay is not known: the first one may change nothing.
        remote = Remote(client, board, relay)
        for _ in range(each):
            await remote.switch()

    began = time.perf_counter()
    await asyncio.gather(
        *(work(client, *place) for client, place in zip(clients, places, strict=False))
    )
    took = time.perf_counter() - began
    for client in clients:
        await client.close()
    return each * len(clients), took


@contextlib.asynccontextmanager
async def _boards(household: Household) -> AsyncIterator[None]:
    boards = [
        await ScriptedBoard.connect(household.ws_url, identity, relays=RELAYS)
        for identity in household.boards
    ]
    try:
        yield
    finally:
        for board in boards:
            await board.close()


async def _switch_once(household: Household, identity: Identity) -> None:
    """So that every counter has a first value."""
    board = await ScriptedBoard.connect(household.ws_url, identity, relays=RELAYS)
    client = await household.client()
    await Remote(client, identity, 0).switch()
    await client.close()
    await board.close()


def _print(product: Sequence[float], floor: Sequence[float], throughput: float) -> None:
    ratio = median(product) / median(floor)
    rows = [
        ("one at a time", "p50", "p99"),
        ("floor", in_ms(median(floor)), in_ms(percentile(floor, 99))),
        ("product", in_ms(median(product)), in_ms(percentile(product, 99))),
        ("ratio", f"{ratio:.2f}", f"{percentile(product, 99) / percentile(floor, 99):.2f}"),
    ]
    table(rows)
    say(f"  {IN_FLIGHT} in flight: {throughput:.0f} commands/s")
    say(f"  aim p50 <= {AIM} x floor: {'met' if ratio <= AIM else 'NOT met'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="command_round_trip", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--count", type=int, default=1000, help="commands one at a time")
    parser.add_argument("--statements", action="store_true", help="list the SQL of one command")
    chosen = parser.parse_args(arguments)
    heading("Command round trip")
    for backend in [chosen.backend] if chosen.backend else BACKENDS:
        asyncio.run(measure(backend, chosen.count, list_statements=chosen.statements))


if __name__ == "__main__":
    main()
