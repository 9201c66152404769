"""Metrics over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIRequestFactory, force_authenticate

from kernel.actors import Actor
from telemetry.api.views import LatestMetrics, MetricSeries
from telemetry.services import ingestion
from tests.telemetry.boards import NOW, batch, board, household, member, reading

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def actor() -> Actor:
    """A member of the household that has `board-1` with ten readings."""
    tenant = household()
    device = board(tenant=tenant)
    frame = batch(*(reading(seq) for seq in range(10)), reading(10, temperature_celsius=21.5))
    ingestion.ingest_readings(device_id=device.pk, tenant_id=tenant.pk, telemetry=frame, now=NOW)
    return member(tenant)


def get(view: Any, actor: Actor, uid: str = "board-1", /, **query: Any) -> Any:
    request = APIRequestFactory().get("/", query)
    force_authenticate(request, user=object(), token=actor)
    return view.as_view()(request, uid=uid)


def series(actor: Actor, **query: Any) -> list[float]:
    query = {"metric": "cpu_percent", "to": NOW.isoformat(), **query}
    response = get(MetricSeries, actor, **query)
    assert response.status_code == 200, response.data
    return [point["value"] for point in response.data["points"]]


def test_the_latest_reading_is_shown(actor: Actor) -> None:
    body = get(LatestMetrics, actor).data
    assert body["device_uid"] == "board-1"
    assert body["metrics"] == {"temperature_celsius": 21.5}
    assert body["received_at"] == "2026-03-01T12:00:00Z"
    assert body["clock"] == {
        "skew_s": -50.0,
        "measured_at": "2026-03-01T12:00:00Z",
        "is_wrong": False,
    }


def test_a_device_without_readings_has_none(actor: Actor) -> None:
    tenant = household("Other")
    board("board-2", tenant=tenant)
    body = get(LatestMetrics, member(tenant), "board-2").data
    assert (body["metrics"], body["at"], body["clock"]) == ({}, None, None)


def test_a_series_is_in_order_of_time_and_has_only_that_metric(actor: Actor) -> None:
    assert series(actor) == [float(value) for value in range(10)]
    assert series(actor, metric="temperature_celsius") == [21.5]
    assert series(actor, metric="never_sent") == []


def test_a_span_and_a_limit_narrow_it_to_the_newest(actor: Actor) -> None:
    beginning = NOW - timedelta(seconds=57)
    assert series(actor, **{"from": beginning.isoformat()}) == [3, 4, 5, 6, 7, 8, 9]
    assert series(actor, to=beginning.isoformat()) == [0, 1, 2]
    response = get(MetricSeries, actor, metric="cpu_percent", to=NOW.isoformat(), limit=2)
    assert [point["value"] for point in response.data["points"]] == [8, 9]
    assert response.data["is_truncated"] is True


@pytest.mark.parametrize("view", [LatestMetrics, MetricSeries])
@pytest.mark.parametrize("uid", ["board-1", "no-such-board"])
def test_a_foreign_device_is_as_missing_as_none(actor: Actor, view: Any, uid: str) -> None:
    stranger = member(household("Next door"))
    response = get(view, stranger, uid, metric="cpu_percent")
    assert (response.status_code, response.data["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"metric": "no name'--"},
        {"metric": "cpu_percent", "from": "yesterday"},
        {"metric": "cpu_percent", "limit": 2001},
        {"metric": "cpu_percent", "limit": 0},
    ],
    ids=str,
)
def test_a_wrong_question_is_a_validation_error(actor: Actor, query: dict[str, Any]) -> None:
    response = get(MetricSeries, actor, **query)
    assert (response.status_code, response.data["code"]) == (400, "validation_error")
