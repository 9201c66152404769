"""Which of several tenants is meant: by header, by the browser's choice, never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts import selectors
from accounts.errors import TenantRequired
from accounts.models import Tenant, User
from accounts.permissions import one_tenant
from accounts.services import members
from devices.models import Device
from devices.services import claiming
from kernel.errors import PermissionDenied
from tests.accounts import people
from tests.accounts.households import actor_of, at, join, make_site, organisation
from tests.factories.devices import provision

pytestmark = [pytest.mark.core, pytest.mark.django_db]

DEVICES, CLAIM = "/api/v1/devices", "/api/v1/devices/claim"


@pytest.fixture
def home(ada: User) -> Tenant:
    return Tenant.objects.get(personal_of=ada)


@pytest.fixture
def bakery(ada: User) -> Tenant:
    return organisation(ada)


def take_in(tenant: Tenant, user: User) -> str:
    device = claiming.claim_device(
        code=provision().claim_code,
        tenant_id=tenant.pk,
        actor=actor_of(user),
        now=timezone.now(),
    )
    return device.uid


def listed(client: Any, **more: Any) -> set[str]:
    answer = client.get(DEVICES, **more)
    assert answer.status_code == 200, answer.content
    return {device["uid"] for device in answer.json()["items"]}


def within(tenant: Tenant) -> dict[str, Any]:
    return {"headers": {"X-Tenant": tenant.uid}}


def test_a_list_covers_all_tenants_until_one_is_named(
    signed_in: APIClient, ada: User, home: Tenant, bakery: Tenant
) -> None:
    mine, shared = take_in(home, ada), take_in(bakery, ada)
    assert listed(signed_in) == {mine, shared}
    assert listed(signed_in, **within(home)) == {mine}
    assert listed(signed_in, **within(bakery)) == {shared}
    foreign = signed_in.get(f"{DEVICES}/{shared}", **within(home))
    people.assert_refused(foreign, 404, "not_found")


@pytest.mark.parametrize("uid", ["unknown", "", "'", "x" * 5000])
def test_an_unknown_tenant_and_a_foreign_one_get_one_answer(signed_in: APIClient, uid: str) -> None:
    foreign = Tenant.objects.get(personal_of=people.make_user("eve@example.com"))
    answers = []
    for named in (uid, foreign.uid):
        response = signed_in.get(DEVICES, headers={"X-Tenant": named})
        people.assert_refused(response, 404, "not_found")
        answers.append({**response.json(), "request_id": ""})
    assert answers[0] == answers[1]


def test_a_stranger_hears_of_the_missing_credential_first(api: APIClient, home: Tenant) -> None:
    people.assert_refused(api.get(DEVICES, **within(home)), 401, "not_authenticated")


def test_a_claim_is_for_the_only_tenant_or_the_named_one(
    signed_in: APIClient, ada: User, home: Tenant
) -> None:
    def claim(**more: Any) -> Any:
        return signed_in.post(CLAIM, {"claim_code": provision().claim_code}, **more)

    assert claim().status_code == 200
    bakery = organisation(ada)
    details = people.assert_refused(claim(), 400, "tenant_required")
    assert set(details) == {"X-Tenant"}
    claimed = claim(**within(bakery))
    assert claimed.status_code == 200
    device = Device.objects.unscoped("tests look").get(uid=claimed.json()["uid"])
    assert device.tenant_id == bakery.pk
    foreign = Tenant.objects.get(personal_of=people.make_user("eve@example.com"))
    people.assert_refused(claim(**within(foreign)), 404, "not_found")


def test_a_repeated_key_for_another_tenant_is_another_request(
    signed_in: APIClient, home: Tenant, bakery: Tenant
) -> None:
    body = {"claim_code": provision().claim_code}
    key = {"Idempotency-Key": "once"}
    first = signed_in.post(CLAIM, body, headers={**key, "X-Tenant": home.uid})
    again = signed_in.post(CLAIM, body, headers={**key, "X-Tenant": home.uid})
    assert (first.status_code, again["idempotency-replayed"]) == (200, "true")
    other = signed_in.post(CLAIM, body, headers={**key, "X-Tenant": bakery.uid})
    people.assert_refused(other, 409, "idempotency_conflict")


def test_a_role_is_that_of_the_named_tenant(ada: User) -> None:
    eve = people.make_user("eve@example.com")
    bakery = organisation(ada)
    join(bakery, ada, "viewer", eve)
    client = people.client_of(people.sign_in(eve))
    refused = client.post(CLAIM, {"claim_code": provision().claim_code}, **within(bakery))
    people.assert_refused(refused, 403, "permission_denied")


def test_who_is_limited_to_sites_claims_nothing_they_would_not_see(ada: User) -> None:
    bakery = organisation(ada)
    make_site(bakery, "north")
    admin = join(bakery, ada, "admin", limit=at("north"))
    with pytest.raises(PermissionDenied):
        take_in(bakery, admin)


def test_who_is_limited_sees_their_sites_devices_only(ada: User, bakery: Tenant) -> None:
    north = make_site(bakery, "north")
    seen, hidden = take_in(bakery, ada), take_in(bakery, ada)
    Device.objects.unscoped("tests arrange").filter(uid=seen).update(site=north)
    viewer = join(bakery, ada, "viewer", limit=at("north"))
    client = people.client_of(people.sign_in(viewer))
    assert listed(client) == {seen}
    people.assert_refused(client.get(f"{DEVICES}/{hidden}"), 404, "not_found")
    entries = client.get("/api/v1/audit", **within(bakery)).json()["items"]
    assert {(entry["target_type"], entry["target_id"]) for entry in entries} == {("device", seen)}
    whole = people.client_of(people.sign_in(ada)).get("/api/v1/audit", **within(bakery)).json()
    assert {seen, hidden} < {entry["target_id"] for entry in whole["items"]}


def test_narrowing_keeps_what_else_the_user_belongs_to(ada: User, bakery: Tenant) -> None:
    session = people.sign_in(ada).session
    found = selectors.live_session(via="api", pk=session.pk, user_id=ada.pk)
    assert found is not None
    actor = selectors.narrowed(found, bakery.uid).actor
    assert dict(actor.roles) == {bakery.pk: "owner"}
    assert actor.member_of == found.actor.tenant_ids
    assert one_tenant(actor) == bakery.pk
    with pytest.raises(TenantRequired):
        one_tenant(found.actor)


def test_who_somebody_is_stays_one_query(ada: User, bakery: Tenant) -> None:
    session = people.sign_in(ada).session
    with CaptureQueriesContext(
        connection,
    ) as queries:
        selectors.live_session(via="api", pk=session.pk, user_id=ada.pk)
    assert len(queries) == 1


def test_the_schema_offers_the_header_where_a_user_is_signed_in() -> None:
    schema: Any = SchemaGenerator().get_schema(request=None, public=True)
    paths = schema["paths"]

    def offers(path: str, method: str) -> bool:
        given = paths[f"/api/v1{path}"][method].get("parameters", [])
        return "X-Tenant" in {parameter["name"] for parameter in given}

    assert offers("/devices", "get")
    assert offers("/devices/claim", "post")
    assert not offers("/auth/login", "post")
    assert not offers("/provision/register", "post")


# The browser's choice


def choose(browser: Client, uid: str, **more: Any) -> Any:
    return browser.post("/tenant", {"tenant": uid, **more})


def test_a_browser_keeps_its_choice_until_it_takes_all_again(
    ada: User, home: Tenant, bakery: Tenant
) -> None:
    mine, shared = take_in(home, ada), take_in(bakery, ada)
    browser = people.browser_of(ada)
    response = choose(browser, bakery.uid, next="/dashboard/claim")
    assert (response.status_code, response["Location"]) == (302, "/dashboard/claim")
    assert listed(browser) == {shared}
    page = browser.get("/dashboard/devices").content.decode()
    assert shared in page
    assert mine not in page
    assert listed(browser, **within(home)) == {mine}
    assert choose(browser, "").status_code == 302
    assert listed(browser) == {mine, shared}


def test_a_choice_is_the_users_own_and_leads_nowhere_else(ada: User) -> None:
    foreign = Tenant.objects.get(personal_of=people.make_user("eve@example.com"))
    browser = people.browser_of(ada)
    assert choose(browser, foreign.uid).status_code == 404
    assert choose(browser, "unknown").status_code == 404
    assert choose(browser, "", next="https://evil.example/")["Location"] == "/"
    assert choose(Client(), "").headers["Location"] == "/login"
    assert browser.get("/tenant").status_code == 405
    strict = people.browser_of(ada, enforce_csrf_checks=True)
    assert choose(strict, "").status_code == 403


def test_a_choice_that_does_not_hold_any_more_is_dropped(ada: User) -> None:
    eve = people.make_user("eve@example.com")
    bakery = organisation(eve)
    join(bakery, eve, "viewer", ada)
    browser = people.browser_of(ada)
    choose(browser, bakery.uid)
    members.leave_tenant(tenant_uid=bakery.uid, actor=actor_of(ada), now=timezone.now())
    assert browser.get("/dashboard/devices").status_code == 200
    assert "tenant" not in browser.session


def test_the_page_asks_whose_a_device_becomes_where_that_is_open(ada: User, home: Tenant) -> None:
    browser = people.browser_of(ada)
    assert "Whose it becomes" not in browser.get("/dashboard/claim").content.decode()
    bakery = organisation(ada)
    assert "Whose it becomes" in browser.get("/dashboard/claim").content.decode()
    made = provision()
    assert browser.post("/dashboard/claim", {"claim_code": made.claim_code}).status_code == 400
    form = {"claim_code": made.claim_code, "tenant": bakery.uid}
    assert browser.post("/dashboard/claim", form).status_code == 302
    device = Device.objects.unscoped("tests look").get(uid=made.device_uid)
    assert device.tenant_id == bakery.pk
    choose(browser, home.uid)
    assert "Whose it becomes" not in browser.get("/dashboard/claim").content.decode()
