"""Exports: complete, in order, safe for spreadsheets, in constant memory, within their scope."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from kernel import row_security
from kernel.actors import Actor
from telemetry import exporting
from telemetry.api.metric_views import MetricExport
from telemetry.models import Reading
from telemetry.services import rolling
from tests.kernel.threads import run_at_once
from tests.telemetry.boards import NOW, board, household, member
from tests.telemetry.test_api import get
from tests.telemetry.test_rolling import arrive

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def device() -> Any:
    """A paired device."""
    return board(tenant=household())


def fetch(device: Any, actor: Actor | None = None, **query: Any) -> bytes:
    query = {"to": (NOW + timedelta(hours=1)).isoformat(), **query}
    response = get(MetricExport, actor or member(device.tenant), device.uid, **query)
    assert response.status_code == 200, response.data
    return b"".join(response.streaming_content)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_every_value_is_a_line_in_order_of_time(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 3)
    # Many of one moment, so that pages end among them.
    arrive(device, [(NOW, {"cpu": float(value)}) for value in range(7)])
    arrive(device, [(NOW - timedelta(seconds=1), {"cpu": -1.5, "mem": 2.0})])
    arrive(board("board-2", tenant=device.tenant), [(NOW, {"cpu": 99.0})])
    found = rows(fetch(device))
    assert [row["value"] for row in found] == ["-1.5", "2.0", *(f"{n}.0" for n in range(7))]
    assert found[0] == {
        "at": "2026-03-01T11:59:59Z",
        "metric": "cpu",
        "value": "-1.5",
        "received_at": "2026-03-01T12:00:00Z",
        "is_at_corrected": "False",
    }
    assert [row["metric"] for row in rows(fetch(device, metric="mem"))] == ["mem"]
    span: dict[str, Any] = {"from": NOW.isoformat(), "to": (NOW + timedelta(seconds=1)).isoformat()}
    assert len(rows(fetch(device, **span))) == 7


def test_json_lines_have_the_same(device: Any) -> None:
    arrive(device, [(NOW, {"cpu": 1e22})])
    (line,) = fetch(device, format="jsonl").splitlines()
    assert json.loads(line) == {
        "at": "2026-03-01T12:00:00Z",
        "metric": "cpu",
        "value": 1e22,
        "received_at": "2026-03-01T12:00:00Z",
        "is_at_corrected": False,
    }


@pytest.mark.parametrize("resolution", ["5m", "1h"])
def test_buckets_come_by_metric_and_then_by_time(
    device: Any, resolution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    hours = [NOW - timedelta(hours=ago) for ago in range(5)]
    arrive(device, [(at, {"b": 1.0, "a": 2.0}) for at in hours] + [(NOW, {"a": 4.0})])
    rolling.roll_up(NOW)
    found = rows(fetch(device, resolution=resolution))
    assert [row["metric"] for row in found] == ["a"] * 5 + ["b"] * 5
    assert [row["at"] for row in found[:5]] == sorted(row["at"] for row in found[:5])
    assert (found[4]["count"], found[4]["avg"], found[4]["last"]) == ("2", "3.0", "4.0")
    assert len(rows(fetch(device, resolution=resolution, metric="b"))) == 5


def test_no_cell_is_a_formula() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"):
        assert exporting.safe_cell(text) == f"'{text}"
    assert exporting.safe_cell(-1.5) == -1.5
    assert exporting.safe_cell("cpu") == "cpu"


def test_a_file_has_a_name_and_is_not_kept_by_anyone(device: Any) -> None:
    response = get(MetricExport, member(device.tenant), device.uid)
    assert response["Content-Disposition"] == 'attachment; filename="board-1-metrics.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    [{"format": "xlsx"}, {"resolution": "1d"}, {"metric": "no name'--"}, {"from": "yesterday"}],
    ids=str,
)
def test_a_wrong_question_is_refused_before_anything_is_sent(
    device: Any, query: dict[str, str]
) -> None:
    response = get(MetricExport, member(device.tenant), device.uid, **query)
    assert (response.status_code, response.data["code"]) == (400, "validation_error")


def test_a_foreign_device_is_as_missing_as_none(device: Any) -> None:
    response = get(MetricExport, member(household("Next door")), device.uid)
    assert (response.status_code, response.data["code"]) == (404, "not_found")


def test_the_archive_can_be_exported(device: Any) -> None:
    arrive(device, [(NOW, {"cpu": 1.0})])
    device.is_active, device.pairing, device.unpaired_at = False, "unpaired", NOW
    device.save()
    assert len(rows(fetch(device))) == 1


def test_each_page_is_read_within_what_the_actor_may_touch(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pieces are made after the request's own scope has ended, on whatever thread."""
    monkeypatch.setattr(exporting, "PAGE", 2)
    monkeypatch.setattr(row_security.Outside, "scope", row_security.NOTHING)
    arrive(device, [(NOW, {"cpu": float(value)}) for value in range(5)])
    response = get(MetricExport, member(device.tenant), device.uid, to=_later())
    pieces = iter(response.streaming_content)
    taken: list[bytes] = []
    while len(taken) < 4:
        (piece,) = run_at_once(1, lambda _: next(pieces))
        assert isinstance(piece, bytes), piece
        taken.append(piece)
    assert len(rows(b"".join(taken))) == 5


def test_200_000_lines_do_not_grow_memory(device: Any) -> None:
    metrics = {f"metric_{number}": float(number) for number in range(10)}
    for start in range(0, 20_000, 2_000):
        arrive(
            device, [(NOW - timedelta(seconds=start + place), metrics) for place in range(2_000)]
        )
    actor = member(device.tenant)
    found = exporting.export(
        actor=actor,
        device_uid=device.uid,
        metrics=[],
        since=NOW - timedelta(days=1),
        until=_soon(),
        resolution="raw",
        form="csv",
    )
    connection.queries_log.clear()
    lines = 0
    early = peak = 0
    tracemalloc.start()
    try:
        for number, piece in enumerate(found.pieces):
            lines += piece.count(b"\n")
            if number == 3:
                early = tracemalloc.get_traced_memory()[1]
                tracemalloc.reset_peak()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == 200_001
    assert peak < early * 1.5 + 1_000_000, (early, peak)


def test_who_stops_reading_ends_the_work(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE", 1)
    arrive(device, [(NOW, {"cpu": float(value)}) for value in range(50)])
    response = get(MetricExport, member(device.tenant), device.uid, to=_later())
    pieces: Iterator[bytes] = iter(response.streaming_content)
    next(pieces), next(pieces)
    Reading.objects.unscoped("nobody reads on").count()
    response.close()
    with pytest.raises(StopIteration):
        next(pieces)


def _soon() -> Any:
    return NOW + timedelta(hours=1)


def _later() -> str:
    return str(_soon().isoformat())
