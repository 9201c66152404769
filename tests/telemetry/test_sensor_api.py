"""Sensors over HTTP: devices report, people read and enter, strangers find nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from devices.services import unpairing
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device, provision
from tests.factories.sites import join_as
from tests.factories.users import actor_of, client_of, make_user, sign_in
from tests.telemetry.sensor_hubs import history, item, report

pytestmark = [pytest.mark.core, pytest.mark.django_db]
REPORT = "/api/v1/devices/sensor-report"


@pytest.fixture
def person(db: None) -> User:
    """A user with a tenant."""
    return make_user()


@pytest.fixture
def owner(person: User) -> Actor:
    """The user as services see them."""
    return actor_of(person)


@pytest.fixture
def hub(owner: Actor) -> Board:
    """A device of theirs."""
    return make_device(owner)


@pytest.fixture
def api(person: User) -> APIClient:
    """Their API client."""
    return client_of(sign_in(person))


def tell(uid: str, key: str, body: Any, **headers: str) -> Any:
    shown = {"X-Device-ID": uid, "X-API-Key": key} | headers
    return APIClient().post(REPORT, body, format="json", headers=shown)


def test_a_report_is_answered_with_a_verdict_on_each_item(hub: Board) -> None:
    body = {
        "type": "sensor_report",
        "sensors": [item("hall"), {"sensor": "Bad"}, item("air", 21.5, unit="°C")],
        "attributes": {"os": "linux", "Bad Name": "x"},
    }
    answer = tell(hub.uid, hub.token, body)
    assert answer.status_code == 202, answer.content
    assert answer.json() == {
        "verdicts": [
            {"index": 0, "sensor": "hall", "outcome": "stored", "reason": ""},
            {"index": 1, "sensor": None, "outcome": "rejected", "reason": "sensor_invalid"},
            {"index": 2, "sensor": "air", "outcome": "stored", "reason": ""},
        ],
        "refused_attributes": {"Bad Name": "attribute_invalid"},
    }
    assert len(history(hub.device_id)) == 2
    assert hub.presence().is_online is True


def test_a_report_that_is_sent_again_is_all_duplicates(hub: Board) -> None:
    body = {"sensors": [item(event_id="e1"), item("bell", "press", event_id="e2")]}
    tell(hub.uid, hub.token, body)
    again = tell(hub.uid, hub.token, body).json()["verdicts"]
    assert [verdict["outcome"] for verdict in again] == ["duplicate", "duplicate"]
    assert len(history(hub.device_id)) == 2


def test_a_report_with_an_idempotency_key_is_replayed(hub: Board) -> None:
    body = {"sensors": [item()]}
    first = tell(hub.uid, hub.token, body, **{"Idempotency-Key": "k"})
    again = tell(hub.uid, hub.token, body, **{"Idempotency-Key": "k"})
    assert (again.content, again["idempotency-replayed"]) == (first.content, "true")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sensors"),
        ({"sensors": []}, "sensors"),
        ({"sensors": "all"}, "sensors"),
        ({"sensors": [item()] * 129}, "sensors"),
        ({"sensors": [item()], "attributes": []}, "attributes"),
        ({"sensors": [{"sensor": "a"}]}, "sensors/0"),
        ({"attributes": {"Bad Name": "x"}}, "attributes/Bad Name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_report_without_anything_usable_is_refused(hub: Board, body: Any, field: str) -> None:
    details = assert_refused(tell(hub.uid, hub.token, body), 400, "validation_error")
    assert list(details) == [field]
    assert history(hub.device_id) == []


def test_who_is_no_device_reports_nothing(hub: Board, api: APIClient, owner: Actor) -> None:
    body = {"sensors": [item()]}
    assert_refused(tell(hub.uid, "wrong", body), 401, "invalid_credentials")
    assert_refused(APIClient().post(REPORT, body, format="json"), 401, "not_authenticated")
    assert_refused(api.post(REPORT, body, format="json"), 401, "invalid_credentials")
    other = make_device(owner)
    assert_refused(tell(hub.uid, other.token, body), 401, "invalid_credentials")
    unpairing.unpair_device(device_uid=hub.uid, actor=owner, now=timezone.now())
    assert_refused(tell(hub.uid, hub.token, body), 401, "device_unpaired")
    assert history(hub.device_id) == []


def test_a_device_that_nobody_has_claimed_may_report() -> None:
    made = provision()
    answer = tell(made.device_uid, made.device_token, {"sensors": [item()]})
    assert answer.status_code == 202, answer.content
    assert history(made.device_id)[0].tenant_id is None


@pytest.mark.parametrize("prefix", ["", "customer/"])
def test_what_sensors_say_is_read_by_name(hub: Board, api: APIClient, prefix: str) -> None:
    now = timezone.now()
    report(
        hub.device_id,
        item("hall", True),
        item("air", 21.5, unit="°C"),
        attributes={"os": "linux"},
        now=now,
    )
    body = api.get(f"/api/v1/{prefix}devices/{hub.uid}/sensors").json()
    assert body["device_uid"] == hub.uid
    air, hall = body["sensors"]
    assert (air["sensor"], air["value"], air["unit"], air["version"]) == ("air", 21.5, "°C", 1)
    assert (hall["value"], hall["source"], hall["is_at_corrected"]) == (True, "device", False)
    assert [(one["name"], one["value"]) for one in body["attributes"]] == [("os", "linux")]


def test_the_history_is_paged_newest_first_and_narrowed(hub: Board, api: APIClient) -> None:
    now = timezone.now()
    for number in range(5):
        said = item("hall", number, at=now - timedelta(minutes=number), event_id=f"e{number}")
        report(hub.device_id, said, now=now)
    report(hub.device_id, item("air", 1, kind="light", at=now - timedelta(hours=1)), now=now)

    def values(**query: Any) -> list[Any]:
        answer = api.get(f"/api/v1/devices/{hub.uid}/sensor-events", query)
        assert answer.status_code == 200, answer.content
        return [event["value"] for event in answer.json()["items"]]

    assert values() == [0, 1, 2, 3, 4, 1]
    assert values(sensor="air") == [1]
    assert values(kind="motion", to=(now - timedelta(minutes=2)).isoformat()) == [3, 4]
    assert values(**{"from": (now - timedelta(minutes=1)).isoformat()}) == [0, 1]
    assert values(sensor="none") == []
    seen, address = [], f"/api/v1/devices/{hub.uid}/sensor-events?page_size=2"
    while address:
        page = api.get(address).json()
        seen += [event["event_id"] for event in page["items"]]
        address = page["next"]
    assert seen == ["e0", "e1", "e2", "e3", "e4", ""]
    wrong = api.get(f"/api/v1/devices/{hub.uid}/sensor-events", {"from": "yesterday"})
    assert_refused(wrong, 400, "validation_error")


def test_events_of_one_moment_are_on_one_page_each(hub: Board, api: APIClient) -> None:
    items = [item(f"s{number}", number) for number in range(7)]
    report(hub.device_id, *items, now=timezone.now())
    seen, address = [], f"/api/v1/devices/{hub.uid}/sensor-events?page_size=2"
    while address:
        page = api.get(address).json()
        seen += [event["value"] for event in page["items"]]
        address = page["next"]
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def test_an_archive_is_read_by_its_owner_and_nobody_enters_there(
    hub: Board, api: APIClient, owner: Actor
) -> None:
    report(hub.device_id, item(), now=timezone.now())
    unpairing.unpair_device(device_uid=hub.uid, actor=owner, now=timezone.now())
    address = f"/api/v1/devices/{hub.uid}"
    assert [one["value"] for one in api.get(f"{address}/sensors").json()["sensors"]] == [True]
    assert len(api.get(f"{address}/sensor-events").json()["items"]) == 1
    body = {"sensors": [item(value=False)]}
    refused = api.post(f"{address}/sensor-events", body, format="json")
    assert_refused(refused, 409, "device_archived")


def test_readings_are_entered_by_operators_and_not_by_viewers(
    hub: Board, owner: Actor, api: APIClient
) -> None:
    address = f"/api/v1/devices/{hub.uid}/sensor-events"
    body = {"sensors": [item("meter", 4711, event_id="2026-11"), {"sensor": "Bad"}]}
    answer = join_as(owner, "operator").post(address, body, format="json")
    assert answer.status_code == 202, answer.content
    assert [one["outcome"] for one in answer.json()["verdicts"]] == ["stored", "rejected"]
    refused = join_as(owner, "viewer").post(address, body, format="json")
    assert_refused(refused, 403, "permission_denied")
    (entered,) = api.get(address).json()["items"]
    assert (entered["value"], entered["source"]) == (4711, "user")


@pytest.mark.parametrize("path", ["sensors", "sensor-events"])
def test_a_foreign_device_is_as_missing_as_none(hub: Board, path: str) -> None:
    report(hub.device_id, item(), now=timezone.now())
    stranger = client_of(sign_in(make_user()))
    for uid in (hub.uid, "no-such-device"):
        assert_refused(stranger.get(f"/api/v1/devices/{uid}/{path}"), 404, "not_found")
        body = {"sensors": [item()]}
        entered = stranger.post(f"/api/v1/devices/{uid}/sensor-events", body, format="json")
        assert_refused(entered, 404, "not_found")
    assert len(history(hub.device_id)) == 1
