"""The pages of people: members, invitations, coming in, going."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import selectors as accounts
from accounts.models import User
from accounts.services import members
from tests.accounts import people
from tests.ops.households import Person, kept, member, person, secret_in, site

pytestmark = [pytest.mark.django_db, pytest.mark.core]

INVITE = {"role": "operator", "valid_days": "7", "reach": "all"}


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns a home."""
    return person("ada@example.com")


@pytest.fixture
def bob(db: None) -> Person:
    """Somebody else, with a home of their own."""
    return person("bob@example.com")


def _link(owner: Person, **more: Any) -> str:
    body = owner.post(
        f"/dashboard/people/{owner.home}/invite", 200, **(INVITE | more)
    ).content.decode()
    return secret_in(body).removeprefix("http://testserver")


def _roles(owner: Person) -> dict[str, str]:
    found = members.list_members(tenant_uid=owner.home, actor=owner.actor)
    return {each.display_name: each.role for each in found}


def _tenant_names(who: Person) -> list[str]:
    return [each.tenant.name for each in accounts.memberships_of(who.user.pk)]


def test_a_home_speaks_of_a_family(ada: Person) -> None:
    assert ada.client.get("/dashboard/people")["Location"] == f"/dashboard/people/{ada.home}"
    body = ada.page(f"/dashboard/people/{ada.home}")
    assert "<h1>Family</h1>" in body
    assert "Leave" not in body
    asked = ada.page(f"/dashboard/people/{ada.home}/invite")
    assert all(words in asked for words in ("May look", "May switch", "May manage"))
    assert 'value="owner"' not in asked


def test_an_organisation_speaks_of_roles(ada: Person) -> None:
    where = ada.post("/dashboard/organisations/new", name="Northside")["Location"]

    body = ada.page(where)
    assert "<h1>People</h1>" in body
    assert "Northside" in body
    assert "Administrator" in ada.page(f"{where}/invite")
    assert "All of mine" in body


def test_an_organisation_needs_a_name(ada: Person) -> None:
    body = ada.post("/dashboard/organisations/new", 400, name=" ").content.decode()
    assert "Give it a name." in body
    assert len(_tenant_names(ada)) == 1


def test_the_switcher_is_for_who_has_a_choice(ada: Person) -> None:
    assert 'class="tenant-switch' not in ada.page("/dashboard/devices")
    ada.post("/dashboard/organisations/new", name="Northside")
    body = ada.page("/dashboard/sites")
    assert 'class="tenant-switch' in body
    assert 'name="next" value="/dashboard/sites"' in body
    answer = ada.post("/tenant", tenant=ada.home, next="/dashboard/sites")
    assert answer["Location"] == "/dashboard/sites"


def test_somebody_with_an_account_accepts(ada: Person, bob: Person) -> None:
    link = _link(ada)
    assert "Accept" in bob.page(link)

    bob.post(link)
    bob.post(link)  # sent again by the same person it changes nothing

    assert _roles(ada) == {"Ada": "owner", "Bob": "operator"}
    assert "belong to" in bob.page(link)


def test_a_stranger_is_shown_the_way_in_and_back(ada: Person, client: Client) -> None:
    link = _link(ada)

    body = kept(client.get(link))

    assert f"/login?next={link}" in body
    assert f"{link}/join" in body
    assert "shares these devices with you" in body


def test_a_link_for_one_address_names_nobody_to_strangers(ada: Person, client: Client) -> None:
    body = kept(client.get(_link(ada, email="kim@example.com")))
    assert "Ada" not in body
    assert "kim@example.com" not in body


def test_a_new_person_makes_an_account_and_is_in(ada: Person, client: Client) -> None:
    link = _link(ada)

    answer = client.post(
        f"{link}/join",
        {"email": "Sam@example.com", "display_name": "Sam", "password": people.PASSWORD},
    )

    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/devices")
    assert _roles(ada) == {"Ada": "owner", "Sam": "operator"}
    assert "Sam" in client.get("/dashboard/devices").content.decode()


def test_what_is_wrong_with_an_account_is_told_and_uses_nothing_up(
    ada: Person, client: Client
) -> None:
    link = _link(ada, email="kim@example.com")
    good = {"email": "kim@example.com", "password": people.PASSWORD}

    for wrong, said in (
        ({"password": "short"}, "too short"),
        ({"email": "ada@example.com"}, "another address"),
        ({"email": "no address"}, "another address"),
    ):
        answer = client.post(f"{link}/join", good | wrong)
        assert answer.status_code == 400
        assert said in answer.content.decode()
        assert "correct horse" not in answer.content.decode()
    assert User.objects.count() == 1
    assert client.post(f"{link}/join", good).status_code == 302


def test_accounts_are_made_with_a_valid_link_only(ada: Person, client: Client) -> None:
    link = _link(ada)
    uid = re.search(r"/invitations/(\w+)/revoke", ada.page(f"/dashboard/people/{ada.home}"))
    assert uid is not None
    for _ in range(2):
        ada.post(f"/dashboard/people/{ada.home}/invitations/{uid[1]}/revoke")

    for path in (link, f"{link}/join", "/invite/hpi_nothing", "/invite/hpi_nothing/join"):
        assert client.get(path).status_code == 404
    form = {"email": "sam@example.com", "password": people.PASSWORD}
    assert client.post(f"{link}/join", form).status_code == 404
    assert User.objects.count() == 1


