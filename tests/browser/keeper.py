"""Keeps one showroom for all test processes of a run: `python -m tests.browser.keeper FOLDER`.

Who uses it holds a shared lock on FOLDER/users; when nobody has held it for a while, however they
ended, the keeper ends the installation and its devices.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.browser.showroom import Showroom
from tests.migrated import put_migrated_database
from tests.product import embedded_product

_NOBODY_FOR_S: Final = 5.0
# Devices that are killed are missed soon; commands without an answer are told soon.
ENVIRONMENT: Final = {
    "OFFLINE_AFTER_SECONDS": "8",
    "ACK_TIMEOUT_SECONDS": "2",
    "LOGIN_ATTEMPTS_PER_MINUTE": "1000",
    "PROVISIONS_PER_MINUTE": "1000",
}


def keep(folder: Path) -> None:
    """Start and fill an installation, say where it is, and end it when nobody uses it any more."""
    product = embedded_product(**ENVIRONMENT)
    with contextlib.ExitStack() as stack:
        stack.callback(product.close)
        put_migrated_database(product)
        product.start()
        showroom = Showroom(product)
        stack.callback(showroom.close)
        showroom.fill()
        _say(folder, {**showroom.told(), "environment": product.environment})
        while not _is_abandoned(folder):
            time.sleep(_NOBODY_FOR_S)


def _say(folder: Path, told: dict[str, Any]) -> None:
    unfinished = folder / "showroom.unfinished"
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.rename(folder / "showroom.json")


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody uses it; whoever comes from now on finds none and starts another."""
    with (folder / "users").open("a") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        (folder / "showroom.json").unlink()
        return True


@contextlib.contextmanager
def using(folder: Path) -> Iterator[None]:
    """Hold the showroom of this folder open."""
    with (folder / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield


if __name__ == "__main__":
    # Told to end, it takes its server and devices along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    keep(Path(sys.argv[1]))
