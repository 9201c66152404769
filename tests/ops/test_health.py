"""/health, /health/ready and /metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import RequestFactory
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from kernel import metrics as our
from kernel import realtime, ticker
from kernel.models import Heartbeat
from ops import health, metrics
from telemetry.services import ingest_processes, ingestion
from tests.telemetry.boards import NOW, batch, board, reading

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
PARTS = {"database", "layer", "ticker", "migrations"}
TOKEN = "metrics-token-of-the-tests"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing is remembered from another test."""
    health._require_migrated.cache_clear()
    yield
    health._require_migrated.cache_clear()


@pytest.fixture
def all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connected bus and a ticker that has just run."""
    monkeypatch.setattr(realtime.bus(), "check", lambda: True)
    ticker.beat(timezone.now())


def ready() -> tuple[int, dict[str, Any]]:
    response = health.ready(RequestFactory().get("/health/ready"))
    return response.status_code, json.loads(response.content)


def failing(body: dict[str, Any]) -> set[str]:
    return {name for name, part in body["checks"].items() if not part["ok"]}


def test_liveness_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "cursor", lambda: pytest.fail("liveness used the database"))
    response = health.live(RequestFactory().get("/health"))
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok"})


def test_it_is_ready_when_every_part_is(all_is_well: None) -> None:
    status, body = ready()
    assert (status, body["status"], failing(body)) == (200, "ready", set())
    assert body["checks"].keys() == PARTS
    for part in body["checks"].values():
        assert part.keys() == {"ok", "latency_ms", "detail"}
        assert part["latency_ms"] >= 0


def test_a_bus_that_is_not_connected_shows(all_is_well: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(realtime.bus(), "check", lambda: False)
    status, body = ready()
    assert (status, failing(body)) == (503, {"layer"})


@pytest.mark.parametrize("age_s", [None, 31])
def test_a_silent_ticker_shows(all_is_well: None, age_s: int | None) -> None:
    Heartbeat.objects.all().delete()
    if age_s is not None:
        ticker.beat(timezone.now() - timedelta(seconds=age_s))
    status, body = ready()
    assert (status, failing(body)) == (503, {"ticker"})


def test_a_ticker_that_ran_a_while_ago_is_fine(all_is_well: None) -> None:
    ticker.beat(timezone.now() - timedelta(seconds=25))
    assert ready()[0] == 200


def note_ingest(now: Any, **state: Any) -> None:
    facts = {"is_connected": True, "dropped": 0, "dropped_at": None} | state
    ingest_processes.note_process(name="one", started_at=now, now=now, **facts)


def test_a_broker_that_nobody_reads_from_is_told_and_pages_serve_on(
    all_is_well: None, settings: Any
) -> None:
    settings.MQTT_URL = "mqtt://broker.test"
    note_ingest(timezone.now() - timedelta(seconds=40))
    status, body = ready()
    assert (status, failing(body)) == (200, {"mqtt"})
    note_ingest(timezone.now(), is_connected=False)
    assert ready()[1]["checks"]["mqtt"]["detail"] == "not connected to the broker"
    note_ingest(timezone.now())
    assert failing(ready()[1]) == set()


def test_what_the_broker_dropped_is_told(all_is_well: None, settings: Any) -> None:
    settings.MQTT_URL = "mqtt://broker.test"
    note_ingest(timezone.now(), dropped=7, dropped_at=timezone.now())
    detail = ready()[1]["checks"]["mqtt"]["detail"]
    assert detail == "ok; the broker has dropped 7 messages"


def test_a_database_that_is_away_shows_without_a_word_about_it(
    all_is_well: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OperationalError("password authentication failed for user homepot_app at 10.1.2.3")

    monkeypatch.setattr(connection, "cursor", refuse)
    status, body = ready()
    assert status == 503
    assert "database" in failing(body)
    assert "10.1.2.3" not in json.dumps(body)
    assert body["checks"]["database"]["detail"] == "does not answer"


def test_a_waiting_migration_shows_until_it_is_applied(
    all_is_well: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan: list[str] = ["0002"]
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: plan)
    assert failing(ready()[1]) == {"migrations"}
    plan.clear()
    assert failing(ready()[1]) == set()
    plan.append("looked at once only")
    assert failing(ready()[1]) == set()


@pytest.mark.parametrize("view", [health.live, health.ready, metrics.metrics])
def test_they_only_read(view: Any) -> None:
    assert view(RequestFactory().post("/")).status_code == 405


def scrape(address: str = "127.0.0.1", authorization: str | None = None) -> Any:
    headers = {"Authorization": authorization} if authorization else {}
    request = RequestFactory().get("/metrics", REMOTE_ADDR=address, headers=headers)
    return metrics.metrics(request)


@pytest.mark.parametrize(
    ("token", "allow", "address", "authorization", "expected"),
    [
        ("", ["127.0.0.1/32"], "127.0.0.1", None, 200),
        ("", ["127.0.0.1/32"], "192.0.2.1", None, 403),
        ("", ["10.0.0.0/8"], "10.4.5.6", None, 200),
        ("", [], "127.0.0.1", None, 403),
        ("", [], "", None, 403),
        ("", [], "192.0.2.1", "Bearer ", 403),
        (TOKEN, [], "192.0.2.1", f"Bearer {TOKEN}", 200),
        (TOKEN, [], "192.0.2.1", f"bearer {TOKEN}", 200),
        (TOKEN, [], "192.0.2.1", f"Basic {TOKEN}", 403),
        (TOKEN, [], "192.0.2.1", "Bearer wrong", 403),
        (TOKEN, [], "192.0.2.1", "Bearer é", 403),
        (TOKEN, [], "192.0.2.1", None, 403),
        (TOKEN, ["127.0.0.1/32"], "127.0.0.1", None, 200),
    ],
)
def test_metrics_are_for_those_with_the_token_or_from_an_allowed_network(
    settings: Any, token: str, allow: list[str], address: str, authorization: Any, expected: int
) -> None:
    settings.METRICS_TOKEN, settings.METRICS_ALLOW = token, allow
    response = scrape(address, authorization)
    assert response.status_code == expected
    if expected == 403:
        assert json.loads(response.content)["code"] == "permission_denied"


def ours() -> list[Any]:
    text = scrape().content.decode()
    found = text_string_to_metric_families(text)
    return [family for family in found if family.name.startswith("homepot_")]


def series() -> int:
    return sum(
        1 for family in ours() for sample in family.samples if not sample.name.endswith("_created")
    )


def test_our_metrics_are_there() -> None:
    names = {family.name for family in ours()}
    assert names >= {
        "homepot_commands",
        "homepot_command_seconds",
        "homepot_device_sockets",
        "homepot_client_sockets",
        "homepot_device_messages",
        "homepot_protocol_errors",
        "homepot_readings",
        "homepot_hints_lost",
    }


def test_no_label_of_ours_is_an_id() -> None:
    labels = {
        label
        for collector in set(REGISTRY._collector_to_names)
        if getattr(collector, "_name", "").startswith("homepot_")
        for label in collector._labelnames  # type: ignore[attr-defined]
    }
    assert labels
    assert labels <= our.ALLOWED_LABELS
    assert not [name for name in our.ALLOWED_LABELS if name.endswith(("id", "uid", "name"))]


def test_a_thousand_devices_add_no_series() -> None:
    devices = [board(f"board-{number}") for number in range(1000)]
    ingestion.ingest_readings(
        device_id=devices[0].pk, tenant_id=None, telemetry=batch(reading(1), refused=(2,)), now=NOW
    )
    before = series()
    for device in devices[1:]:
        ingestion.ingest_readings(
            device_id=device.pk, tenant_id=None, telemetry=batch(reading(1)), now=NOW
        )
    assert series() == before