def test_a_used_link_is_good_for_nobody_else(ada: Person, bob: Person) -> None:
    link = _link(ada)
    bob.post(link)
    assert "not good" in person("eve@example.com").page(link, 404)


def test_a_link_for_somebody_else_is_like_none(ada: Person, bob: Person) -> None:
    link = _link(ada, email="kim@example.com")
    bob.page(link, 404)
    bob.post(link, 404)
    assert _roles(ada) == {"Ada": "owner"}


def test_a_member_gets_another_role_and_fewer_sites(ada: Person) -> None:
    site(ada, "Shop")
    clerk = member(ada, "viewer")
    path = f"/dashboard/people/{ada.home}/members/{clerk.user.uid}"
    assert "Shop" in ada.page(path)

    for _ in range(2):
        ada.post(path, role="operator", reach="some", sites=["shop"])

    (view,) = [
        each
        for each in members.list_members(tenant_uid=ada.home, actor=ada.actor)
        if not each.is_me
    ]
    assert (view.role, view.sites) == ("operator", ("shop",))
    refused = ada.post(path, 400, role="operator", reach="some")
    assert "Name at least one site" in refused.content.decode()


def test_a_member_is_removed_once(ada: Person) -> None:
    clerk = member(ada, "viewer")
    path = f"/dashboard/people/{ada.home}/members/{clerk.user.uid}/remove"
    assert "Remove" in ada.page(path)

    ada.post(path)

    assert list(_roles(ada)) == ["Ada"]
    ada.post(path, 404)
    clerk.page(f"/dashboard/people/{ada.home}", 404)


def test_a_viewer_sees_people_and_changes_nobody(ada: Person) -> None:
    viewer = member(ada, "viewer")

    body = viewer.page(f"/dashboard/people/{ada.home}")

    assert "Ada" in body
    assert "ada@example.com" not in body
    assert "Invite somebody" not in body
    mine = f"/dashboard/people/{ada.home}"
    for path in ("/invite", "/hand-over", f"/members/{ada.user.uid}"):
        viewer.page(f"{mine}{path}", 403)
    viewer.post(f"{mine}/invite", 403, **INVITE)
    viewer.post(f"{mine}/name", 403, name="Mine now")
    viewer.post(f"{mine}/members/{ada.user.uid}/remove", 403)


def test_a_foreign_tenant_is_like_none(ada: Person, bob: Person) -> None:
    theirs = f"/dashboard/people/{ada.home}"
    for path in ("", "/invite", "/leave", "/hand-over", f"/members/{ada.user.uid}"):
        bob.page(f"{theirs}{path}", 404)
    bob.post(f"{theirs}/invite", 404, **INVITE)
    bob.post(f"{theirs}/name", 404, name="Mine")
    bob.post(f"{theirs}/leave", 404)


def test_a_member_leaves(ada: Person) -> None:
    clerk = member(ada, "operator")
    assert "Leave" in clerk.page(f"/dashboard/people/{ada.home}")

    clerk.post(f"/dashboard/people/{ada.home}/leave")

    assert list(_roles(ada)) == ["Ada"]
    clerk.post(f"/dashboard/people/{ada.home}/leave", 404)


def test_the_only_owner_is_offered_no_way_out(ada: Person) -> None:
    where = ada.post("/dashboard/organisations/new", name="Northside")["Location"]

    assert "only owner" in ada.page(where)
    assert 'role="alert"' in ada.post(f"{where}/leave", 409).content.decode()


def test_nobody_leaves_their_own_home(ada: Person) -> None:
    answer = ada.post(f"/dashboard/people/{ada.home}/leave", 409)
    assert 'role="alert"' in answer.content.decode()


def test_an_organisation_is_handed_over(ada: Person, bob: Person) -> None:
    where = ada.post("/dashboard/organisations/new", name="Northside")["Location"]
    made = ada.post(f"{where}/invite", 200, **(INVITE | {"role": "admin"})).content.decode()
    bob.post(secret_in(made).removeprefix("http://testserver"))
    assert "Bob" in ada.page(f"{where}/hand-over")

    ada.post(f"{where}/hand-over", user=bob.user.uid)

    assert "Hand over" in bob.page(where)
    ada.page(f"{where}/hand-over", 403)
    now = members.list_members(tenant_uid=where.rsplit("/", 1)[1], actor=bob.actor)
    assert {each.display_name: each.role for each in now} == {"Ada": "admin", "Bob": "owner"}


def test_a_tenant_gets_another_name(ada: Person) -> None:
    for _ in range(2):
        ada.post(f"/dashboard/people/{ada.home}/name", name="The house")
    assert "The house" in ada.page(f"/dashboard/people/{ada.home}")
    assert "Give it a name." in ada.post(f"/dashboard/people/{ada.home}/name", 400).content.decode()


def test_an_expired_link_is_no_good(ada: Person, client: Client, monkeypatch: Any) -> None:
    link = _link(ada, valid_days="1")
    later = timezone.now() + timezone.timedelta(days=2)
    monkeypatch.setattr("ops.views.invitations.timezone.now", lambda: later)
    assert client.get(link).status_code == 404
