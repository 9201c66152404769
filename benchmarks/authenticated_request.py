"""A device's request with its key, beside the same request that nobody is asked for a key.

    python -m benchmarks.authenticated_request [--backend embedded|production] [--count N]

`GET /api/v1/devices/self` with `X-Device-ID` and `X-API-Key`, the key being known to the process
already, in turns with the same view in the same server under an authentication class that returns
the same actor unasked. One request at a time over one kept connection. Aim: p50 at most 1.3 times.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from benchmarks.api_client import ApiClient
from benchmarks.household import Household, Identity
from benchmarks.installation import BACKENDS, installed
from benchmarks.report import heading, in_ms, percentile, say, table

AIM = 1.3
_WARM_UP = 50
_CHECKED = "/api/v1/devices/self"
_UNCHECKED = "/api/v1/devices/self-unchecked"


async def measure(backend: str, count: int) -> None:
    """Measure one backend and print its figures."""
    with installed(backend) as installation:
        installation.product.start()
        household = await Household.move_in(installation.product, boards=0, relays=0)
        await household.furnish_site(1)
        (board,) = household.boards
        installation.product.stop()
        with installation.serving("benchmarks.unchecked_server", board.uid):
            client = await ApiClient.connect(household.base_url)
            checked, unchecked = await _in_turns(client, board, count)
            await client.close()
        say(f"\n{installation.title}")
        _print(checked, unchecked)


async def _in_turns(
    client: ApiClient, board: Identity, count: int
) -> tuple[list[float], list[float]]:
    checked: list[float] = []
    unchecked: list[float] = []
    for number in range(count + _WARM_UP):
        with_key = await _timed(client, _CHECKED, board, key=board.token)
        without = await _timed(client, _UNCHECKED, board)
        if number >= _WARM_UP:
            checked.append(with_key)
            unchecked.append(without)
    return checked, unchecked


async def _timed(client: ApiClient, path: str, board: Identity, key: str = "") -> float:
    headers = {"X_Device_ID": board.uid, "X_API_Key": key} if key else {}
    began = time.perf_counter()
    status, shown = await client.get(path, **headers)
    took = time.perf_counter() - began
    if status != 200 or shown["uid"] != board.uid:
        raise RuntimeError(f"{status}: {shown}")
    return took


def _print(checked: Sequence[float], unchecked: Sequence[float]) -> None:
    ratios = {p: percentile(checked, p) / percentile(unchecked, p) for p in (50, 95)}
    rows: list[tuple[str, ...]] = [("GET devices/self", "p50", "p95")]
    for title, values in (("nobody asked", unchecked), ("with the key", checked)):
        rows.append((title, in_ms(percentile(values, 50)), in_ms(percentile(values, 95))))
    rows.append(("ratio", f"{ratios[50]:.2f}", f"{ratios[95]:.2f}"))
    table(rows)
    say(f"  aim p50 <= {AIM}: {'met' if ratios[50] <= AIM else 'NOT met'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="authenticated_request", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--count", type=int, default=1000, help="requests of each kind")
    chosen = parser.parse_args(arguments)
    heading("Authenticated device request")
    for backend in [chosen.backend] if chosen.backend else BACKENDS:
        asyncio.run(measure(backend, chosen.count))


if __name__ == "__main__":
    main()
