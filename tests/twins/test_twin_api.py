"""The twin over the API, at both of its addresses."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from accounts.models import Tenant
from tests.factories.sites import join_as
from tests.factories.users import tenant_of
from tests.twins.test_desiring import desire
from tests.twins.test_reporting import report

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from kernel.actors import Actor
    from tests.factories.devices import Board

pytestmark = [pytest.mark.django_db]
MERGE = "application/merge-patch+json"


@pytest.fixture
def url(board: Board) -> str:
    return f"/api/v1/devices/{board.uid}/twin"


def patch(api: APIClient, url: str, body: Any, **headers: str) -> Any:
    return api.generic(
        "PATCH", url, json.dumps(body), content_type=MERGE, headers={"If-Match": "*"} | headers
    )


@pytest.mark.core
def test_a_twin_is_read_with_a_tag_and_not_sent_twice(
    api: APIClient, board: Board, url: str
) -> None:
    empty = api.get(url)
    assert (empty.status_code, empty.headers["ETag"]) == (200, '"0.0"')
    assert (empty.json()["sync"], empty.json()["in_sync"]) == ("unknown", True)
    changed = patch(api, f"{url}/desired", {"a": {"b": 1}})
    assert changed.status_code == 200
    report(board, {"a": {"b": 1.0}, "own": None, "x": 2}, desired_version=1)
    shown = api.get(url)
    body = shown.json()
    assert (body["desired"], body["reported"]) == ({"a": {"b": 1}}, {"a": {"b": 1.0}, "x": 2})
    assert (body["desired_version"], body["reported_version"], body["applied_version"]) == (1, 1, 1)
    assert (body["sync"], body["in_sync"], body["drift_since"]) == ("in_sync", True, None)
    assert body["times"]["desired"]["a"]["b"] == body["desired_at"]
    assert shown.headers["ETag"] not in {changed.headers["ETag"], empty.headers["ETag"]}
    again = api.get(url, headers={"If-None-Match": f'"x", W/{shown.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == shown.headers["ETag"]
    # The tag names what is desired, whatever the device has reported since.
    assert patch(api, f"{url}/desired", {"c": 1}, **{"If-Match": changed.headers["ETag"]}).json()[
        "desired_version"
    ] == 2  # fmt: skip


def test_a_stale_write_is_a_conflict_with_the_fresh_tag(api: APIClient, url: str) -> None:
    first = patch(api, f"{url}/desired", {"a": 1})
    fresh = api.put(f"{url}/desired", {"a": 2, "n": None}, format="json", headers={"If-Match": "*"})
    refused = patch(api, f"{url}/desired", {"b": 1}, **{"If-Match": first.headers["ETag"]})
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "twin_version_conflict")
    assert refused.headers["ETag"] == fresh.headers["ETag"] == told["details"]["etag"]
    assert told["details"]["current"]["desired"] == {"a": 2, "n": None}
    assert told["details"]["merged"] == {"a": 2, "b": 1, "n": None}
    assert api.patch(f"{url}/desired", {"b": 1}, format="json").status_code == 428
    bad = patch(api, f"{url}/desired", {"b": 1}, **{"If-Match": "b"})
    assert (bad.status_code, list(bad.json()["details"])) == (400, ["If-Match"])


@pytest.mark.parametrize(
    ("body", "place"),
    [("[1]", "body"), ('{"a": 1, "a": 2}', "body"), ('{"a": "\\u0000"}', "body"), ("{", "body")],
)
def test_what_is_no_document_is_refused(
    api: APIClient, board: Board, body: str, place: str
) -> None:
    refused = api.generic(
        "PUT",
        f"/api/v1/devices/{board.uid}/twin/desired",
        body,
        content_type="application/json",
        headers={"If-Match": "*"},
    )
    assert (refused.status_code, list(refused.json()["details"])) == (400, [place])


def test_the_delta_has_a_list_for_each_verdict_and_no_value_where_there_is_none(
    api: APIClient, board: Board, url: str
) -> None:
    desire(board, {"new": 1, "same": [1], "gone": 1})
    report(board, {"same": [1.0], "gone": 1, "own": 1})
    desire(board, {"gone": None})
    told = api.get(f"{url}/delta").json()
    assert (told["in_sync"], told["sync"], told["desired_version"]) == (False, "drift", 2)
    paths = {
        name: [entry["path"] for entry in told[name]]
        for name in ("added", "removed", "changed", "unchanged")
    }
    assert paths == {"added": ["/new"], "removed": ["/gone"], "changed": [], "unchanged": ["/same"]}
    assert "reported" not in told["added"][0]
    assert ("desired" in told["removed"][0], told["removed"][0]["reported"]) == (False, 1)
    assert told["added"][0]["age_s"] >= 0


@pytest.mark.core
def test_versions_are_listed_shown_compared_and_restored(
    api: APIClient, owner: Actor, board: Board, url: str
) -> None:
    for number in range(3):
        patch(api, f"{url}/desired", {"n": number})
    page = api.get(f"{url}/revisions", {"page_size": 2}).json()
    assert [row["version"] for row in page["items"]] == [3, 2]
    assert page["items"][0]["paths"] == ["/n"]
    assert (page["items"][0]["by"], page["items"][0]["origin"]) == (owner.label, "patch")
    assert [row["version"] for row in api.get(page["next"]).json()["items"]] == [1]
    one = api.get(f"{url}/revisions/2").json()
    assert (one["document"], one["changes"]) == ({"n": 1}, [{"path": "/n", "old": 0, "new": 1}])
    assert api.get(f"{url}/revisions/9").status_code == 404
    assert api.get(f"{url}/revisions", {"section": "reported"}).json()["items"] == []
    assert api.get(f"{url}/revisions", {"section": "other"}).status_code == 400
    diff = api.get(f"{url}/diff", {"from": "1", "to": "3"}).json()
    assert (diff["changes"], diff["patch"]) == ([{"path": "/n", "old": 0, "new": 2}], {"n": 2})
    assert api.get(f"{url}/diff").status_code == 400
    restored = api.post(f"{url}/revisions/1/restore", headers={"If-Match": "*"})
    assert (restored.json()["desired"], restored.json()["desired_version"]) == ({"n": 0}, 4)


def test_the_past_is_shown_by_version_and_by_time(api: APIClient, board: Board, url: str) -> None:
    start = timezone.now() - timedelta(hours=1)
    desire(board, {"a": 1}, now=start)
    report(board, {"a": 1}, now=start + timedelta(minutes=1))
    desire(board, {"a": 2}, now=start + timedelta(minutes=2))
    report(board, {"a": 2}, now=start + timedelta(minutes=3))
    first = api.get(url, {"at": "1"}).json()
    assert (first["desired"], first["reported"], first["reported_version"]) == (
        {"a": 1},
        {"a": 1},
        1,
    )
    assert (first["times"], first["sync"]) == (None, None)
    moment = (start + timedelta(minutes=2, seconds=30)).isoformat()
    between = api.get(url, {"at": moment}).json()
    assert (between["desired"], between["reported"]) == ({"a": 2}, {"a": 1})
    for wrong in ("", "yesterday", "-1", "2026-13-01T00:00:00Z"):
        assert api.get(url, {"at": wrong}).status_code == 400
    assert api.get(url, {"at": "3"}).status_code == 404


@pytest.mark.core
def test_the_device_reports_with_its_key_and_nobody_else_does(
    client: Any, api: APIClient, board: Board, url: str
) -> None:
    desire(board, {"a": 1})
    key = {"X-Device-ID": board.uid, "X-API-Key": board.token}
    sent = client.patch(
        f"{url}/reported?desired_version=1",
        json.dumps({"a": 1, "b": None}),
        content_type=MERGE,
        headers=key,
    )
    assert (sent.status_code, sent.json()) == (
        200,
        {"is_changed": True, "reported_version": 1, "desired_version": 1, "applied_version": 1},
    )
    assert api.get(url).json()["sync"] == "in_sync"
    assert patch(api, f"{url}/reported", {"a": 2}).status_code == 401
    assert client.patch(f"{url}/desired", "{}", content_type=MERGE, headers=key).status_code == 401


def test_the_customers_addresses_answer_the_same(
    client: Any, api: APIClient, board: Board, url: str
) -> None:
    other = f"/api/v1/customer/devices/{board.uid}/twin"
    assert patch(api, f"{other}/desired", {"a": 1, "b": 2}).json()["desired_version"] == 1
    assert patch(api, f"{url}/desired", {"a": 2}).json()["desired_version"] == 2
    headers = {"If-Match": "*"}
    assert api.put(f"{other}/desired", {"a": 3}, format="json", headers=headers).status_code == 200
    assert api.post(f"{other}/revisions/1/restore", headers=headers).status_code == 200
    key = {"X-Device-ID": board.uid, "X-API-Key": board.token}
    reported = client.patch(f"{other}/reported", '{"a": 1}', content_type=MERGE, headers=key)
    assert reported.status_code == 200
    for rest in ("", "/diff?from=1&to=3", "/revisions", "/revisions/2", "?at=2"):
        one, two = api.get(f"{url}{rest}"), api.get(f"{other}{rest}")
        assert (one.status_code, two.status_code) == (200, 200)
        assert one.json() == two.json()
        assert one.headers.get("ETag") == two.headers.get("ETag")
    assert api.get(f"{other}/delta").json()["added"][0]["path"] == "/b"


@pytest.mark.core
def test_devices_tell_and_are_found_by_whether_they_are_as_desired(
    api: APIClient, owner: Actor, board: Board, django_assert_max_num_queries: Any
) -> None:
    from tests.factories.devices import connected_device  # noqa: PLC0415

    fine, untouched = connected_device(owner), connected_device(owner)
    desire(board, {"a": 1})
    desire(fine, {"a": 1})
    report(fine, {"a": 1})
    expected = {board.uid: "drift", fine.uid: "in_sync", untouched.uid: "unknown"}
    with django_assert_max_num_queries(15):
        listed = api.get("/api/v1/devices").json()["items"]
    assert {row["uid"]: row["sync"] for row in listed} == expected
    for uid, sync in expected.items():
        found = api.get("/api/v1/devices", {"sync": sync}).json()["items"]
        assert [row["uid"] for row in found] == [uid]
        shown = api.get(f"/api/v1/devices/{uid}").json()
        assert (shown["sync"], shown["drift_since"] is None) == (sync, sync != "drift")


@pytest.mark.core
def test_an_admin_sets_the_tenants_rules(api: APIClient, owner: Actor) -> None:
    url = "/api/v1/twin-policy"
    assert api.get(url).json() == {"machines_need_if_match": False, "drift_alert_after_s": 3600}
    changed = api.patch(url, {"drift_alert_after_s": 0}, format="json")
    assert changed.json() == {"machines_need_if_match": False, "drift_alert_after_s": 0}
    assert api.patch(url, {"drift_alert_after_s": -1}, format="json").status_code == 400
    operator = join_as(owner, "operator")
    tenant = Tenant.objects.get(pk=tenant_of(owner))
    headers = {"X-Tenant": tenant.uid}
    refused = operator.patch(url, {"drift_alert_after_s": 5}, format="json", headers=headers)
    assert refused.status_code == 403
    assert operator.get(url, headers=headers).json()["drift_alert_after_s"] == 0


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_no_clock_shows_is_refused(api: APIClient, url: str, moment: str) -> None:
    assert api.get(url, {"at": moment}).status_code == 400
