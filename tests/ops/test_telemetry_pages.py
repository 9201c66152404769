"""Telemetry on pages: charts over a span, readings as they came, payloads that were set aside."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from ops import meters, sensor_histories, spans
from telemetry.models import LatestMetrics, Reading, SetAsidePayload
from telemetry.services import rolling, set_aside
from telemetry.services.set_aside import Unusable
from tests.factories.devices import Board, connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member, row, unpair

NOW = timezone.now()
EVERYTHING = "tests look at everything"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the device."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device, which is connected."""
    return connected_device(ada.actor)


def measure(board: Board, count: int, *, every: int = 60, **metrics: float) -> None:
    """Readings up to now, the newest of them with the number `count`."""
    device = row(board.uid)
    Reading.objects.unscoped(EVERYTHING).bulk_create(
        Reading(
            device_id=device.pk,
            tenant_id=device.tenant_id,
            boot_id="boot",
            seq=seq,
            at=NOW - timedelta(seconds=every * (count - seq)),
            received_at=NOW,
            metrics=metrics or {"cpu_percent": float(seq)},
        )
        for seq in range(1, count + 1)
    )


@pytest.mark.django_db
@pytest.mark.core
def test_every_metric_has_a_chart_that_is_drawn_without_a_script_too(
    ada: Person, board: Board
) -> None:
    page = f"/dashboard/devices/{board.uid}/telemetry"
    assert "Nothing measured yet" in ada.page(page)
    measure(board, 90, cpu_percent=12.5, uptime_s=7200.0)
    rolling.roll_up(now=NOW + timedelta(hours=2))
    # Names are known from whole hours and from the newest reading: the newer one counts.
    LatestMetrics.objects.unscoped(EVERYTHING).create(
        device_id=board.device_id,
        tenant_id=row(board.uid).tenant_id,
        metrics={"uptime_s": 10_800.0},
        at=NOW,
        received_at=NOW,
    )
    body = ada.page(f"{page}?range=6h")
    assert re.findall(r'data-metrics="(\w+)" data-labels="([^"]+)" data-units="(\w+)"', body) == [
        ("cpu_percent", "CPU", "percent"),
        ("uptime_s", "Uptime", "seconds"),
    ]
    assert body.count("trace__line") == 2 and ">3 h</span>" in body
    assert f"/api/v1/devices/{board.uid}/metrics/export?from=" in body
    found = ada.page(f"{page}?q=upt&range=7d&compare=uptime_s&compare=unheard_of")
    assert 'data-metrics="cpu_percent"' not in found and "Side by side" in found
    assert 'data-metrics="uptime_s " data-labels="Uptime"' in found
    assert "No metric is called that" in ada.page(f"{page}?q=zzz")


@pytest.mark.django_db
@pytest.mark.core
def test_readings_are_paged_from_the_newest_and_narrowed_by_metric(
    ada: Person, board: Board
) -> None:
    measure(board, 70)
    measure(board, 1, fan_rpm=900.0)
    page = f"/dashboard/devices/{board.uid}/telemetry/raw"
    first = ada.page(page)
    (after,) = re.findall(r'before=([\d.]+)" rel="next"', first)
    second = ada.page(f"{page}?before={after}")
    numbers = [re.findall(r'title="Boot boot">(\d+)<', body) for body in (first, second)]
    assert [len(found) for found in numbers] == [50, 21]
    # No reading is on both pages, and none is left out.
    assert sorted(int(n) for found in numbers for n in found) == sorted([1, *range(1, 71)])
    only = ada.page(f"{page}?metric=fan_rpm&as=json")
    assert "&quot;fan_rpm&quot;: 900.0" in only and "cpu_percent&quot;:" not in only
    assert "no name of a metric" in ada.page(f"{page}?metric=%27;drop")
    assert "No readings in" in ada.page(f"{page}?from=2020-01-01T00:00&to=2020-01-02T00:00")
    ada.page(f"{page}?before=99999999999999999999.1")


@pytest.mark.django_db
def test_an_archived_device_is_read_and_strangers_find_nothing(ada: Person, board: Board) -> None:
    measure(board, 3)
    unpair(ada, board)
    body = ada.page(f"/dashboard/devices/{board.uid}/telemetry/raw")
    assert "cpu_percent" in body and "data-readings-news" not in body
    assert f'data-live="{board.uid}"' not in ada.page(f"/dashboard/devices/{board.uid}/telemetry")
    for path in ("telemetry", "telemetry/raw"):
        Person(make_user()).page(f"/dashboard/devices/{board.uid}/{path}", status=404)


