"""The ticker: short periodic jobs, safe to run in any number of processes at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import close_old_connections
from django.utils import timezone

from kernel import row_security
from kernel.models import Heartbeat
from kernel.startup import require_starting_up

logger = logging.getLogger(__name__)

HEARTBEAT = "ticker"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A function of the time that is called every so often; it must be safe to run twice."""

    name: str
    every_s: float
    run: Callable[[datetime], object]


_jobs: dict[str, Job] = {}


def register(name: str, *, every_s: float, run: Callable[[datetime], object]) -> None:
    """Add a job while the apps start up; a name can be taken once."""
    require_starting_up("ticker")
    if name in _jobs and _jobs[name].run is not run:
        raise ValueError(f"There is a job {name!r} already.")
    _jobs[name] = Job(name=name, every_s=every_s, run=run)


def jobs() -> tuple[Job, ...]:
    """All registered jobs."""
    return tuple(_jobs.values())


def beat(now: datetime) -> None:
    """Note that the ticker makes progress."""
    Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": now})


def last_beat() -> datetime | None:
    """When a ticker last showed that it makes progress; None before the first time."""
    row = Heartbeat.objects.filter(name=HEARTBEAT).first()
    return None if row is None else row.beat_at


def run(stop: threading.Event) -> None:
    """Run every job when it is due until `stop` is set; a failing job is logged and goes on."""
    due = {job.name: 0.0 for job in jobs()}
    while not stop.is_set():
        started = time.monotonic()
        for job in jobs():
            if due.get(job.name, 0.0) <= started and not stop.is_set():
                due[job.name] = started + job.every_s
                run_once(job)
        next_due = min(due.values(), default=started + 1.0)
        stop.wait(max(0.05, next_due - time.monotonic()))


def run_once(job: Job) -> bool:
    """Run one job now; returns whether it went well."""
    close_old_connections()
    try:
        with row_security.platform_scope(f"job.{job.name}"):
            job.run(timezone.now())
    except Exception:
        logger.exception("A job failed", extra={"job": job.name})
        return False
    return True


register("heartbeat", every_s=5.0, run=beat)
