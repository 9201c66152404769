"""Simulated fleets in processes of their own: one for each tenant that asked for one.

What is to run stands in a file per tenant; one thread makes it so, and again after a restart.
Its devices are claimed for who asked, with the codes they print, as a person would.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

from django.db import connection
from django.utils import timezone

from accounts import selectors as account_selectors
from devices.services import claiming
from edge.simulator import options
from homepot.embedded import children
from kernel import errors
from kernel.local_devices import LocalFleet

logger = logging.getLogger(__name__)

# Beyond what people pick for `simulate --seed`, and beyond the demo's.
_SEED_BASE = 2_000_000
_MOST_FLEETS = 8
_MIX = "relay=3,pos=2,server=1,sensor=2,infrared=1"
_NAMES = MappingProxyType(
    {
        "relay": "Relay board",
        "pos": "Till",
        "server": "Server",
        "sensor": "Sensor hub",
        "infrared": "Remote hub",
    }
)
_PREFIX = "sim"
_LOOK_EVERY_S = 0.5
# The simulator says by this that the server wanted none of its devices: it need not try again.
_ALL_REFUSED = 3
_RESTART_AFTER_S = 30.0


@dataclass(kw_only=True, slots=True)
class _Wanted:
    """What a tenant's file says: who asked for how many devices, and which of them are claimed."""

    tenant_id: int
    user_id: int
    devices: int
    claimed: list[str] = field(default_factory=list)
    # Its devices are still to be unpaired by who removes it.
    is_ending: bool = False


@dataclass(kw_only=True, slots=True)
class _Running:
    """A fleet's process, and the names its devices are to have, by the ids of their hardware."""

    child: children.Child
    names: dict[str, str]
    not_before: float = 0.0


