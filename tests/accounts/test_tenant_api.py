"""Tenants, members and invitations over the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Tenant, User
from tests.accounts import people
from tests.accounts.households import join, make_site, organisation, role_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]

V1 = "/api/v1"


@pytest.fixture
def bakery(ada: User) -> Tenant:
    return organisation(ada)


@pytest.fixture
def eve(db: None) -> User:
    return people.make_user("eve@example.com", display_name="Eve")


def client_of(user: User) -> APIClient:
    return people.client_of(people.sign_in(user))


def test_an_organisation_from_its_making_to_its_handing_over(
    signed_in: APIClient, eve: User
) -> None:
    made = signed_in.post(f"{V1}/tenants", {"name": "Bakery"})
    assert made.status_code == 201
    path = f"{V1}/tenants/{made.json()['uid']}"
    names = [one["name"] for one in signed_in.get(f"{V1}/tenants").json()["items"]]
    assert names == ["Ada", "Bakery"]
    assert signed_in.patch(path, {"name": "Patisserie"}).json()["name"] == "Patisserie"

    given = {"role": "viewer", "email": "eve@example.com", "valid_days": 2}
    issued = signed_in.post(f"{path}/invitations", given)
    assert (issued.status_code, issued["Cache-Control"]) == (201, "no-store")
    token = issued.json()["token"]
    assert issued.json()["url"] == f"http://testserver/invite/{token}"
    (listed,) = signed_in.get(f"{path}/invitations").json()["items"]
    assert {"token", "url"} & listed.keys() == set()

    guest = client_of(eve)
    seen = guest.post(f"{V1}/invitations/preview", {"token": token}).json()
    assert (seen["tenant_name"], seen["role"], seen["invited_by"]) == (
        "Patisserie",
        "viewer",
        "Ada",
    )
    accepted = guest.post(f"{V1}/invitations/accept", {"token": token})
    assert (accepted.status_code, accepted.json()["was_member"]) == (200, False)
    assert guest.get(path).json()["role"] == "viewer"

    member = f"{path}/members/{eve.uid}"
    assert signed_in.patch(member, {"role": "operator"}).json()["role"] == "operator"
    assert signed_in.post(f"{path}/hand-over", {"user": eve.uid}).json()["role"] == "admin"
    assert signed_in.post(f"{path}/leave").status_code == 204
    people.assert_refused(signed_in.get(path), 404, "not_found")
    people.assert_refused(guest.post(f"{path}/leave"), 409, "last_owner")


def test_a_member_is_limited_and_removed(signed_in: APIClient, ada: User, bakery: Tenant) -> None:
    make_site(bakery, "north")
    member = join(bakery, ada, "viewer")
    path = f"{V1}/tenants/{bakery.uid}/members/{member.uid}"
    assert signed_in.patch(path, {"sites": ["north"]}).json()["sites"] == ["north"]
    assert signed_in.patch(path, {"role": "operator"}).json()["sites"] == ["north"]
    assert signed_in.patch(path, {"sites": None}).json()["sites"] is None
    people.assert_refused(signed_in.patch(path, {"sites": ["moon"]}), 400, "validation_error")
    assert signed_in.delete(path).status_code == 204
    people.assert_refused(signed_in.delete(path), 404, "not_found")


def test_an_invitation_is_revoked(signed_in: APIClient, eve: User, bakery: Tenant) -> None:
    path = f"{V1}/tenants/{bakery.uid}/invitations"
    issued = signed_in.post(path, {"role": "viewer"}).json()
    for _ in range(2):
        assert signed_in.delete(f"{path}/{issued['uid']}").status_code == 204
    refused = client_of(eve).post(f"{V1}/invitations/accept", {"token": issued["token"]})
    people.assert_refused(refused, 404, "invitation_invalid")


def test_a_foreign_tenant_is_like_none_on_every_route(
    signed_in: APIClient, eve: User, bakery: Tenant, ada: User
) -> None:
    invited = signed_in.post(f"{V1}/tenants/{bakery.uid}/invitations", {"role": "viewer"}).json()
    stranger = client_of(eve)
    attempts: list[tuple[str, str, Any]] = [
        ("get", "", None),
        ("patch", "", {"name": "Mine"}),
        ("get", "/members", None),
        ("patch", f"/members/{ada.uid}", {"role": "viewer"}),
        ("delete", f"/members/{ada.uid}", None),
        ("get", "/invitations", None),
        ("post", "/invitations", {"role": "viewer"}),
        ("delete", f"/invitations/{invited['uid']}", None),
        ("post", "/leave", None),
        ("post", "/hand-over", {"user": eve.uid}),
    ]
    for method, rest, body in attempts:
        answers = []
        for uid in (bakery.uid, "aaaaaaaaaaaa"):
            response = getattr(stranger, method)(f"{V1}/tenants/{uid}{rest}", body)
            people.assert_refused(response, 404, "not_found")
            answers.append({**response.json(), "request_id": ""})
        assert answers[0] == answers[1], (method, rest)
    assert role_of(ada, bakery) == "owner"


def test_the_path_names_the_tenant_whatever_the_header_chose(
    signed_in: APIClient, ada: User, bakery: Tenant
) -> None:
    home = Tenant.objects.get(personal_of=ada)
    seen = signed_in.get(f"{V1}/tenants/{bakery.uid}", headers={"X-Tenant": home.uid})
    assert seen.json()["name"] == "Bakery"
