"""Devices in processes of their own beside the product, which end with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings

POLL_SECONDS = 0.3
STOP_SECONDS = 4.0
Child = subprocess.Popen[bytes]


def launch(command: Sequence[str], state_dir: Path) -> Child:
    """Start one of our own modules that speaks to this product; what it says goes to a file.

    It ends with the thread that calls this (`_dies_with_us`), so that thread must last.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DEVICE_PROVISION_KEY": settings.DEVICE_PROVISION_KEY,
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    with (state_dir / "device.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own modules, no outside input
            [*_dies_with_us(), sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            # Ctrl-C reaches the whole terminal group; the devices stop when we say so.
            start_new_session=True,
        )


def end(children: Iterable[Child]) -> None:
    """End them all, within a few seconds."""
    ending = list(children)
    for child in ending:
        child.terminate()
    for child in ending:
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for_server(base_url: str, stop: threading.Event) -> bool:
    """Wait until the product answers; False when it is told to stop before."""
    while not stop.is_set():
        try:
            with urllib.request.urlopen(f"{base_url}/health", timeout=2):  # noqa: S310
                return True
        except OSError:
            stop.wait(POLL_SECONDS)
    return False


def claim_codes(state_dir: Path) -> dict[str, str]:
    """The claim codes that devices left in a folder, by the names of their files."""
    found = {}
    for file in sorted(state_dir.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and isinstance(content.get("claim_code"), str):
            found[file.stem] = content["claim_code"]
    return found


def _dies_with_us() -> tuple[str, ...]:
    """Where Linux can: have the kernel end a device when this process is killed the hard way."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()
