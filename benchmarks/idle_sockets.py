"""Memory of an idle device socket, beside a stock Channels consumer that does nothing.

    python -m benchmarks.idle_sockets [--count N]

N devices are provisioned, connect with their keys and say nothing more; the resident memory of
the one server process is read before and after. The same number of plain clients connect to a
bare `AsyncWebsocketConsumer` under the same uvicorn settings. Aim: at most 1.5 times its memory.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psutil
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.child_process import serving
from benchmarks.household import Household
from benchmarks.installation import installed
from benchmarks.report import heading, say, table

AIM = 1.5
# The first sockets also pay for what is loaded once.
WARM_UP = 40
_AT_ONCE = 16
_SETTLE_SECONDS = 3.0
_AGAIN_SECONDS = 0.2
Open = Callable[[int], Awaitable[ClientConnection]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What the sockets cost their server."""

    sockets: int
    kib_each: float
    rss_mib: float
    opened_per_s: float


async def measure_product(count: int) -> Held:
    """Hold the sockets in one `run_embedded` process."""
    with installed("embedded", OFFLINE_AFTER_SECONDS="3600") as installation:
        installation.product.start()
        household = await Household.move_in(
            installation.product, boards=count + WARM_UP, relays=4, claimed=False
        )

        async def open_one(number: int) -> ClientConnection:
            while True:
                socket = await connect(
                    household.ws_url,
                    additional_headers=household.boards[number].headers,
                    compression=None,
                    ping_interval=None,
                )
                if '"welcome"' in str(await socket.recv()):
                    return socket
                # Admission control sent it away for now, as it does with a storm of devices.
                await socket.close()
                await asyncio.sleep(_AGAIN_SECONDS)

        return await _hold(open_one, count, installation.product.pids[0])


async def measure_consumer(count: int) -> Held:
    """Hold the same number of sockets in a bare consumer."""
    with serving("benchmarks.consumer_server") as server:

        async def open_one(number: int) -> ClientConnection:
            return await connect(server.ws_url, compression=None, ping_interval=None)

        return await _hold(open_one, count, server.pid)


async def _hold(open_one: Open, count: int, pid: int) -> Held:
    server = psutil.Process(pid)
    sockets = await _open_all(open_one, range(WARM_UP))
    await asyncio.sleep(_SETTLE_SECONDS)
    before = server.memory_info().rss
    began = time.perf_counter()
    sockets += await _open_all(open_one, range(WARM_UP, WARM_UP + count))
    took = time.perf_counter() - began
    await asyncio.sleep(_SETTLE_SECONDS)
    after = server.memory_info().rss
    lost = Counter(socket.close_code for socket in sockets if socket.close_code is not None)
    if lost:
        raise RuntimeError(f"of {len(sockets)} sockets these closed, by code: {dict(lost)}")
    for start in range(0, len(sockets), _AT_ONCE):
        await asyncio.gather(*(socket.close() for socket in sockets[start : start + _AT_ONCE]))
    return Held(
        sockets=count,
        kib_each=(after - before) / 1024 / count,
        rss_mib=after / 1024 / 1024,
        opened_per_s=count / took,
    )


async def _open_all(open_one: Open, numbers: range) -> list[ClientConnection]:
    opened: list[ClientConnection] = []
    for start in range(numbers.start, numbers.stop, _AT_ONCE):
        some = range(start, min(start + _AT_ONCE, numbers.stop))
        opened += await asyncio.gather(*(open_one(number) for number in some))
    return opened


def _print(consumer: Held, product: Held) -> None:
    ratio = product.kib_each / consumer.kib_each
    rows = [("", "sockets", "KiB each", "process MiB", "opened/s")]
    for title, held in (("bare consumer", consumer), ("product", product)):
        rows.append(
            (
                title,
                str(held.sockets),
                f"{held.kib_each:.1f}",
                f"{held.rss_mib:.0f}",
                f"{held.opened_per_s:.0f}",
            )
        )
    table(rows)
    say(f"  ratio {ratio:.2f}; aim <= {AIM}: {'met' if ratio <= AIM else 'NOT met'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both and print them side by side."""
    parser = argparse.ArgumentParser(prog="idle_sockets", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="sockets to hold")
    count = parser.parse_args(arguments).count
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    heading("Idle device sockets")
    consumer = asyncio.run(measure_consumer(count))
    _print(consumer, asyncio.run(measure_product(count)))


if __name__ == "__main__":
    main()
