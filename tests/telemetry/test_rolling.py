"""Buckets are what their readings come to, whenever those arrive and whoever rolls them up."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry import buckets, policies, rollup_statements
from telemetry.buckets import FIVE_MINUTES, HOUR, Bucket, Sample
from telemetry.models import Reading, ReadingRollup, RollupCursor
from telemetry.services import retention, rolling
from tests.database_cleaning import SUPERUSER_URL
from tests.kernel.threads import run_at_once
from tests.migrated import copy_template
from tests.services import with_database
from tests.telemetry.boards import NOW, board, household

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]

_LONG_AGO = NOW - timedelta(days=30)


@pytest.fixture
def device() -> Any:
    """A paired device."""
    return board(tenant=household())


def arrive(
    device: Any, values: Iterable[tuple[datetime, dict[str, float]]], *, now: datetime = NOW
) -> None:
    """Readings of these times and values, in this order, past the wire; none before its time."""
    newest = Reading.objects.unscoped("tests look at everything").order_by("-pk").first()
    number = newest.seq + 1 if newest else 0
    Reading.objects.bulk_create(
        [
            Reading(
                device_id=device.pk,
                tenant_id=device.tenant_id,
                boot_id="b",
                seq=number + place,
                at=at,
                received_at=max(now, at),
                metrics=metrics,
            )
            for place, (at, metrics) in enumerate(values)
        ]
    )


def kept(tier: int = FIVE_MINUTES, metric: str = "cpu_percent") -> dict[datetime, Bucket]:
    rows = ReadingRollup.objects.unscoped("tests look at everything")
    return {
        row.bucket_at: Bucket(
            count=row.count,
            min=row.min,
            max=row.max,
            sum=row.sum,
            last=row.last,
            last_at=row.last_at,
        )
        for row in rows.filter(tier=tier, metric=metric)
    }


def expected(values: Sequence[tuple[datetime, float]], tier: int) -> dict[datetime, Bucket]:
    grouped: dict[datetime, list[Sample]] = {}
    for order, (at, value) in enumerate(values):
        sample = Sample(at=at, value=value, order=order)
        grouped.setdefault(buckets.start_of(at, tier), []).append(sample)
    folded = {start: buckets.fold(samples) for start, samples in grouped.items()}
    return {start: bucket for start, bucket in folded.items() if bucket is not None}


def cpu(values: Iterable[tuple[datetime, float]]) -> list[tuple[datetime, dict[str, float]]]:
    return [(at, {"cpu_percent": value}) for at, value in values]


_times = st.integers(0, 3 * HOUR * 2).map(lambda half: _LONG_AGO + timedelta(seconds=half / 2))
_values = st.lists(st.tuples(_times, st.integers(-1000, 1000).map(float)), max_size=20)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=st.lists(_values, min_size=1, max_size=4), forgets=st.booleans())
def test_buckets_are_what_all_their_readings_come_to(
    device: Any, batches: list[list[tuple[datetime, float]]], *, forgets: bool
) -> None:
    Reading.objects.unscoped("each example begins empty").delete()
    ReadingRollup.objects.unscoped("each example begins empty").delete()
    RollupCursor.objects.filter(name=policies.CURSOR).update(raw_from=None, fine_from=None)
    everything: list[tuple[datetime, float]] = []
    for batch in batches:
        arrive(device, cpu(batch), now=_LONG_AGO + timedelta(hours=4))
        everything += batch
        rolling.roll_up(NOW, chunk=7)
        if forgets:
            # Their buckets can only be added to from now on.
            retention.forget_old(NOW)
            assert not Reading.objects.unscoped("they are all old").exists()
    for tier in (FIVE_MINUTES, HOUR):
        assert kept(tier) == expected(everything, tier)


def test_every_metric_of_every_device_has_buckets_of_its_own(device: Any) -> None:
    other = board("board-2", tenant=household("Next door"))
    arrive(device, [(NOW, {"a": 1.0, "b": 2.0}), (NOW, {"a": 3.0})])
    arrive(other, [(NOW, {"a": 5.0})])
    rolling.roll_up(NOW)
    rows = ReadingRollup.objects.unscoped("tests look at everything").filter(tier=HOUR)
    found = {(row.device_id, row.tenant_id, row.metric): (row.count, row.last) for row in rows}
    assert found == {
        (device.pk, device.tenant_id, "a"): (2, 3.0),
        (device.pk, device.tenant_id, "b"): (1, 2.0),
        (other.pk, other.tenant_id, "a"): (1, 5.0),
    }


def test_readings_that_belong_to_nobody_are_not_rolled_up() -> None:
    arrive(board(), [(NOW, {"a": 1.0})])
    assert rolling.roll_up(NOW) > 0
    assert not ReadingRollup.objects.unscoped("tests look at everything").exists()


def test_odd_numbers_do_not_stop_the_rollup(device: Any) -> None:
    values = [1.7e308, 1.7e308, -5e-324, -0.0, 1e22, float(10**18)]
    arrive(device, cpu([(NOW, value) for value in values]))
    arrive(device, [(NOW, {"cpu_percent": "no number"})])  # type: ignore[dict-item]
    rolling.roll_up(NOW)
    (bucket,) = kept().values()
    assert (bucket.count, bucket.max, bucket.min) == (6, 1.7e308, -5e-324)
    assert bucket.sum == pytest.approx(2e290)


def test_a_reading_that_comes_days_late_corrects_its_bucket(device: Any) -> None:
    at = NOW - timedelta(days=3)
    arrive(device, cpu([(at, 1.0)]))
    rolling.roll_up(NOW)
    arrive(device, cpu([(NOW, 9.0), (at + timedelta(seconds=1), 3.0)]))
    rolling.roll_up(NOW)
    for tier in (FIVE_MINUTES, HOUR):
        bucket = kept(tier)[buckets.start_of(at, tier)]
        assert (bucket.count, bucket.sum, bucket.last) == (2, 4.0, 3.0)


def test_a_bucket_is_made_anew_and_not_added_to(device: Any) -> None:
    arrive(device, cpu([(NOW, 1.0)]))
    rolling.roll_up(NOW)
    ReadingRollup.objects.unscoped("somebody spoils it").update(count=77, sum=77.0)
    arrive(device, cpu([(NOW, 2.0)]))
    rolling.roll_up(NOW)
    assert kept()[NOW].sum == kept(HOUR)[NOW].sum == 3.0


def test_a_process_that_dies_before_its_commit_leaves_the_work_to_the_next(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        raise Killed

    arrive(device, cpu([(NOW, 1.0)]), now=_LONG_AGO)
    monkeypatch.setattr(rolling, "failpoint", die)
    with pytest.raises(Killed):
        rolling.roll_up(NOW)
    assert kept() == {}
    assert retention.forget_old(NOW) == 0, "it is not rolled up"
    monkeypatch.undo()
    assert rolling.roll_up(NOW) > 0
    assert kept()[NOW].count == 1
    assert rolling.roll_up(NOW) == 0


def test_many_processes_at_once_count_every_reading_once(device: Any) -> None:
    old = NOW - timedelta(days=20)
    arrive(device, cpu([(old, 1.0)]), now=old)
    rolling.roll_up(NOW)
    retention.forget_old(NOW)
    # Old buckets are added to, so that rolling twice would show.
    late = [(old + timedelta(seconds=n % 300), float(n)) for n in range(200)]
    arrive(device, cpu(late))

    outcomes = run_at_once(6, lambda _: rolling.roll_up(NOW, chunk=20))

    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    rolling.roll_up(NOW)
    assert kept()[old].count == kept(HOUR)[old].count == 201
    assert kept()[old].sum == 1.0 + sum(range(200))


def test_it_waits_for_a_chunk_or_half_a_minute(device: Any) -> None:
    arrive(device, cpu([(NOW, 1.0)]))
    assert rolling.roll_up_when_due(NOW) > 0
    arrive(device, cpu([(NOW, 1.0)]))
    assert rolling.roll_up_when_due(NOW + timedelta(seconds=29)) == 0
    assert rolling.roll_up_when_due(NOW + timedelta(seconds=30)) > 0


@pytest.mark.production_only
def test_a_key_that_shows_late_is_not_passed_over(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives out keys before COMMIT."""
    monkeypatch.setattr(rollup_statements, "_PATIENCE_S", 0.1)
    slow = connection.copy()
    try:
        slow.set_autocommit(False)
        with slow.cursor() as cursor:
            cursor.execute(
                "INSERT INTO telemetry_reading (device_id, tenant_id, boot_id, seq, at, "
                "received_at, is_at_corrected, metrics) VALUES (%s, %s, 'slow', 1, %s, %s, false, "
                "%s)",
                [device.pk, device.tenant_id, NOW, NOW, json.dumps({"cpu_percent": 5})],
            )
        arrive(device, cpu([(NOW, 1.0)]))
        assert rolling.roll_up(NOW) == 0, "the slow writer's key is lower"
        slow.commit()
    finally:
        slow.close()
    assert rolling.roll_up(NOW) > 0
    assert kept()[NOW].sum == 6.0


