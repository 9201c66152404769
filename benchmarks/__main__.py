"""`make bench`: run the named benchmarks, all of them when none is named."""

from __future__ import annotations

import argparse

from benchmarks import cold_start, command_round_trip, idle_sockets
from benchmarks.report import say

BENCHMARKS = {
    "command_round_trip": command_round_trip.main,
    "idle_sockets": idle_sockets.main,
    "cold_start": cold_start.main,
}


def main() -> None:
    """Run them one after the other; options come after the name of a single benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run one benchmark with its options, or all of them.",
        epilog="Options of one: make bench ARGS='command_round_trip --help'",
    )
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    parser.add_argument("options", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    for name in [chosen.name] if chosen.name else BENCHMARKS:
        BENCHMARKS[name](chosen.options)
        say()


if __name__ == "__main__":
    main()
