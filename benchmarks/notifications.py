"""What it costs to tell: a mass offline with and without a listener, and the way to one message.

    python -m benchmarks.notifications [--backend embedded|production] [--devices N]

All devices fall silent at once, first where nobody listens, then with one webhook. The difference
is the intent, written in the transactions of the sweep. Then the planner turns the intents into
notices, and the bundler those into deliveries. Each backend is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from benchmarks.installation import BACKENDS, installed
from benchmarks.mass_offline import fill, set_up
from benchmarks.report import heading, say, table
from tests.services import ROOT

_SILENCE = timedelta(seconds=61)


def measure(backend: str, count: int) -> None:
    """Measure one backend and print its figures; once in a process."""
    with installed(backend) as installation:
        installation.product.start()
        installation.product.stop()
        set_up(installation)
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        from kernel import row_security  # noqa: PLC0415

        now = timezone.now()
        fill(count, now)
        with row_security.platform_scope("benchmark"):
            figures = _figures(now, count)
        say(f"\n{installation.title}: {count} devices, one webhook")
        table([("", "seconds", "CPU", "per second"), *figures])


def _figures(now: datetime, count: int) -> list[tuple[str, ...]]:
    from devices.services import presence  # noqa: PLC0415  after Django is set up
    from notifications.models import Change, Delivery, Notice  # noqa: PLC0415
    from notifications.services import bundling, planning  # noqa: PLC0415

    silent = now + _SILENCE
    alone = _timed(lambda: presence.sweep(silent))
    _bring_back(now)
    _listen(now)
    heard = _timed(lambda: presence.sweep(silent))
    assert Change.objects.unscoped("the benchmark's own").exists()
    planned = _timed(lambda: _until_done(lambda: planning.plan(silent)))
    assert Notice.objects.unscoped("the benchmark's own").count() == count
    due = silent + timedelta(seconds=91)
    bundled = _timed(lambda: bundling.bundle(due))
    told = Delivery.objects.unscoped("the benchmark's own").get().count
    return [
        _row("sweep, nobody listens", alone, count),
        _row("sweep, one webhook", heard, count),
        _row("intents to notices", planned, count),
        _row(f"first message ({told} changes)", bundled, told),
    ]


def _listen(now: datetime) -> None:
    from accounts import selectors  # noqa: PLC0415  after Django is set up
    from notifications.services import channels  # noqa: PLC0415
    from notifications.types import ChannelWish  # noqa: PLC0415

    administrator = selectors.first_administrator()
    assert administrator is not None
    wish = ChannelWish(name="Benchmark", url="https://hooks.example.com/benchmark")
    actor = selectors.actor_for_user(user_id=administrator.pk)
    channels.create_channel(transport="webhook", wish=wish, actor=actor, now=now)


def _bring_back(now: datetime) -> None:
    """Every device is there again, as if it had come back an hour ago."""
    from django.db.models import F  # noqa: PLC0415  after Django is set up

    from devices.models import DevicePresence, DeviceSession  # noqa: PLC0415

    DeviceSession.objects.update(is_live=True, closed_at=None, close_reason="")
    DevicePresence.objects.update(
        is_online=True,
        last_seen_at=now,
        offline_due_at=now + timedelta(seconds=60),
        contact=F("contact") + 1,
        changed_at=now - timedelta(hours=1),
    )


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's CPU: that of PostgreSQL is not in it."""
    began, cpu_began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu_began


def _until_done(work: Callable[[], int]) -> None:
    while work():
        pass


def _row(title: str, took: tuple[float, float], count: int) -> tuple[str, ...]:
    seconds, cpu = took
    return title, f"{seconds:.2f}", f"{cpu:.2f}", f"{count / seconds:,.0f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="notifications", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--devices", type=int, default=100_000)
    chosen = parser.parse_args(arguments)
    if chosen.backend:
        heading("Notifications")
        measure(chosen.backend, chosen.devices)
        return
    for backend in BACKENDS:
        options = ["--backend", backend, "--devices", str(chosen.devices)]
        command = [sys.executable, "-m", "benchmarks.notifications", *options]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