def keep(uid: str, payload: bytes, reason: str) -> str:
    """The uid of a payload that was set aside."""
    unusable = Unusable(
        device_uid=uid, topic=f"homepot/v1/{uid}/telemetry", payload=payload, reason=reason
    )
    set_aside.keep(unusable=[unusable], now=NOW)
    kept = SetAsidePayload.objects.unscoped(EVERYTHING).latest("pk")
    return str(kept.uid)


@pytest.mark.django_db
@pytest.mark.core
def test_what_was_set_aside_is_looked_at_tried_again_and_thrown_away(
    ada: Person, board: Board
) -> None:
    assert "Everything could be used" in ada.page("/dashboard/set-aside")
    readings = [{"seq": 1, "at": NOW.isoformat(), "metrics": {"cpu_percent": 5}}]
    sent = {"type": "telemetry", "boot_id": "b", "readings": readings}
    good = keep(board.uid, json.dumps(sent).encode(), "not_stored")
    bad = keep(board.uid, b"<script>{", "malformed")
    body = ada.page("/dashboard/set-aside")
    assert "&lt;script&gt;{" in body and "<script>{" not in body
    assert "Nothing like that" in ada.page("/dashboard/set-aside?reason=unheard_of")
    assert "1 record stored" in ada.post(f"/dashboard/set-aside/{good}/replay")
    assert "0 records stored, 1 known" in ada.post(f"/dashboard/set-aside/{good}/replay")
    assert "still cannot be understood" in ada.post(f"/dashboard/set-aside/{bad}/replay", 400)

    viewer = member(ada, "viewer")
    assert "Discard" not in viewer.page("/dashboard/set-aside")
    viewer.post(f"/dashboard/set-aside/{bad}/discard", 403)
    Person(make_user()).post(f"/dashboard/set-aside/{bad}/discard", 404)
    assert ada.sent_on(f"/dashboard/set-aside/{bad}/discard") == "/dashboard/set-aside"
    assert "&lt;script&gt;{" not in ada.page("/dashboard/set-aside")


@pytest.mark.parametrize(
    ("asked", "name", "hours"),
    [
        ({}, "24h", 24),
        ({"range": "7d"}, "7d", 168),
        ({"range": "7y"}, "24h", 24),
        ({"from": "2026-03-01T10:00:00+02:00", "to": "2026-03-01T12:00:00Z"}, "", 4),
        ({"from": "2026-03-01T10:00:00 02:00", "to": "2026-03-01T12:00"}, "", 4),
        ({"from": "2026-03-01T12:00", "to": "2026-03-01T10:00"}, "24h", 24),
        ({"from": "2026-13-01T12:00", "to": "2026-03-01T10:00"}, "24h", 24),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "2026-03-01T10:00"}, "24h", 24),
    ],
)
def test_an_address_that_makes_no_sense_shows_the_usual_span(
    asked: dict[str, str], name: str, hours: int
) -> None:
    span = spans.span_of(asked, now=NOW)
    assert (span.name, span.length) == (name, timedelta(hours=hours))


def test_metrics_the_console_does_not_know_are_told_by_their_names() -> None:
    shown = [(meter.label, meter.unit) for meter in map(meters.meter_for, ("fan.speed_bytes", "x"))]
    assert shown == [("Fan speed", "bytes"), ("X", "")]
    assert meters.written(1536, unit="bytes") == "1.5 kB"


def test_a_sensor_holds_its_value_until_the_next_one() -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    span = {"since": since, "until": since + timedelta(hours=24)}

    def said(*pairs: tuple[int, object]) -> list[SimpleNamespace]:
        return [SimpleNamespace(at=since + timedelta(hours=h), value=value) for h, value in pairs]

    contact = sensor_histories.trace(said((6, True), (12, False)), **span)
    assert contact is not None and contact.bars == [(72.0, 72.0)]
    air = sensor_histories.trace(said((0, 20), (12, 22)), **span)
    assert air is not None and air.line == "0.0,22.5 144.0,22.5 144.0,1.5 288.0,1.5"
    assert sensor_histories.trace(said((1, "hold")), **span) is None
