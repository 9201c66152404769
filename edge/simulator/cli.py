"""The command line: ``python -m edge.simulator``."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

from edge.simulator import open_files, options
from edge.simulator.errors import SimulatorStopped
from edge.simulator.fleet import Announcement, Fleet
from edge.simulator.options import FleetOptions

_ALL_REFUSED: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a fleet and return the exit code (0 stopped, 2 usage, 3 all refused, 4 busy, 5 state)."""
    parser = argparse.ArgumentParser(
        prog="python -m edge.simulator",
        description="Simulated devices over the real wire. DEVICE_PROVISION_KEY registers them.",
    )
    options.add_arguments(parser)
    given = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        wanted = options.from_arguments(given, os.environ)
        announce = _ignore if given.quiet else _print
        return run(wanted, announce=announce, report=_say)
    except SimulatorStopped as stopped:
        sys.stderr.write(f"simulator: {stopped}\n")
        return stopped.exit_code
    except OSError as fault:
        sys.stderr.write(f"simulator: {fault}\n")
        return 1


def run(
    wanted: FleetOptions,
    *,
    announce: Callable[[Announcement], None],
    report: Callable[[str], None],
) -> int:
    """Run a fleet until SIGTERM, SIGINT or its end; 0, or 3 when the server wanted none of it."""
    open_files.allow(sum(wanted.wire_of(index) != "http" for index in range(wanted.devices)))
    fleet = asyncio.run(_run_until_signalled(wanted, announce, report))
    return _ALL_REFUSED if len(fleet.refused) == wanted.devices else 0


def sentence(announced: Announcement) -> str:
    """Return the line a device prints about itself."""
    me = announced.identity
    line = f"{announced.hardware_id}  {me.device_uid}"
    if me.claim_code is None:
        return line
    return f"{line}  claim code {me.claim_code} (until {me.claim_expires_at})"


async def _run_until_signalled(
    wanted: FleetOptions,
    announce: Callable[[Announcement], None],
    report: Callable[[str], None],
) -> Fleet:
    fleet = Fleet(wanted, announce=announce, report=report)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, fleet.stop)
    await fleet.run()
    if wanted.report_every_s is not None:
        report(fleet.figures())
    return fleet


def _print(announced: Announcement) -> None:
    if announced.is_new:
        sys.stdout.write(sentence(announced) + "\n")
        sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _ignore(_: Announcement) -> None:
    return None
