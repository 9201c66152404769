"""The dry run: what a list of devices may look like, and what is said about it."""

from __future__ import annotations

import dataclasses
import time
import tracemalloc
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from devices import enrolment_file, enrolment_rows, selectors
from devices.models import Enrolment
from devices.services import enrolling, sites
from devices.types import NewSite
from kernel.actors import Actor
from kernel.errors import Conflict, PermissionDenied, ValidationFailed
from tests.accounts.people import assert_refused, make_admin
from tests.devices.enrolment_lists import (
    checked,
    device_rows,
    hardware_rows,
    living,
    run_all,
    started,
    states_of,
)
from tests.factories.devices import make_device, provision
from tests.factories.users import actor_of, make_actor

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def post_csv(api: APIClient, text: str | bytes, query: str = "") -> Any:
    body = text if isinstance(text, bytes) else text.encode()
    return api.post(f"/api/v1/enrolments{query}", body, content_type="text/csv")


def verdicts(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.content
    return {row["id"]: row["problems"] for row in answer.json()["rows"]}


def make_site(owner: Actor, site_id: str) -> None:
    site = NewSite(site_id=site_id, name=site_id)
    sites.create_site(given=site, actor=owner, now=timezone.now())


def test_a_list_is_checked_and_nothing_is_enrolled(api: APIClient, owner: Actor) -> None:
    make_site(owner, "store-1")
    answer = post_csv(api, "device_id,name,site,tags\npos-1,Till 1,store-1,till|front\n")
    assert verdicts(answer) == {"pos-1": {}}
    body = answer.json()
    assert (body["state"], body["total"], body["invalid"]) == ("checked", 1, 0)
    assert body["has_keys"] is False
    assert living("pos") == 0
    assert run_all() == 0
    shown = api.get(answer["Location"]).json()
    assert shown["uid"] == body["uid"]
    rows = api.get(f"{answer['Location']}/rows").json()["items"]
    assert rows[0]["given"]["tags"] == ["front", "till"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffdevice_id,name\r\npos-1,Till\r\n",
        "device_id;name\npos-1;Till\n",
        "Device_ID , NAME\npos-1,Till",
        'device_id,name\n"pos-1","Till"\n\n,\n',
        "device_id,name,,\npos-1,Till,,\n,,,\n",
    ],
)
def test_a_spreadsheet_may_write_csv_as_it_likes(api: APIClient, text: str) -> None:
    answer = post_csv(api, text)
    assert verdicts(answer) == {"pos-1": {}}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b"device_id\n\xff\xfe\n", "body"),
        (b"device_id\n\x00\n", "body"),
        (b'device_id\n"pos-1"x\n', "body"),
        (b"", "body"),
        (b"device_id,colour\npos-1,red\n", "columns"),
        (b"device_id,device_id\npos-1,pos-2\n", "columns"),
        (b"name\nTill\n", "columns"),
        (b"device_id,hardware_id\npos-1,AA\n", "columns"),
        (b"device_id\n", "rows"),
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(api: APIClient, text: bytes, field: str) -> None:
    assert field in assert_refused(post_csv(api, text), 400, "validation_error")


def test_unknown_columns_are_named(api: APIClient) -> None:
    details = assert_refused(
        post_csv(api, "device_id,colour,size\na,b,c\n"), 400, "validation_error"
    )
    assert details["columns"][0].startswith("Unknown: colour, size.")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("device_id", "two words"),
        ("device_id", ""),
        ("device_id", "x" * 65),
        ("name", "x" * 101),
        ("name", "bell\a"),
        ("device_class", "toaster"),
        ("site", "nowhere"),
        ("ip_address", "10.0.0.256"),
        ("relay_count", "65"),
        ("relay_count", "many"),
        ("capabilities", "Relay"),
        ("tags", "|".join(str(number) for number in range(51))),
        ("tags", "floor=1|floor=2"),
        ("tags", "=2"),
    ],
)
def test_a_row_is_told_what_is_wrong_with_it(api: APIClient, column: str, value: str) -> None:
    row = {"device_id": "pos-1", "model": "m", column: value}
    answer = post_csv(api, f"{','.join(row)}\n{','.join(row.values())}\npos-2,\n")
    assert [list(problems) for problems in verdicts(answer).values()] == [[column], []]
    assert answer.json()["invalid"] == 1


