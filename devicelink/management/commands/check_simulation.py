"""`manage.py check_simulation`: the truth of a simulated fleet against the database."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from devicelink import truth_check
from edge.simulator.truth import Truth
from kernel import row_security


class Command(BaseCommand):
    """Ends with 1 and the first differences when the database has it otherwise."""

    help = "Compare the truth file of a simulated fleet with the database; exit 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The truth file of `simulate --truth`."""
        parser.add_argument("truth", type=Path, help="what `simulate --truth` wrote")
        parser.add_argument(
            "--wait",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="wait so long until devices that went silent should count as offline (0)",
        )
        parser.add_argument("--show", type=int, default=20, help="differences shown (20)")

    def handle(self, *args: Any, **given: Any) -> None:
        """Compare, and say what was compared."""
        truth = _truth(given["truth"])
        until = time.monotonic() + given["wait"]
        found = _compared(truth, given["show"])
        while found.unsettled and time.monotonic() < until and not truth.is_running:
            time.sleep(1)
            found = _compared(truth, given["show"])
        if truth.is_running:
            self.stderr.write("The fleet still runs: what it did last is not compared.")
        self.stdout.write(
            f"{found.lives} lives, {found.acked} acknowledged and {found.stored} stored readings;"
            f" presence of {found.unsettled} lives not settled yet;"
            f" {found.ran} commands ran, {found.unknown} are open or of unknown outcome,"
            f" {found.behind} documents not confirmed yet."
        )
        for difference in found.differences:
            self.stderr.write(difference)
        if found.count:
            raise CommandError(f"{found.count} differences.", returncode=1)
        self.stdout.write("Truth and database agree.")


def _compared(truth: Truth, keep: int) -> truth_check.Findings:
    with row_security.platform_scope("command.check_simulation"):
        return truth_check.compare(truth=truth, now=timezone.now(), keep=keep)


def _truth(path: Path) -> Truth:
    if not path.is_file():
        raise CommandError(f"There is no truth file {path}.", returncode=2)
    try:
        return Truth.load(path)
    except (json.JSONDecodeError, KeyError, TypeError):
        raise CommandError(f"{path} is no truth file.", returncode=2) from None
