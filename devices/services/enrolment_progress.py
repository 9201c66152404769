"""What is told about a bulk enrolment: in the audit log, and to browsers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from audit.services import recording
from devices.models import Enrolment
from kernel import live
from kernel.actors import Actor


def counts_of(enrolment: Enrolment) -> dict[str, int]:
    """How many rows there are and what became of them."""
    return {
        "total": enrolment.total,
        "invalid": enrolment.invalid,
        "enrolled": enrolment.enrolled,
        "failed": enrolment.failed,
    }


def note(
    enrolment: Enrolment, deed: str, *, before: str | None, actor: Actor, now: datetime, **more: Any
) -> None:
    """Record `devices.enrolment.<deed>` with the counts, in the caller's unit of work.

    Never with keys.
    """
    after = {"state": str(enrolment.state), "mode": str(enrolment.mode), **counts_of(enrolment)}
    recording.record(
        tenant_id=enrolment.tenant_id,
        action=f"devices.enrolment.{deed}",
        actor=actor,
        target_type="enrolment",
        target_id=enrolment.uid,
        before=None if before is None else {"state": before},
        after=after | more,
        now=now,
    )


def tell(enrolment: Enrolment, *, now: datetime) -> None:
    """Tell browsers how far it is, in the caller's unit of work."""
    live.append(
        tenant_id=enrolment.tenant_id,
        kind="enrolment_progress",
        payload={
            "enrolment": enrolment.uid,
            "enrolled": enrolment.enrolled,
            "failed": enrolment.failed,
            "total": enrolment.total,
            "state": str(enrolment.state),
        },
        now=now,
    )