@pytest.mark.production_only
def test_nobody_waits_for_who_is_rolling_up(device: Any) -> None:
    arrive(device, cpu([(NOW, 1.0)]))
    rolling.roll_up(NOW)
    arrive(device, cpu([(NOW, 1.0)]))
    with transaction.atomic():
        assert rolling.take_cursor() is not None
        (found,) = run_at_once(1, lambda _: rolling.roll_up(NOW))
    assert found == 0
    assert rolling.roll_up(NOW) > 0


# Retention


@pytest.mark.embedded_only
def test_old_readings_go_chunk_by_chunk_and_new_ones_stay(device: Any) -> None:
    arrive(device, cpu([(NOW, 1.0)] * 7))
    later = NOW + policies.kept_raw() + timedelta(seconds=1)
    arrive(device, cpu([(later, 1.0)]), now=later)
    rolling.roll_up(later)
    assert retention.forget_old(later, chunk=3, max_chunks=2) == 6
    assert retention.forget_old(later, chunk=3) == 1
    left = Reading.objects.unscoped("tests look at everything")
    assert [row.seq for row in left] == [7]
    assert retention.forget_old(later) == 0
    assert kept()[NOW].count == 7


@pytest.mark.production_only
def test_a_writer_in_a_copy_of_the_database_holds_nothing_up(device: Any) -> None:
    arrive(device, cpu([(NOW, 1.0)]))
    server = os.environ[SUPERUSER_URL]
    name = f"copy_{secrets.token_hex(4)}"
    copy_template(server, name)
    with psycopg.connect(with_database(server, name)) as elsewhere:
        # The copy has the numbers of its original, and so has its table of readings.
        elsewhere.execute("LOCK TABLE telemetry_reading IN ROW EXCLUSIVE MODE")
        assert rolling.roll_up(NOW) > 0