class Fleets:
    """Runs simulated fleets beside the server; `close()` ends them, and they go on next time."""

    def __init__(self, *, base_url: str, folder: Path) -> None:
        self._base_url = base_url
        self._folder = folder
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleets", daemon=True)

    def open(self) -> None:
        """Run what ran before, as soon as the server answers."""
        self._thread.start()

    def close(self) -> None:
        """End all processes; returns within a few seconds."""
        self._closing.set()
        self._asked.set()
        with self._lock:
            children.end(running.child for running in self._running.values())
        self._thread.join(children.STOP_SECONDS)

    def start(self, *, tenant_id: int, user_id: int, devices: int) -> None:
        """Have a fleet run; one that runs already stays as it is. Raises Conflict for too many."""
        with self._lock:
            if self._wanted(tenant_id) is not None:
                return
            if len(self._tenants()) >= _MOST_FLEETS:
                raise errors.Conflict(f"This installation runs {_MOST_FLEETS} fleets already.")
            self._keep(_Wanted(tenant_id=tenant_id, user_id=user_id, devices=devices))
        self._asked.set()

    def running(self, *, tenant_id: int) -> LocalFleet | None:
        """The fleet that is to run for a tenant."""
        wanted = self._wanted(tenant_id)
        if wanted is None:
            return None
        return LocalFleet(devices=wanted.devices, hardware_prefix=f"{_PREFIX}-{_seed(tenant_id)}-")

    def stop(self, *, tenant_id: int) -> None:
        """End a fleet; a restart does not begin it again."""
        with self._lock:
            wanted = self._wanted(tenant_id)
            if wanted is not None:
                wanted.is_ending = True
                self._keep(wanted)
            running = self._running.pop(tenant_id, None)
            if running is not None:
                children.end([running.child])

    def forget(self, *, tenant_id: int) -> None:
        """Remove what is kept of a fleet that was stopped."""
        with self._lock:
            self._file(tenant_id).unlink(missing_ok=True)
            shutil.rmtree(self._home(tenant_id), ignore_errors=True)

    # The thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if not children.wait_for_server(self._base_url, self._closing):
                return
            while not self._closing.is_set():
                is_busy = self._look()
                self._asked.wait(_LOOK_EVERY_S if is_busy else None)
                self._asked.clear()
        finally:
            connection.close()

    def _look(self) -> bool:
        """Make what runs what is wanted; returns whether something is left to wait for."""
        is_busy = False
        for tenant_id in self._tenants():
            try:
                with self._lock:
                    is_busy |= self._tend(tenant_id)
            except Exception:
                logger.exception("A simulated fleet could not be run")
                is_busy = True
        return is_busy

    def _tend(self, tenant_id: int) -> bool:
        wanted = self._wanted(tenant_id)
        if wanted is None or wanted.is_ending or self._closing.is_set():
            return False
        running = self._running.get(tenant_id)
        if running is None:
            running = self._running[tenant_id] = self._launched(wanted)
        if len(wanted.claimed) < wanted.devices:
            self._claim(wanted, running.names)
        return self._revived(tenant_id, running, wanted) or len(wanted.claimed) < wanted.devices

    def _launched(self, wanted: _Wanted) -> _Running:
        command = self._command(wanted)
        return _Running(
            child=children.launch(("edge.simulator", *command), self._home(wanted.tenant_id)),
            names=_names(command),
        )

    def _revived(self, tenant_id: int, running: _Running, wanted: _Wanted) -> bool:
        """Start a process again that ended by itself, after a while; whether one is waited for."""
        ended = running.child.poll()
        if ended is None or ended == _ALL_REFUSED:
            return False
        if running.not_before == 0.0:
            running.not_before = time.monotonic() + _RESTART_AFTER_S
        elif time.monotonic() >= running.not_before:
            self._running[tenant_id] = self._launched(wanted)
        return True

    def _claim(self, wanted: _Wanted, names: dict[str, str]) -> None:
        codes = children.claim_codes(self._home(wanted.tenant_id))
        new = [hardware_id for hardware_id in codes if hardware_id not in wanted.claimed]
        for hardware_id in new:
            try:
                actor = account_selectors.actor_for_user(user_id=wanted.user_id, via="system")
                claiming.claim_device(
                    code=codes[hardware_id],
                    name=names.get(hardware_id, ""),
                    tenant_id=wanted.tenant_id,
                    actor=actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                # Who asked may have left since, or somebody was faster: it is not tried again.
                logger.info("Simulated device not claimed: %s", error.code)
            wanted.claimed.append(hardware_id)
            self._keep(wanted)

    # Files -----------------------------------------------------------------------------------

    def _command(self, wanted: _Wanted) -> tuple[str, ...]:
        return (
            "--url", self._base_url, "--devices", str(wanted.devices), "--mix", _MIX,
            "--seed", str(_seed(wanted.tenant_id)), "--state-dir", str(self._home(wanted.tenant_id)),
            "--chaos", "0.02", "--fault-every", "30", "--telemetry-every", "10", "--twin", "--quiet",
        )  # fmt: skip

    def _tenants(self) -> list[int]:
        return sorted(int(file.stem) for file in self._folder.glob("*.json"))

    def _wanted(self, tenant_id: int) -> _Wanted | None:
        try:
            return _Wanted(**json.loads(self._file(tenant_id).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            # Half written when the power went: it is as if nobody had asked.
            logger.warning("What is to run for tenant %s cannot be read", tenant_id)
            return None

    def _keep(self, wanted: _Wanted) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._file(wanted.tenant_id).with_suffix(".new")
        fresh.write_text(json.dumps(asdict(wanted)), encoding="utf-8")
        fresh.replace(self._file(wanted.tenant_id))

    def _file(self, tenant_id: int) -> Path:
        return self._folder / f"{tenant_id}.json"

    def _home(self, tenant_id: int) -> Path:
        return self._folder / str(tenant_id)


def _seed(tenant_id: int) -> int:
    return _SEED_BASE + tenant_id


def _names(command: tuple[str, ...]) -> dict[str, str]:
    """What each device is called, by what the simulator will make of the same options."""
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    fleet = options.from_arguments(parser.parse_args(command), {})
    counted: Counter[str] = Counter()
    found = {}
    for index in range(fleet.devices):
        kind = fleet.profile(index).name
        counted[kind] += 1
        found[fleet.hardware_id(index)] = f"{_NAMES.get(kind, kind)} {counted[kind]}"
    return found
