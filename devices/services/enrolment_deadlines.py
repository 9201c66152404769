"""Deadlines of bulk enrolments: no list, no secret and no run is kept without end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from devices import selectors
from devices.choices import EnrolmentState, RowState
from devices.models import Enrolment, EnrolmentRow
from devices.services import enrolment_progress
from kernel import row_security
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

# How long a list waits for its start, and sealed keys for their owner.
KEPT_FOR = timedelta(days=7)
# How long rows may wait once they were asked for: an hour would do for 10,000.
RUN_WITHIN = timedelta(hours=24)
_BATCH = 50
_SYSTEM = Actor.system("devices.enrolment")


def sweep(now: datetime) -> int:
    """Delete lists that nobody started, wipe keys that nobody fetched, and end overdue runs.

    Returns how many enrolments it changed; safe to run in any number of processes.
    """
    rows = Enrolment.objects.unscoped("deadlines are the platform's matter")
    overdue = rows.filter(
        state__in=(EnrolmentState.QUEUED, EnrolmentState.RUNNING),
        started_at__lte=now - RUN_WITHIN,
    )
    unfetched = rows.filter(seal_key__isnull=False, finished_at__lte=now - KEPT_FOR)
    unused = rows.filter(
        state__in=(EnrolmentState.CHECKED, EnrolmentState.CANCELLED),
        enrolled=0,
        failed=0,
        created_at__lte=now - KEPT_FOR,
    )
    with row_security.platform_scope("devices.enrolment_deadlines"):
        ended = sum(_end(found, now) for found in overdue.order_by("pk")[:_BATCH])
        wiped = sum(_wipe(found, now) for found in unfetched.order_by("pk")[:_BATCH])
        return ended + wiped + sum(_delete(found, now) for found in unused.order_by("pk")[:_BATCH])


def _end(enrolment: Enrolment, now: datetime) -> bool:
    """Fail the rows that still wait: what keeps them from running will not go away by itself."""
    with unit_of_work():
        before = str(enrolment.state)
        done = {"state": EnrolmentState.DONE, "finished_at": now, "leased_until": None}
        if not _one(enrolment).filter(state=before).update(**done):
            return False
        waiting = selectors.rows_of_enrolment(enrolment, state=RowState.WAITING)
        late = waiting.update(state=RowState.FAILED, problems={"row": ["It did not run in time."]})
        enrolment.refresh_from_db(from_queryset=_one(enrolment))
        enrolment.failed += late
        enrolment.save(update_fields=["failed"])
        enrolment_progress.note(enrolment, "finished", before=before, actor=_SYSTEM, now=now)
        enrolment_progress.tell(enrolment, now=now)
    return True


def _wipe(enrolment: Enrolment, now: datetime) -> bool:
    with unit_of_work():
        sealed = _one(enrolment).filter(seal_key__isnull=False)
        if not sealed.update(seal_key=None, seal_salt=None):
            return False
        rows = EnrolmentRow.objects.unscoped("the enrolment whose row is held")
        rows.filter(enrolment_id=enrolment.pk).update(sealed_secret=None)
        enrolment_progress.note(enrolment, "keys_expired", before=None, actor=_SYSTEM, now=now)
    return True


def _delete(enrolment: Enrolment, now: datetime) -> bool:
    with unit_of_work():
        # Held first, so that a start that comes now finds nothing, or is found.
        if not _one(enrolment).filter(state=enrolment.state).update(leased_until=None):
            return False
        rows = EnrolmentRow.objects.unscoped("the enrolment whose row is held")
        rows.filter(enrolment_id=enrolment.pk).delete()
        _one(enrolment).delete()
        enrolment_progress.note(
            enrolment, "expired", before=str(enrolment.state), actor=_SYSTEM, now=now
        )
    return True


def _one(enrolment: Enrolment) -> Any:
    return Enrolment.objects.unscoped("deadlines are the platform's matter").filter(pk=enrolment.pk)