@pytest.mark.embedded_only
def test_what_is_not_rolled_up_is_never_forgotten(device: Any) -> None:
    arrive(device, cpu([(_LONG_AGO, 1.0)] * 3), now=_LONG_AGO)
    rolling.roll_up(NOW)
    arrive(device, cpu([(_LONG_AGO, 1.0)] * 2), now=_LONG_AGO)
    assert retention.forget_old(NOW) == 3
    assert retention.forget_old(NOW) == 0
    rolling.roll_up(NOW)
    assert retention.forget_old(NOW) == 2
    assert kept()[_LONG_AGO].count == 5


def test_each_tier_has_its_time(device: Any) -> None:
    ages = [timedelta(days=days) for days in (1, 89, 91, 1825, 1900)]
    arrive(device, cpu([(NOW - age, 1.0) for age in ages]))
    rolling.roll_up(NOW)
    assert retention.forget_old_buckets(NOW) == 4
    assert sorted(kept()) == sorted(NOW - age for age in ages[:2])
    assert sorted(kept(HOUR)) == sorted(NOW - age for age in ages[:4])


@override_settings(TELEMETRY_RAW_DAYS=100, TELEMETRY_5M_DAYS=3, TELEMETRY_1H_DAYS=1)
def test_a_coarser_tier_is_never_kept_for_less_than_a_finer_one() -> None:
    assert policies.kept_fine() == policies.kept_hours() == timedelta(days=100)


def test_what_comes_after_its_five_minute_buckets_went_is_added_to_the_hour(device: Any) -> None:
    at = NOW - timedelta(days=100)
    arrive(device, cpu([(at, 1.0), (at + timedelta(minutes=20), 5.0)]), now=at)
    rolling.roll_up(at + timedelta(minutes=20))
    retention.forget_old(NOW)
    retention.forget_old_buckets(NOW)
    assert kept() == {}
    arrive(device, cpu([(at + timedelta(minutes=1), 3.0)]))
    rolling.roll_up(NOW)
    bucket = kept(HOUR)[at]
    assert (bucket.count, bucket.sum, bucket.last) == (3, 9.0, 5.0)
    retention.forget_old_buckets(NOW)
    assert kept() == {}
    assert kept(HOUR)[at].count == 3
