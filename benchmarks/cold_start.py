"""From `manage.py run_embedded` to the first healthy answer, on a data folder that exists.

    python -m benchmarks.cold_start [--count N]

What `make run` does once it has found its set-up done. Beside it, in turns, the floor: a bare
Python process that imports Django and the server and binds a port. Aim: at most 5 s.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from benchmarks.child_process import serving
from benchmarks.installation import installed
from benchmarks.report import heading, median, say, table

AIM_SECONDS = 5.0


def measure(count: int) -> tuple[list[float], list[float]]:
    """Seconds of each start: the product's and the bare server's."""
    product: list[float] = []
    bare: list[float] = []
    with installed("embedded") as installation:
        # The first start makes the database, the secrets and the administrator.
        installation.product.start()
        installation.product.stop()
        for _ in range(count):
            began = time.perf_counter()
            installation.product.start()
            product.append(time.perf_counter() - began)
            installation.product.stop()
            began = time.perf_counter()
            with serving("benchmarks.consumer_server"):
                bare.append(time.perf_counter() - began)
    return product, bare


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="cold_start", description=__doc__)
    parser.add_argument("--count", type=int, default=5, help="starts")
    heading("Cold start")
    product, bare = measure(parser.parse_args(arguments).count)
    rows = [("seconds to the first healthy answer", "median", "worst")]
    for title, times in (("bare server", bare), ("run_embedded", product)):
        rows.append((title, f"{median(times):.2f}", f"{max(times):.2f}"))
    table(rows)
    is_met = median(product) <= AIM_SECONDS
    say(f"  aim <= {AIM_SECONDS:.0f} s: {'met' if is_met else 'NOT met'}")


if __name__ == "__main__":
    main()
