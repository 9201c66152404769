"""Take in what devices measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from devices import selectors as devices
from edge.protocol.messages import Telemetry
from kernel import metrics, realtime
from kernel.unit_of_work import unit_of_work
from telemetry import storage, window_statements
from telemetry.policies import CLOCK_TOLERANCE
from telemetry.services import attributes
from telemetry.storage import NewReading
from telemetry.types import NOTHING_ACKED, Acknowledgement, Batch


def ingest_readings(
    *, device_id: int, tenant_id: int | None, telemetry: Telemetry, now: datetime
) -> Acknowledgement:
    """Store one batch of one device, as `ingest_batches` does."""
    batch = Batch(device_id=device_id, tenant_id=tenant_id, telemetry=telemetry)
    return ingest_batches(batches=[batch], now=now)[0]


def ingest_batches(*, batches: Sequence[Batch], now: datetime) -> list[Acknowledgement]:
    """Store the batches of any devices in one transaction, each record once; answers in order.

    Bad records never hold up good ones. The batches are stored as a whole or, with an exception,
    none of them. So the highest number of each is acknowledged: no record of it below that is
    still to come. A record that two of the batches bring is new in the first and a duplicate in
    the second. The caller has made sure that the devices may still speak, and holds their locks.
    """
    rows = [row for batch in batches for row in _rows(batch, now)]
    with unit_of_work():
        is_new = _store(rows, batches, now) if rows else []
        answers, start = [], 0
        for batch in batches:
            end = start + len(batch.telemetry.readings)
            answers.append(_answer(batch.telemetry, sum(is_new[start:end])))
            # A batch of nothing but repeats said this when it came first.
            if batch.telemetry.attributes and any(is_new[start:end]):
                attributes.keep_attributes(
                    device_id=batch.device_id,
                    tenant_id=batch.tenant_id,
                    attributes=batch.telemetry.attributes,
                    now=now,
                )
            start = end
        # Counted when it is true, which it is only after the outermost COMMIT.
        transaction.on_commit(partial(_count, answers))
    return answers


def _rows(batch: Batch, now: datetime) -> list[NewReading]:
    latest_believable = now + CLOCK_TOLERANCE
    device_id, tenant_id, boot_id = batch.device_id, batch.tenant_id, batch.telemetry.boot_id
    rows = []
    for sent in batch.telemetry.readings:
        at = sent.at
        is_ahead = at is not None and at > latest_believable
        moment = now if at is None or is_ahead else at
        rows.append(
            NewReading(device_id, tenant_id, boot_id, sent.seq, moment, now, is_ahead, sent.metrics)
        )
    return rows


def _known_uids(batches: Sequence[Batch]) -> dict[int, str]:
    return {batch.device_id: batch.device_uid for batch in batches if batch.device_uid}


def _skews(batches: Sequence[Batch], now: datetime) -> dict[int, float]:
    """How far the newest reading of each device is ahead of now by its own clock, in seconds."""
    newest: dict[int, datetime] = {}
    for batch in batches:
        times = [sent.at for sent in batch.telemetry.readings if sent.at is not None]
        if times:
            at = max(times)
            newest[batch.device_id] = max(at, newest.get(batch.device_id, at))
    return {device_id: (at - now).total_seconds() for device_id, at in newest.items()}


def _store(rows: list[NewReading], batches: Sequence[Batch], now: datetime) -> list[bool]:
    is_new = window_statements.take_numbers(rows, now=now)
    new = [row for row, is_first in zip(rows, is_new, strict=True) if is_first]
    if not new:
        # A batch of nothing but repeats told its news when it came first.
        return is_new
    storage.insert_readings(new)
    newest: dict[int, NewReading] = {}
    for row in new:
        known = newest.get(row.device_id)
        if known is None or (row.at, row.seq) > (known.at, known.seq):
            newest[row.device_id] = row
    # In order of device, as every statement that writes for several of them.
    shown = [newest[device_id] for device_id in sorted(newest)]
    advanced = storage.advance_latest(shown, _skews(batches, now))
    uids = _known_uids(batches)
    news = [row for row in shown if row.device_id in advanced and row.tenant_id is not None]
    if news:
        nameless = [row.device_id for row in news if row.device_id not in uids]
        uids |= devices.uids_of(nameless) if nameless else {}
        transaction.on_commit(partial(_hint, news, uids))
    return is_new


def _answer(telemetry: Telemetry, stored: int) -> Acknowledgement:
    return Acknowledgement(
        boot_id=telemetry.boot_id,
        acked_seq=_highest_seq(telemetry),
        stored=stored,
        duplicates=len(telemetry.readings) - stored,
        rejected=len(telemetry.rejected),
    )


def _highest_seq(telemetry: Telemetry) -> int:
    accepted = [reading.seq for reading in telemetry.readings]
    if not telemetry.rejected:
        return max(accepted, default=NOTHING_ACKED)
    refused = [verdict.seq for verdict in telemetry.rejected if verdict.seq is not None]
    return max(accepted + refused, default=NOTHING_ACKED)


def _hint(news: Sequence[NewReading], uids: dict[int, str]) -> None:
    """One hint per device, however many of its readings were stored together."""
    realtime.publish_many(
        [
            (
                realtime.tenant_topic(row.tenant_id),
                {
                    "kind": "metrics",
                    "payload": {
                        "device_uid": uids[row.device_id],
                        "metrics": row.metrics,
                        "at": row.at.isoformat(),
                    },
                },
            )
            for row in news
            if row.tenant_id is not None and row.device_id in uids
        ]
    )


def _count(answers: Sequence[Acknowledgement]) -> None:
    for outcome, counted in (
        ("stored", sum(answer.stored for answer in answers)),
        ("duplicate", sum(answer.duplicates for answer in answers)),
        ("rejected", sum(answer.rejected for answer in answers)),
    ):
        metrics.READINGS.labels(outcome=outcome).inc(counted)
