"""The readings of many devices in one transaction, each device asked anew whether it may speak."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink.ingest.arrivals import Arrival, Verdict
from devicelink.ingest.confirming import Speaker, confirm
from kernel import errors, row_security
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from telemetry.services import ingestion
from telemetry.types import Batch

logger = logging.getLogger(__name__)


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
    # A flush holds the readings of whoever sent any, of all tenants.
    with row_security.platform_scope("telemetry.ingest"), unit_of_work():
        found = confirm({arrival.sender for arrival in arrivals}, now)
        speakers = [found.get(arrival.sender) for arrival in arrivals]
        batches = [
            Batch(
                device_id=speaker.device_id,
                tenant_id=speaker.tenant_id,
                telemetry=arrival.telemetry,
                device_uid=speaker.uid,
            )
            for arrival, speaker in zip(arrivals, speakers, strict=True)
            if isinstance(speaker, Speaker)
        ]
        taken = iter(ingestion.ingest_batches(batches=batches, now=now))
        failpoint("devicelink.readings.written")
    failpoint("devicelink.readings.committed")
    return [next(taken) if isinstance(speaker, Speaker) else speaker for speaker in speakers]
