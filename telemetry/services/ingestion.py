"""Take in what a device measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from devices import selectors as devices
from edge.protocol.messages import Reading as SentReading
from edge.protocol.messages import Telemetry
from kernel import metrics, realtime
from kernel.unit_of_work import unit_of_work
from telemetry import storage
from telemetry.models import Reading
from telemetry.types import NOTHING_ACKED, Acknowledgement

# A clock this far ahead is wrong; a little is the way between device and server.
CLOCK_TOLERANCE = timedelta(minutes=5)


def ingest_readings(
    *, device_id: int, tenant_id: int | None, telemetry: Telemetry, now: datetime
) -> Acknowledgement:
    """Store a batch in one transaction, each record once; bad ones never hold up good ones.

    The batch is stored as a whole or, with an exception, not at all. So its highest number is
    acknowledged: no record of it below that is still to come.
    """
    rows = [
        _row(
            device_id=device_id, tenant_id=tenant_id, boot_id=telemetry.boot_id, sent=sent, now=now
        )
        for sent in telemetry.readings
    ]
    stored = _store(rows) if rows else 0
    acknowledgement = Acknowledgement(
        boot_id=telemetry.boot_id,
        acked_seq=_highest_seq(telemetry),
        stored=stored,
        duplicates=len(rows) - stored,
        rejected=len(telemetry.rejected),
    )
    _count(acknowledgement)
    return acknowledgement


@unit_of_work()
def _store(rows: list[Reading]) -> int:
    stored = storage.insert_new(rows)
    newest = max(rows, key=lambda row: (row.at, row.seq))
    # A batch of nothing but repeats told its news when it came first.
    if stored and storage.advance_latest(newest):
        uid = devices.uids_of([newest.device_id]).get(newest.device_id)
        if uid is not None and newest.tenant_id is not None:
            transaction.on_commit(partial(_hint, uid, newest.tenant_id, newest))
    return stored


def _row(
    *, device_id: int, tenant_id: int | None, boot_id: str, sent: SentReading, now: datetime
) -> Reading:
    is_ahead = sent.at is not None and sent.at > now + CLOCK_TOLERANCE
    return Reading(
        device_id=device_id,
        tenant_id=tenant_id,
        boot_id=boot_id,
        seq=sent.seq,
        at=now if is_ahead or sent.at is None else sent.at,
        received_at=now,
        is_at_corrected=is_ahead,
        metrics=dict(sent.metrics),
    )


def _highest_seq(telemetry: Telemetry) -> int:
    accepted = [reading.seq for reading in telemetry.readings]
    refused = [verdict.seq for verdict in telemetry.rejected if verdict.seq is not None]
    return max(accepted + refused, default=NOTHING_ACKED)


def _hint(uid: str, tenant_id: int, newest: Reading) -> None:
    payload = {"device_uid": uid, "metrics": newest.metrics, "at": newest.at.isoformat()}
    realtime.publish(realtime.tenant_topic(tenant_id), {"kind": "metrics", "payload": payload})


def _count(acknowledgement: Acknowledgement) -> None:
    metrics.READINGS.labels(outcome="stored").inc(acknowledgement.stored)
    metrics.READINGS.labels(outcome="duplicate").inc(acknowledgement.duplicates)
    metrics.READINGS.labels(outcome="rejected").inc(acknowledgement.rejected)
