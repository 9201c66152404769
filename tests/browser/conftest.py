"""One filled installation for all journeys, pictures and checks of pages of a test run."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.keeper import using
from tests.browser.showroom import Visitor
from tests.services import ROOT

_START_SECONDS = 90.0


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Visitor]:
    """The showroom that all test processes of this run share; it is there until the last has left."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "showroom"
    folder.mkdir(exist_ok=True)
    with using(folder):
        visitor = Visitor(_found_or_started(folder))
        yield visitor
        visitor.close()


def _found_or_started(folder: Path) -> dict[str, object]:
    told = folder / "showroom.json"
    with (folder / "starting").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not told.exists():
            with (folder / "keeper.log").open("ab") as log:
                keeper = subprocess.Popen(
                    [sys.executable, "-m", "tests.browser.keeper", str(folder)],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            deadline = time.monotonic() + _START_SECONDS
            while not told.exists():
                if keeper.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "keeper.log").read_text(encoding="utf-8"))
                time.sleep(0.1)
    found: dict[str, object] = json.loads(told.read_text(encoding="utf-8"))
    return found
