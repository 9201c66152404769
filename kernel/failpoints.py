"""Named places at which a test may kill or delay the process; nothing happens otherwise."""

from __future__ import annotations

import os
import signal
import time

from django.conf import settings

KILL = "kill"
SLEEP = "sleep"


def failpoint(name: str) -> None:
    """Do what `HOMEPOT_FAILPOINT` asks for at this place: `name:kill` or `name:sleep:seconds`."""
    if settings.FAILPOINT:
        _strike(name, settings.FAILPOINT)


def _strike(name: str, wanted: str) -> None:
    place, _, deed = wanted.partition(":")
    # Production refuses to start with a failpoint (homepot.E011); this is the second lock.
    if place != name or settings.HOMEPOT_MODE == "production":
        return
    if deed == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    kind, _, seconds = deed.partition(":")
    if kind == SLEEP:
        time.sleep(float(seconds))
