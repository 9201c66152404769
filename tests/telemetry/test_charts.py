"""Charts in few points, from the tier that fits, and the names of metrics."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kernel.actors import Actor
from telemetry import buckets
from telemetry.api.metric_views import MetricNames
from telemetry.api.views import MetricSeries
from telemetry.models import Reading, ReadingRollup
from telemetry.services import retention, rolling
from tests.telemetry.boards import board, household, member
from tests.telemetry.test_api import get
from tests.telemetry.test_rolling import arrive

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]

# The API asks the clock, so these tests do.
_NOW = buckets.start_of(timezone.now(), 3_600)


@pytest.fixture
def device() -> Any:
    """A paired device."""
    return board(tenant=household())


def chart(device: Any, *metrics: str, actor: Actor | None = None, **query: Any) -> Any:
    asked = {"metric": list(metrics), "to": _NOW.isoformat(), **query}
    response = get(MetricSeries, actor or member(device.tenant), device.uid, **asked)
    assert response.status_code == 200, response.data
    return response.data


def since(**ago: float) -> dict[str, Any]:
    return {"from": (_NOW - timedelta(**ago)).isoformat()}


def test_gaps_are_nulls_and_not_left_out(device: Any) -> None:
    for ago, value in ((55, 1.0), (54, 3.0), (5, 7.0)):
        arrive(device, [(_NOW - timedelta(minutes=ago), {"cpu": value})])
    rolling.roll_up(_NOW)
    body = chart(device, "cpu", points=12, **since(hours=1))
    assert (body["resolution"], body["tier"], body["bucket_seconds"]) == ("5m", "5m", 300)
    (series,) = body["series"]
    assert series["metric"] == "cpu"
    assert [bucket["count"] for bucket in series["buckets"]] == [0, 2, *([0] * 9), 1]
    first, second = series["buckets"][0], series["buckets"][1]
    assert (first["min"], first["max"], first["avg"], first["last"]) == (None,) * 4
    assert (second["min"], second["max"], second["avg"], second["last"]) == (1.0, 3.0, 2.0, 3.0)
    assert first["at"] == body["from"] == (_NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("ago", "points", "source", "resolution"),
    [
        ({"minutes": 10}, 60, "raw", "10s"),
        ({"hours": 1}, 12, "5m", "5m"),
        ({"hours": 2}, 4, "5m", "30m"),
        ({"days": 2}, 48, "1h", "1h"),
        ({"days": 2}, 3, "1h", "1d"),
        ({"days": 365}, 400, "1h", "1d"),
    ],
)
def test_every_tier_tells_the_same(
    device: Any, ago: dict[str, int], points: int, source: str, resolution: str
) -> None:
    values = [float(value) for value in (4, -2, 9, 9, 1)]
    times = [_NOW - timedelta(seconds=seconds) for seconds in (540, 500, 310, 200, 0.5)]
    arrive(device, [(at, {"cpu": value}) for at, value in zip(times, values, strict=True)])
    rolling.roll_up(_NOW)
    body = chart(device, "cpu", points=points, **since(**ago))
    assert (body["tier"], body["resolution"]) == (source, resolution)
    drawn = [bucket for bucket in body["series"][0]["buckets"] if bucket["count"]]
    assert len(body["series"][0]["buckets"]) <= points
    assert sum(bucket["count"] for bucket in drawn) == 5
    assert sum(bucket["count"] * bucket["avg"] for bucket in drawn) == pytest.approx(21)
    assert min(bucket["min"] for bucket in drawn) == -2
    assert max(bucket["max"] for bucket in drawn) == 9
    assert drawn[-1]["last"] == 1


def test_several_metrics_come_at_once_each_with_its_own_gaps(device: Any) -> None:
    arrive(device, [(_NOW - timedelta(minutes=1), {"a": 1.0}), (_NOW, {"b": 1.0})])
    rolling.roll_up(_NOW)
    body = chart(device, "a", "b", "never.sent", "a")
    found = {
        series["metric"]: sum(bucket["count"] for bucket in series["buckets"])
        for series in body["series"]
    }
    assert found == {"a": 1, "b": 0, "never.sent": 0}, "what is at `to` does not count"


def test_two_thousand_points_are_the_most(device: Any) -> None:
    body = chart(device, "cpu", points=2_000, **since(days=5 * 365))
    assert 1_000 < len(body["series"][0]["buckets"]) <= 2_000


def test_without_points_one_metric_comes_as_it_was_sent(device: Any) -> None:
    arrive(device, [(_NOW - timedelta(minutes=1), {"cpu": 1.0})])
    body = chart(device, "cpu")
    assert [point["value"] for point in body["points"]] == [1.0]
    assert (body["resolution"], body["series"]) == ("raw", [])


def test_the_history_of_a_device_survives_its_readings_and_its_life(device: Any) -> None:
    at = _NOW - timedelta(days=20)
    arrive(device, [(at, {"cpu": 5.0})], now=at)
    rolling.roll_up(_NOW)
    assert retention.forget_old(_NOW) == 1
    device.is_active, device.pairing, device.unpaired_at = False, "unpaired", _NOW
    device.save()
    body = chart(device, "cpu", points=2_000, **since(days=21))
    assert sum(bucket["count"] for bucket in body["series"][0]["buckets"]) == 1
    assert get(MetricNames, member(device.tenant), device.uid).data["metrics"][0]["last"] == 5.0


def test_what_was_sent_before_the_device_had_its_owner_is_nobodys(device: Any) -> None:
    arrive(device, [(_NOW - timedelta(minutes=1), {"cpu": 1.0})])
    Reading.objects.unscoped("as if it had come before the claim").update(tenant_id=None)
    rolling.roll_up(_NOW)
    for points in (12, 2_000):
        body = chart(device, "cpu", points=points, **since(hours=1))
        assert not any(bucket["count"] for bucket in body["series"][0]["buckets"])


@pytest.mark.parametrize(
    "query",
    [
        {"metric": ["cpu"], "points": 1},
        {"metric": ["cpu"], "points": 2_001},
        {"metric": [f"m{number}" for number in range(11)]},
        {"metric": ["cpu", "no name'--"]},
        {"metric": ["cpu"], "points": 10, "from": "2026-01-02T00:00Z", "to": "2026-01-01T00:00Z"},
        {"metric": ["cpu"], "points": 10, "from": "1970-01-01T00:00Z", "to": "9999-12-31T23:59Z"},
    ],
    ids=str,
)
def test_a_wrong_question_is_a_validation_error(device: Any, query: dict[str, Any]) -> None:
    response = get(MetricSeries, member(device.tenant), device.uid, **query)
    assert (response.status_code, response.data["code"]) == (400, "validation_error")


@pytest.mark.parametrize("view", [MetricSeries, MetricNames])
def test_a_foreign_device_is_as_missing_as_none(device: Any, view: Any) -> None:
    stranger = member(household("Next door"))
    for uid in (device.uid, "no-such-board"):
        response = get(view, stranger, uid, metric="cpu", points=10)
        assert (response.status_code, response.data["code"]) == (404, "not_found")


def test_the_names_come_with_their_last_values(device: Any) -> None:
    assert get(MetricNames, member(device.tenant), device.uid).data["metrics"] == []
    days = [(_NOW - timedelta(days=ago), {"b.c": float(ago), "a": 1.0}) for ago in (3, 2, 1)]
    arrive(device, [*days, (_NOW - timedelta(days=9), {"old": 4.0})])
    other = board("board-2", tenant=device.tenant)
    arrive(other, [(_NOW, {"z": 1.0})])
    rolling.roll_up(_NOW)
    found = get(MetricNames, member(device.tenant), device.uid).data["metrics"]
    assert [(row["metric"], row["last"]) for row in found] == [
        ("a", 1.0),
        ("b.c", 1.0),
        ("old", 4.0),
    ]


def test_a_chart_reads_its_buckets_in_one_statement(device: Any) -> None:
    ReadingRollup.objects.bulk_create(
        ReadingRollup(
            device=device,
            tenant_id=device.tenant_id,
            metric=metric,
            tier=3_600,
            bucket_at=_NOW - timedelta(hours=hour),
            count=1,
            min=0,
            max=0,
            sum=0,
            last=0,
            last_at=_NOW,
        )
        for metric, hour in itertools.product("ab", range(200))
    )
    with CaptureQueriesContext(connection) as queries:
        chart(device, "a", "b", points=100, **since(days=8))
    assert sum("telemetry_readingrollup" in str(query["sql"]) for query in queries) == 1
