"""Readings are stored once, acknowledged honestly, and the latest never goes back in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from kernel import realtime
from telemetry import selectors, storage
from telemetry.services import ingestion
from telemetry.types import Acknowledgement, Clock
from tests.kernel.threads import run_at_once
from tests.telemetry.boards import NOW, batch, board, household, reading, stored

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was published to the bus."""
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(realtime, "publish_many", sent.extend)
    return sent


@pytest.fixture
def device() -> Any:
    """A paired device."""
    return board(tenant=household())


def ingest(device: Any, telemetry: Any, **more: Any) -> Acknowledgement:
    return ingestion.ingest_readings(
        device_id=device.pk, tenant_id=device.tenant_id, telemetry=telemetry, now=NOW, **more
    )


def test_a_batch_is_stored_and_acknowledged_to_its_highest_number(device: Any) -> None:
    answer = ingest(device, batch(*(reading(seq) for seq in range(3, 8))))
    assert answer == Acknowledgement(
        boot_id="boot-1", acked_seq=7, stored=5, duplicates=0, rejected=0
    )
    assert [row.seq for row in stored()] == [3, 4, 5, 6, 7]
    assert stored()[0].tenant_id == device.tenant_id
    assert stored()[0].received_at == NOW


def test_what_is_sent_again_is_counted_and_not_stored_twice(device: Any) -> None:
    ingest(device, batch(reading(1), reading(2)))
    answer = ingest(device, batch(reading(2), reading(3), reading(3)))
    assert (answer.stored, answer.duplicates, answer.acked_seq) == (1, 2, 3)
    assert [row.seq for row in stored()] == [1, 2, 3]


def test_the_same_number_of_another_boot_or_device_is_another_reading(device: Any) -> None:
    other = board("board-2")
    assert ingest(device, batch(reading(1))).stored == 1
    assert ingest(device, batch(reading(1), boot_id="boot-2")).stored == 1
    assert ingest(other, batch(reading(1))).stored == 1


def test_twenty_parallel_copies_of_a_batch_are_stored_once(device: Any) -> None:
    frame = batch(*(reading(seq) for seq in range(10)))
    answers = run_at_once(20, lambda _: ingest(device, frame))
    assert all(isinstance(answer, Acknowledgement) for answer in answers), answers
    assert sum(answer.stored for answer in answers) == 10  # type: ignore[union-attr]
    assert sum(answer.duplicates for answer in answers) == 190  # type: ignore[union-attr]
    assert len(stored()) == 10


def test_bad_records_are_counted_and_never_hold_up_good_ones(device: Any) -> None:
    answer = ingest(device, batch(reading(1), refused=(2, None)))
    assert (answer.stored, answer.rejected, answer.acked_seq) == (1, 2, 2)


def test_a_batch_without_a_single_number_acknowledges_nothing(device: Any) -> None:
    answer = ingest(device, batch(refused=(None, None)))
    assert (answer.acked_seq, answer.rejected) == (-1, 2)


def test_a_batch_that_was_not_stored_is_not_acknowledged(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(storage, "advance_latest", fail)
    with pytest.raises(DatabaseError):
        ingest(device, batch(reading(1)))
    assert stored() == []


def test_a_clock_that_runs_ahead_is_corrected_and_flagged(device: Any) -> None:
    ahead = reading(1, at=NOW + timedelta(hours=1))
    a_little = reading(2, at=NOW + timedelta(minutes=4))
    ingest(device, batch(ahead, a_little))
    first, second = stored()
    assert (first.at, first.is_at_corrected) == (NOW, True)
    assert (second.at, second.is_at_corrected) == (NOW + timedelta(minutes=4), False)


def test_a_device_without_a_clock_gets_the_time_of_arrival(device: Any) -> None:
    ingest(device, batch(replace(reading(1), at=None)))
    assert (stored()[0].at, stored()[0].is_at_corrected) == (NOW, False)


def test_the_latest_never_goes_back_in_time(device: Any) -> None:
    def latest() -> float:
        return selectors.latest_metrics([device.pk])[device.pk].metrics["cpu_percent"]

    ingest(device, batch(reading(5), reading(3)))
    assert latest() == 5
    ingest(device, batch(reading(4)))
    assert latest() == 5
    ingest(device, batch(reading(6)))
    assert latest() == 6


def test_browsers_hear_of_news_after_the_commit_and_of_nothing_else(
    device: Any, hints: list[Any]
) -> None:
    ingest(device, batch(reading(5)))
    ingest(device, batch(reading(4)))
    ingest(device, batch(reading(5)))
    at = (NOW - timedelta(seconds=55)).isoformat()
    payload = {"device_uid": "board-1", "metrics": {"cpu_percent": 5.0}, "at": at}
    assert hints == [(f"tenant.{device.tenant_id}", {"kind": "metrics", "payload": payload})]


def test_an_unclaimed_device_tells_nobody(hints: list[Any]) -> None:
    assert ingest(board(), batch(reading(1))).stored == 1
    assert hints == []


def test_every_number_comes_back_as_it_was_sent(device: Any) -> None:
    values = {"a": 0.1, "b": 1e22, "c": -5e-324, "d": 1.0, "e": -0.0}
    ingest(device, batch(reading(1, **values)))
    assert selectors.latest_metrics([device.pk])[device.pk].metrics == values


# The device's clock


def clock(device: Any) -> Clock | None:
    return selectors.latest_metrics([device.pk])[device.pk].clock


def says(device: Any, seq: int, *, ahead: float | None, later: float = 0) -> None:
    """A reading whose device's clock is ahead of ours, some seconds after NOW."""
    now = NOW + timedelta(seconds=later)
    at = None if ahead is None else now + timedelta(seconds=ahead)
    telemetry = batch(replace(reading(seq), at=at))
    ingestion.ingest_readings(
        device_id=device.pk, tenant_id=device.tenant_id, telemetry=telemetry, now=now
    )


@pytest.mark.parametrize(
    ("ahead", "is_wrong"),
    [(-0.5, False), (59, False), (61, True), (86_400, True), (-3_600, True)],
)
def test_how_far_a_clock_is_off_is_measured_and_judged(
    device: Any, ahead: float, is_wrong: bool
) -> None:
    says(device, 1, ahead=ahead)
    assert clock(device) == Clock(skew_s=ahead, measured_at=NOW, is_wrong=is_wrong)


def test_readings_that_come_late_do_not_make_the_clock_late(device: Any) -> None:
    says(device, 1, ahead=2)
    says(device, 2, ahead=-1_800, later=60)
    assert clock(device) == Clock(skew_s=2, measured_at=NOW, is_wrong=False)
    says(device, 3, ahead=3, later=70)
    assert clock(device) == Clock(skew_s=3, measured_at=NOW + timedelta(seconds=70), is_wrong=False)


def test_a_clock_that_was_put_back_is_noticed_within_the_hour(device: Any) -> None:
    says(device, 1, ahead=2)
    says(device, 2, ahead=-7_200, later=3_601)
    noticed = clock(device)
    assert noticed is not None
    assert (noticed.skew_s, noticed.is_wrong) == (-7_200, True)
    newest = selectors.latest_metrics([device.pk])[device.pk]
    assert newest.metrics == {"cpu_percent": 1.0}, "the newest reading stays what it is"


def test_a_device_without_a_clock_is_not_judged(device: Any) -> None:
    says(device, 1, ahead=None)
    assert clock(device) is None
    says(device, 2, ahead=0)
    says(device, 3, ahead=None, later=4_000)
    assert clock(device) == Clock(skew_s=0, measured_at=NOW, is_wrong=False)
