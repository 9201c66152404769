"""GET /api/v1/audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIRequestFactory, force_authenticate

from audit.api.views import AuditEntries, AuditVerification
from audit.services import watching
from kernel.actors import Actor
from tests.audit.entries import NOW, record, user

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


def get(actor: Actor, /, **query: Any) -> Any:
    request = APIRequestFactory().get("/api/v1/audit", query)
    force_authenticate(request, user=object(), token=actor)
    return AuditEntries.as_view()(request)


def targets(response: Any) -> list[str]:
    assert response.status_code == 200, response.data
    return [entry["target_id"] for entry in response.data["items"]]


@pytest.fixture
def entries() -> None:
    record(tenant_id=1, number=1)
    record(tenant_id=2, number=2)
    record(tenant_id=None, number=3)
    record(tenant_id=1, number=4, action="devices.device.claimed", now=NOW + timedelta(hours=1))


def test_a_member_sees_the_entries_of_the_tenant_newest_first(entries: None) -> None:
    assert targets(get(user(tenants=(1,)))) == ["device-4", "device-1"]


def test_an_administrator_of_the_platform_sees_its_chain_but_no_foreign_tenant(
    entries: None,
) -> None:
    assert targets(get(user(tenants=(1,), is_admin=True))) == ["device-4", "device-3", "device-1"]


def test_who_belongs_nowhere_sees_nothing(entries: None) -> None:
    assert targets(get(user())) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"action": "devices.device.claimed"}, ["device-4"]),
        ({"target_id": "device-1"}, ["device-1"]),
        ({"target_id": "device-2"}, []),
        ({"target_type": "user"}, []),
        ({"actor": "u-1"}, ["device-4", "device-1"]),
        ({"since": "2026-03-01T12:30:00Z"}, ["device-4"]),
        ({"until": "2026-03-01T12:30:00Z"}, ["device-1"]),
    ],
    ids=str,
)
def test_filters_narrow_within_the_scope(
    entries: None, query: dict[str, str], expected: list[str]
) -> None:
    assert targets(get(user(tenants=(1,)), **query)) == expected


def test_pages_follow_each_other(entries: None) -> None:
    first = get(user(tenants=(1,)), page_size=1)
    assert targets(first) == ["device-4"]
    cursor = first.data["next"].partition("cursor=")[2].partition("&")[0]
    second = get(user(tenants=(1,)), page_size=1, cursor=cursor.replace("%3D", "="))
    assert targets(second) == ["device-1"]
    assert second.data["next"] is None


def test_a_wrong_time_is_a_validation_error(entries: None) -> None:
    response = get(user(tenants=(1,)), since="yesterday")
    assert response.status_code == 400
    assert response.data["code"] == "validation_error"
    assert list(response.data["details"]) == ["since"]


def test_an_entry_shows_no_primary_key(entries: None) -> None:
    shown = get(user(tenants=(1,))).data["items"][1]
    assert shown["id"] == shown["id"].lower()
    assert len(shown["id"]) == 64
    assert shown["scope"] == "tenant"
    assert shown["actor"] == {
        "kind": "user",
        "id": "u-1",
        "label": "Ada",
        "via": "api",
        "address": "192.0.2.7",
    }
    assert not {"pk", "tenant_id", "chain_id"} & set(shown)


def test_entries_are_narrowed_by_their_request(entries: None) -> None:
    assert targets(get(user(tenants=(1,)), request_id="req-1")) == ["device-4", "device-1"]
    assert targets(get(user(tenants=(1,)), request_id="req-2")) == []


def test_whether_the_chains_hold_is_told_to_those_who_may_read_them(entries: None) -> None:
    watching._Search.after = -1
    watching.watch(NOW)

    def known(actor: Actor) -> list[tuple[str, str, int]]:
        request = APIRequestFactory().get("/api/v1/audit/verification")
        force_authenticate(request, user=object(), token=actor)
        items = AuditVerification.as_view()(request).data["items"]
        return [(item["scope"], item["state"], item["verified_to"]) for item in items]

    assert known(user(tenants=(1,))) == [("tenant", "intact", 2)]
    assert known(user(tenants=(2,), is_admin=True)) == [
        ("platform", "intact", 1),
        ("tenant", "intact", 1),
    ]
    assert known(user()) == []
