"""Aggregates over many devices: whose they are, how they are grouped, what they come to."""

from __future__ import annotations

import statistics
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIRequestFactory, force_authenticate

from devices.models import Site
from kernel.actors import Actor
from telemetry import buckets, fleet_selectors
from telemetry.api.metric_views import FleetMetrics
from telemetry.services import rolling
from tests.telemetry.boards import board, household, member
from tests.telemetry.test_rolling import arrive

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]

_NOW = buckets.start_of(timezone.now(), 3_600)


@pytest.fixture
def tenant() -> Any:
    """A tenant with two shops, whose boards measured something each."""
    tenant = household()
    shops = [
        Site.objects.create(site_id=slug, tenant=tenant, name=slug.title(), created_at=_NOW)
        for slug in ("north", "south")
    ]
    for number in range(4):
        device = board(f"board-{number}", tenant=tenant)
        device.site, device.device_type = shops[number % 2], "till" if number else "hub"
        device.save()
        arrive(device, readings(number))
    rolling.roll_up(_NOW)
    return tenant


def readings(number: int) -> list[Any]:
    return [
        (_NOW - timedelta(minutes=10 * place + 1), {"cpu": float(10 * number + place)})
        for place in range(5)
    ]


def ask(actor: Any, **query: Any) -> Any:
    request: Any = APIRequestFactory().get("/", {"metric": "cpu", "to": _NOW.isoformat(), **query})
    force_authenticate(request, user=actor, token=actor)
    return FleetMetrics.as_view()(request)


def groups(actor: Actor, **query: Any) -> dict[str | None, Any]:
    response = ask(actor, **query)
    assert response.status_code == 200, response.data
    return {group["key"]: group for group in response.data["groups"]}


def test_without_groups_all_devices_are_one(tenant: Any) -> None:
    values = [10.0 * number + place for number in range(4) for place in range(5)]
    (group,) = groups(member(tenant)).values()
    assert (group["devices"], group["count"]) == (4, 20)
    assert (group["min"], group["max"]) == (0.0, 34.0)
    assert group["avg"] == pytest.approx(statistics.mean(values))
    assert group["p50"] == pytest.approx(statistics.median(values))
    assert group["p95"] == pytest.approx(buckets.percentile(values, 0.95))
    assert group["p99"] == pytest.approx(buckets.percentile(values, 0.99))


def test_groups_have_keys_and_names(tenant: Any) -> None:
    by_site = groups(member(tenant), group_by="site", fn="avg,p50")
    assert {key: (row["name"], row["devices"]) for key, row in by_site.items()} == {
        "north": ("North", 2),
        "south": ("South", 2),
    }
    assert by_site["north"]["avg"] == pytest.approx(12.0)
    assert by_site["north"]["p50"] == pytest.approx(12.0)
    assert by_site["south"]["tenant_uid"] == tenant.uid
    assert "count" not in by_site["south"]
    assert list(groups(member(tenant), group_by="device_type")) == ["hub", "till"]
    assert list(groups(member(tenant), group_by="device_class")) == ["server"]
    assert len(groups(member(tenant), group_by="device")) == 4


def test_devices_without_a_site_are_a_group_too(tenant: Any) -> None:
    arrive(board("nowhere", tenant=tenant), readings(9))
    rolling.roll_up(_NOW)
    assert groups(member(tenant), group_by="site")[None]["devices"] == 1


def test_other_tenants_and_other_sites_stay_out(tenant: Any) -> None:
    stranger = household("Next door")
    arrive(board("strange", tenant=stranger), readings(9))
    rolling.roll_up(_NOW)
    assert list(groups(member(stranger), group_by="device")) == ["strange"]
    assert "strange" not in groups(member(tenant), group_by="device")
    north = Site.objects.unscoped("tests look at everything").get(site_id="north")
    limited = Actor(
        kind="user",
        id="bob",
        label="Bob",
        user_id=2,
        roles={tenant.pk: "viewer"},
        site_limits={tenant.pk: frozenset({north.pk})},
    )
    assert list(groups(limited, group_by="device")) == ["board-0", "board-2"]
    assert list(groups(limited, group_by="site")) == ["north"]


def test_simulated_and_unpaired_devices_count_when_they_are_asked_for(tenant: Any) -> None:
    played = board("played", tenant=tenant)
    played.is_simulated = True
    played.save()
    former = board("former", tenant=tenant)
    former.is_active, former.pairing, former.unpaired_at = False, "unpaired", _NOW
    former.save()
    for device in (played, former):
        arrive(device, readings(9))
    rolling.roll_up(_NOW)
    whole = {f"board-{number}" for number in range(4)}
    assert groups(member(tenant), group_by="device").keys() == whole
    with_played = groups(member(tenant), group_by="device", include_simulated="true")
    assert with_played.keys() == whole | {"played"}
    with_former = groups(member(tenant), group_by="device", include_unpaired="true")
    assert with_former.keys() == whole | {"former"}


def test_nothing_measured_is_no_group(tenant: Any) -> None:
    assert groups(member(tenant), metric="never_sent") == {}
    assert groups(member(tenant), metric="never_sent", group_by="site") == {}


def test_work_has_bounds_and_words(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_selectors, "MAX_BUCKETS", 4 * 24)
    day = ask(member(tenant), **{"from": (_NOW - timedelta(days=1)).isoformat()})
    assert day.data["resolution"] == "1h", "too many buckets of five minutes"
    week = ask(member(tenant), **{"from": (_NOW - timedelta(days=7)).isoformat()})
    assert week.status_code == 400
    assert "shorter" in week.data["details"]["from"][0]
    monkeypatch.setattr(fleet_selectors, "MAX_GROUPS", 1)
    assert ask(member(tenant), group_by="device").status_code == 400
    assert ask(member(tenant), group_by="site").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"metric": "no name'--"},
        {"metric": ""},
        {"group_by": "owner"},
        {"fn": "avg,p42"},
        {"from": "2099-01-01T00:00Z"},
    ],
    ids=str,
)
def test_a_wrong_question_is_a_validation_error(tenant: Any, query: dict[str, Any]) -> None:
    response = ask(member(tenant), **query)
    assert (response.status_code, response.data["code"]) == (400, "validation_error")


def test_the_smallest_numbers_do_not_stop_an_aggregate(tenant: Any) -> None:
    device = board("tiny", tenant=tenant)
    arrive(device, [(_NOW - timedelta(minutes=1), {"tiny": 5e-324})] * 3)
    rolling.roll_up(_NOW)
    (group,) = groups(member(tenant), metric="tiny").values()
    assert group["count"] == 3
