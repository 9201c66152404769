"""Can anyone tell by the clock what another tenant has? Foreign and unknown names in turns.

    python -m benchmarks.existence_timing [--count N]

The question is asked by a user who may see neither, through the whole stack on SQLite: for a
device, a site and a command by their ids, for a transfer code and a claim code that were good
once, and for a device with a wrong key. Aim: the medians of the two differ by at most 10 %; the
exit code is 1 where they differ by more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.report import heading, in_ms, median, say, table
from tests.services import ROOT

AIM = 0.10


def measure(count: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each call by question, `foreign` and `unknown`; in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="homepot-timing-") as folder:
        environment = {
            **os.environ,
            "HOMEPOT_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "homepot.settings.testing",
            "DATABASE_URL": "",
            "REDIS_URL": "",
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.existence_calls", str(count)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, dict[str, list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and exit with 1 where the clock tells."""
    parser = argparse.ArgumentParser(prog="existence_timing", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="calls of each kind")
    heading("Foreign and unknown, by the clock")
    rows = [("median of a call", "foreign", "unknown", "difference")]
    telling = []
    for name, times in measure(parser.parse_args(arguments).count).items():
        foreign, unknown = median(times["foreign"]), median(times["unknown"])
        difference = abs(foreign - unknown) / min(foreign, unknown)
        rows.append((name, in_ms(foreign), in_ms(unknown), f"{difference:.1%}"))
        if difference > AIM:
            telling.append(name)
    table(rows)
    say(f"  aim <= {AIM:.0%}: {'NOT met: ' + ', '.join(telling) if telling else 'met'}")
    if telling:
        sys.exit(1)


if __name__ == "__main__":
    main()