def test_json_lists_are_checked_the_same(api: APIClient) -> None:
    rows = [
        {"device_id": "pos-1", "relay_count": 4, "capabilities": ["relay"], "tags": ["a", "b"]},
        {"device_id": "pos-2", "relay_count": True},
        {"device_id": 7},
        {"device_id": "pos-4", "tags": [1]},
    ]
    answer = api.post("/api/v1/enrolments", {"rows": rows}, format="json")
    assert [list(row["problems"]) for row in answer.json()["rows"]] == [
        [], ["relay_count"], ["device_id"], ["tags"],
    ]  # fmt: skip


def test_the_same_id_twice_in_a_file_is_valid_once(api: APIClient) -> None:
    answer = post_csv(api, "device_id\npos-1\npos-1\n")
    problems = [row["problems"] for row in answer.json()["rows"]]
    assert problems == [{}, {"device_id": ["Row 1 has the same."]}]


def test_an_id_in_use_is_found_in_the_own_tenant_only(api: APIClient, owner: Actor) -> None:
    started(owner, device_rows(1, prefix="mine"))
    started(make_actor(), device_rows(1, prefix="theirs"))
    run_all()
    assert living("mine") == living("theirs") == 1
    found = verdicts(post_csv(api, "device_id\nmine-1\ntheirs-1\n"))
    assert found == {
        "mine-1": {"device_id": ["A device of this id is registered already."]},
        "theirs-1": {},
    }


def test_a_default_site_is_for_rows_without_one(api: APIClient, owner: Actor) -> None:
    make_site(owner, "store-1")
    make_site(owner, "store-2")
    answer = post_csv(api, "device_id,site\npos-1,\npos-2,store-2\n", "?site=store-1")
    rows = api.get(f"{answer['Location']}/rows").json()["items"]
    assert [row["given"]["site"] for row in rows] == ["store-1", "store-2"]


def test_more_cells_than_columns_make_a_row_invalid(api: APIClient) -> None:
    found = verdicts(post_csv(api, "device_id,name\npos-1,a,b\npos-2,a\n"))
    assert list(found["pos-1"]) == ["row"] and found["pos-2"] == {}


def test_more_rows_than_the_limit_are_refused(api: APIClient) -> None:
    text = "device_id\n" + "\n".join(f"d{number}" for number in range(10_001))
    assert "rows" in assert_refused(post_csv(api, text), 400, "validation_error")
    rows = [{"device_id": f"d{number}"} for number in range(10_001)]
    answer = api.post("/api/v1/enrolments", {"rows": rows}, format="json")
    assert "rows" in assert_refused(answer, 400, "validation_error")


def test_a_body_past_four_mebibytes_is_refused(api: APIClient) -> None:
    fits = "device_id,name\npos-1,Till\n" + "\n" * (3 * 1024 * 1024)
    assert post_csv(api, fits).status_code == 201
    assert_refused(
        post_csv(api, "device_id\n" + "\n" * (4 * 1024 * 1024)), 413, "payload_too_large"
    )
    others = b"{" + b" " * (1024 * 1024) + b"}"
    answer = api.post("/api/v1/devices/claim", others, content_type="application/json")
    assert_refused(answer, 413, "payload_too_large")


def test_a_large_list_may_be_sent_again_with_its_key(api: APIClient) -> None:
    text = "device_id,name\npos-1,Till\n" + "\n" * (2 * 1024 * 1024)
    api.credentials(**api._credentials, HTTP_IDEMPOTENCY_KEY="again")
    first, second = post_csv(api, text), post_csv(api, text)
    assert first.status_code == second.status_code == 201
    assert first.json()["uid"] == second.json()["uid"]
    assert Enrolment.objects.unscoped("tests").count() == 1


def test_a_member_below_admin_enrols_nothing(owner: Actor) -> None:
    tenant = next(iter(owner.roles))
    operator = Actor(kind="user", id="o", label="O", user_id=99, roles={tenant: "operator"})
    with pytest.raises(PermissionDenied):
        checked(operator, device_rows(1))


