"""The readings of many devices in one transaction, each device asked anew whether it may speak."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink.http.intake import Arrival
from devices.services import contacts
from kernel import errors, row_security
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from telemetry.services import ingestion
from telemetry.types import Acknowledgement, Batch

logger = logging.getLogger(__name__)

# None: the key counts no more, or not for whom it did; ask `admit_device` why.
Verdict = Acknowledgement | errors.HomepotError | None


def store(arrivals: Sequence[Arrival]) -> list[Verdict]:
    """Store what arrived, together; says of each what became of it.

    Runs on a database thread. An acknowledgement is returned only after COMMIT. Where storing all
    of it fails, each half is tried by itself, down to the one that cannot be stored; while the
    database is away nothing is tried again, and all are Unavailable.
    """
    try:
        return _store_together(arrivals)
    except (OperationalError, InterfaceError) as error:
        logger.error("Readings could not be stored: %s", type(error).__name__)
        return [errors.Unavailable(retry_after=2) for _ in arrivals]
    except Exception as error:
        if len(arrivals) > 1:
            logger.warning("Readings could not be stored together: %s", type(error).__name__)
            middle = len(arrivals) // 2
            return store(arrivals[:middle]) + store(arrivals[middle:])
        logger.exception("Readings of a device could not be stored")
        return [errors.InternalError()]


def _store_together(arrivals: Sequence[Arrival]) -> list[Verdict]:
    now = timezone.now()
    # A flush holds the readings of whoever called, of all tenants.
    with row_security.platform_scope("telemetry.ingest"), unit_of_work():
        callers = {arrival.caller for arrival in arrivals}
        confirmed = contacts.confirm_callers(callers=callers, now=now)
        batches = [
            Batch(
                device_id=arrival.caller.device_id,
                tenant_id=arrival.caller.tenant_id,
                telemetry=arrival.telemetry,
                device_uid=arrival.caller.uid,
            )
            for arrival in arrivals
            if arrival.caller in confirmed
        ]
        taken = iter(ingestion.ingest_batches(batches=batches, now=now))
        failpoint("devicelink.readings.written")
    failpoint("devicelink.readings.committed")
    return [next(taken) if arrival.caller in confirmed else None for arrival in arrivals]
