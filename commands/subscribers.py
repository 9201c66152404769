"""Wakes those who wait for the outcome of a command, and counts it."""

from __future__ import annotations

from commands import events
from kernel import metrics, realtime
from kernel.events import subscribe
from kernel.failpoints import failpoint


@subscribe(events.CommandQueued)
def pass_enqueue_committed(event: events.CommandQueued) -> None:
    """Between the ledger's COMMIT and the hint to the device's socket."""
    failpoint("commands.enqueue.committed")


@subscribe(events.CommandSettled)
def wake_waiters(event: events.CommandSettled) -> None:
    """Tell requests that wait for this command, in whatever process they are."""
    failpoint("commands.ack.committed")
    realtime.publish(realtime.command_topic(event.command_uid), {"command": event.command})


@subscribe(events.CommandSettled)
def count_outcome(event: events.CommandSettled) -> None:
    """Count the outcome and the time it took."""
    metrics.COMMANDS.labels(kind=event.kind, outcome=event.state).inc()
    metrics.COMMAND_SECONDS.observe(event.seconds)