def test_who_is_limited_to_sites_enrols_there_only(owner: Actor) -> None:
    make_site(owner, "mine")
    make_site(owner, "other")
    tenant = next(iter(owner.roles))
    mine = selectors.site_pks(tenant_id=tenant, site_ids=["mine"])["mine"]
    limited = dataclasses.replace(
        owner, user_id=999, roles={tenant: "admin"}, site_limits={tenant: frozenset({mine})}
    )
    rows = [{"device_id": "a", "site": "mine"}, {"device_id": "b", "site": "other"}]
    made = checked(limited, [*rows, {"device_id": "c", "site": ""}])
    assert states_of(made.enrolment) == ["waiting", "invalid", "invalid"]
    whole = checked(owner, rows).enrolment
    assert list(selectors.enrolments_visible_to(limited)) == [made.enrolment]
    assert set(selectors.enrolments_visible_to(owner)) == {made.enrolment, whole}


def test_open_enrolments_of_a_tenant_are_bounded(owner: Actor) -> None:
    for _ in range(enrolling.MAX_OPEN):
        checked(owner, device_rows(1))
    with pytest.raises(Conflict):
        checked(owner, device_rows(1))


def test_only_who_runs_the_installation_prints_claim_codes(owner: Actor) -> None:
    with pytest.raises(PermissionDenied):
        checked(owner, hardware_rows(1), mode="claim_code")
    admin = actor_of(make_admin())
    made = checked(admin, hardware_rows(1), mode="claim_code")
    assert states_of(made.enrolment) == ["waiting"]
    with pytest.raises(ValidationFailed):
        checked(admin, hardware_rows(1), mode="claim_code", claim_days=366)


def test_hardware_with_an_owner_gets_no_claim_code(owner: Actor) -> None:
    make_device(owner, hardware_id="AA:BB:1")
    provision("AA:BB:2")
    made = checked(actor_of(make_admin()), hardware_rows(3), mode="claim_code")
    assert states_of(made.enrolment) == ["invalid", "waiting", "waiting"]


def test_strangers_find_no_enrolment(api: APIClient) -> None:
    made = checked(make_actor(), device_rows(1)).enrolment
    for method, path in (
        ("get", ""), ("delete", ""), ("get", "/rows"), ("post", "/start"), ("post", "/keys"),
    ):  # fmt: skip
        body = {"passphrase": "x"} if path == "/keys" else None
        answer = getattr(api, method)(f"/api/v1/enrolments/{made.uid}{path}", body, format="json")
        assert_refused(answer, 404, "not_found")
    assert api.get("/api/v1/enrolments").json()["items"] == []


def test_rows_come_in_pages_by_state(api: APIClient, owner: Actor) -> None:
    made = checked(owner, [*device_rows(3), {"device_id": "not good"}]).enrolment
    path = f"/api/v1/enrolments/{made.uid}/rows"
    first = api.get(f"{path}?page_size=2&state=waiting").json()
    assert [row["number"] for row in first["items"]] == [1, 2]
    second = api.get(first["next"]).json()
    assert [row["number"] for row in second["items"]] == [3]
    assert second["next"] is None
    assert [row["number"] for row in api.get(f"{path}?state=invalid").json()["items"]] == [4]
    assert_refused(api.get(f"{path}?state=odd"), 400, "validation_error")


def test_ten_thousand_rows_are_checked_in_little_memory(api: APIClient) -> None:
    lines = [f"pos-{number},Till number {number},till|front" for number in range(10_000)]
    text = "device_id,name,tags\n" + "\n".join(lines)
    tracemalloc.start()
    began = time.perf_counter()
    answer = post_csv(api, text)
    took = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 201
    assert answer.json()["total"] == 10_000 and answer.json()["invalid"] == 0
    print(f"10,000 rows checked in {took:.1f} s (traced), peak {peak / 2**20:.0f} MiB")  # noqa: T201
    assert peak < 120 * 2**20


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    try:
        columns, rows = enrolment_file.rows_of_csv(body, limit=5)
    except ValidationFailed:
        return
    assert len(rows) <= 5 and columns


@given(
    st.dictionaries(
        st.sampled_from(["device_id", "name", "relay_count", "tags", "site"]),
        st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())),
    )
)
def test_any_value_gets_a_verdict(row: dict[str, Any]) -> None:
    (found,) = enrolment_rows.check_rows("api_key", [row], "")
    assert found.number == 1 and set(found.problems) <= {*found.given, "row"}
