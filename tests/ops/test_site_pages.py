"""The pages of sites and provisioning keys: who sees what, and what the forms do."""

from __future__ import annotations

import pytest
from django.test import Client

from devices import selectors as devices
from tests.ops.households import Person, member, person, secret_in, site

pytestmark = [pytest.mark.django_db, pytest.mark.core]

HOSTILE = "<img src=x onerror=alert(2)>\"'"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the sites."""
    return person("ada@example.com")


@pytest.fixture
def bob(db: None) -> Person:
    """Somebody else, with a tenant of their own."""
    return person("bob@example.com")


def _sites_of(owner: Person) -> list[str]:
    return list(devices.sites_visible_to(owner.actor).values_list("site_id", flat=True))


def test_a_site_is_made_by_a_form_and_opens(ada: Person) -> None:
    answer = ada.post("/dashboard/sites/new", name="Harbour Street", time_zone="Europe/Berlin")

    assert answer["Location"] == "/dashboard/sites/harbour-street"
    body = ada.page("/dashboard/sites/harbour-street")
    assert "Europe/Berlin" in body
    assert "0 devices, 0 online" in body
    assert "harbour-street" in ada.page("/dashboard/sites")


def test_what_is_wrong_with_a_site_stands_beside_its_field(ada: Person) -> None:
    answer = ada.post(
        "/dashboard/sites/new", 400, name="Shop", time_zone="Mars/Base", latitude="12"
    )

    body = answer.content.decode()
    assert "An IANA time zone" in body
    assert "Give latitude and longitude, or neither." in body
    assert 'value="Shop"' in body
    assert _sites_of(ada) == []


def test_the_same_id_again_is_told_in_the_form(ada: Person) -> None:
    site(ada, "Shop")

    answer = ada.post("/dashboard/sites/new", 409, name="Other", site_id="shop", time_zone="UTC")

    assert "shop" in answer.content.decode()
    assert _sites_of(ada) == ["shop"]


def test_an_edit_sent_twice_is_done_once(ada: Person) -> None:
    site(ada, "Shop")

    for _ in range(2):
        ada.post("/dashboard/sites/shop/edit", name="Big shop", time_zone="UTC")

    assert "Big shop" in ada.page("/dashboard/sites/shop")


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/sites/shop", "/dashboard/sites/shop/edit", "/dashboard/sites/shop/remove", "/dashboard/sites/shop/register",
    ],
)  # fmt: skip
def test_a_foreign_site_is_like_none(ada: Person, bob: Person, path: str) -> None:
    site(ada, "Shop")

    bob.page(path, 404)
    if path != "/dashboard/sites/shop":
        bob.post(path, 404, name="Mine", devices="unpair", device_id="x", time_zone="UTC")
    assert _sites_of(ada) == ["shop"]


def test_a_viewer_looks_at_sites_and_changes_none(ada: Person) -> None:
    site(ada, "Shop")
    viewer = member(ada, "viewer")

    assert "New site" not in viewer.page("/dashboard/sites")
    assert "Register a device here" not in viewer.page("/dashboard/sites/shop")
    for path in (
        "/dashboard/sites/new",
        "/dashboard/sites/shop/edit",
        "/dashboard/sites/shop/remove",
        "/dashboard/keys",
        "/dashboard/keys/new",
    ):
        viewer.page(path, 403)
    viewer.post("/dashboard/sites/shop/remove", 403, devices="unpair")
    assert "Provisioning keys" not in viewer.page("/dashboard/devices")


def test_who_is_limited_to_a_site_sees_that_one_only(ada: Person) -> None:
    shop = site(ada, "Shop")
    site(ada, "Depot")
    clerk = member(ada, "operator", site_ids=[shop.pk])

    body = clerk.page("/dashboard/sites")

    assert "Shop" in body
    assert "Depot" not in body
    clerk.page("/dashboard/sites/depot", 404)


def test_a_registered_device_shows_its_key_once_and_how_to_use_it(ada: Person) -> None:
    site(ada, "Shop")

    answer = ada.post(
        "/dashboard/sites/shop/register", 200, device_id="till-1", device_class="pos_terminal"
    )

    body = answer.content.decode()
    key = secret_in(body)
    assert f"X-API-Key: {key}" in body
    assert "homepot-agent register --site shop" in body
    assert "no-store" in answer["Cache-Control"]
    listed = ada.page("/dashboard/sites/shop")
    assert "till-1" in listed
    assert key not in listed


def test_registering_the_same_device_again_is_refused_in_the_form(ada: Person) -> None:
    site(ada, "Shop")
    form = {"device_id": "till-1", "device_class": "other"}
    ada.post("/dashboard/sites/shop/register", 200, **form)

    answer = ada.post("/dashboard/sites/shop/register", 409, **form)

    assert "is registered" in answer.content.decode()
    assert devices.devices_visible_to(ada.actor).count() == 1


def test_a_site_with_devices_asks_first_and_moves_them(ada: Person) -> None:
    site(ada, "Shop")
    site(ada, "Depot")
    ada.post("/dashboard/sites/shop/register", 200, device_id="till-1", device_class="other")
    assert "1 device stands here" in ada.page("/dashboard/sites/shop/remove")

    asked = ada.post("/dashboard/sites/shop/remove", 409).content.decode()
    assert "Say first what becomes of its devices." in asked
    ada.post("/dashboard/sites/shop/remove", devices="move", move_to="depot")

    assert _sites_of(ada) == ["depot"]
    assert "till-1" in ada.page("/dashboard/sites/depot")
    ada.post("/dashboard/sites/shop/remove", 404, devices="move", move_to="depot")


def test_a_site_goes_and_its_devices_are_unpaired(ada: Person) -> None:
    site(ada, "Shop")
    ada.post(
        "/dashboard/sites/shop/register",
        200,
        device_id="till-1",
        name="Front till",
        device_class="other",
    )

    ada.post("/dashboard/sites/shop/remove", devices="unpair")

    assert devices.devices_visible_to(ada.actor).count() == 0
    assert "Front till" in ada.page("/dashboard/archive")


def test_the_device_list_is_filtered_by_site(ada: Person) -> None:
    site(ada, "Shop")
    site(ada, "Depot")
    ada.post("/dashboard/sites/shop/register", 200, device_id="till-1", device_class="other")
    ada.post("/dashboard/sites/depot/register", 200, device_id="gate-1", device_class="other")

    body = ada.page("/dashboard/devices?site=shop")

    assert "till-1" in body
    assert "gate-1" not in body
    assert 'name="site" value="shop"' in body


def test_who_belongs_to_several_says_whose_a_new_site_is(ada: Person) -> None:
    ada.post("/dashboard/organisations/new", name="Northside")
    ada.post("/tenant", tenant="")

    body = ada.page("/dashboard/sites/new")
    assert "Whose is it?" in body
    ada.post("/dashboard/sites/new", 400, name="Shop", time_zone="UTC")
    uid = body.split("/dashboard/sites/new?tenant=")[1].split('"')[0]
    answer = ada.post("/dashboard/sites/new", name="Shop", time_zone="UTC", tenant=uid)

    assert answer["Location"] == f"/dashboard/sites/shop?tenant={uid}"
    ada.page(answer["Location"])


def test_only_tenants_where_one_may_make_a_site_are_offered(ada: Person, bob: Person) -> None:
    ada.post("/dashboard/organisations/new", name="Northside")
    viewer = member(ada, "viewer")
    viewer.post("/tenant", tenant="")

    body = viewer.page("/dashboard/sites/new")

    assert f"?tenant={viewer.home}" in body
    assert f"?tenant={ada.home}" not in body


def test_one_id_at_two_tenants_is_asked_for(ada: Person) -> None:
    site(ada, "Shop")
    ada.post("/dashboard/organisations/new", name="Northside")
    ada.post("/dashboard/sites/new", name="Shop", time_zone="UTC")
    ada.post("/tenant", tenant="")

    body = ada.page("/dashboard/sites/shop")

    assert f"/dashboard/sites/shop?tenant={ada.home}" in body
    assert "Belongs to" in ada.page(f"/dashboard/sites/shop?tenant={ada.home}")


def test_a_tenant_of_somebody_else_is_no_choice(ada: Person, bob: Person) -> None:
    ada.page(f"/dashboard/sites?tenant={bob.home}", 404)
    ada.post("/dashboard/sites/new", 404, name="Shop", time_zone="UTC", tenant=bob.home)
    assert _sites_of(bob) == []


def test_a_provisioning_key_is_shown_once_listed_and_revoked(ada: Person) -> None:
    form = {"name": "Spring", "max_devices": "5", "days": "7", "site": "", "device_class": ""}

    made = ada.post("/dashboard/keys/new", 200, **form).content.decode()

    key = secret_in(made)
    assert key.startswith("hpk_")
    listed = ada.page("/dashboard/keys")
    assert key not in listed
    assert "0 of 5 used" in listed
    uid = devices.provisioning_keys_visible_to(ada.actor).get().uid
    for _ in range(2):
        ada.post(f"/dashboard/keys/{uid}/revoke")
    assert "Revoked" in ada.page("/dashboard/keys")


def test_a_foreign_key_is_like_none(ada: Person, bob: Person) -> None:
    form = {"name": "Spring", "max_devices": "5", "days": "7"}
    ada.post("/dashboard/keys/new", 200, **form)
    uid = devices.provisioning_keys_visible_to(ada.actor).get().uid

    bob.post(f"/dashboard/keys/{uid}/revoke", 404)

    assert "Spring" not in bob.page("/dashboard/keys")
    assert devices.provisioning_keys_visible_to(ada.actor).get().revoked_at is None


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/sites",
        "/dashboard/sites/new",
        "/dashboard/sites/shop",
        "/dashboard/keys",
        "/dashboard/enrol",
        "/dashboard/people",
        "/dashboard/organisations/new",
    ],
)
def test_strangers_are_sent_to_the_login_with_the_way_back(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login?next={path}")


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/sites",
        "/dashboard/sites/shop",
        "/dashboard/sites/new",
        "/dashboard/people",
        "/dashboard/enrol",
    ],
)
def test_a_hostile_name_is_only_text(ada: Person, path: str) -> None:
    ada.post(f"/dashboard/people/{ada.home}/name", name=HOSTILE)
    site(ada, "Shop")
    ada.post("/dashboard/sites/shop/edit", name=HOSTILE, address=HOSTILE, time_zone="UTC")
    ada.post("/dashboard/organisations/new", name=HOSTILE)
    ada.post("/tenant", tenant=ada.home)

    target = f"/dashboard/people/{ada.home}" if path == "/dashboard/people" else path
    assert "<img src=x" not in ada.page(target)


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "x"])
def test_a_page_number_that_makes_no_sense_shows_a_page(ada: Person, page: str) -> None:
    site(ada, "Shop")
    assert "Shop" in ada.page(f"/dashboard/sites?page={page}")
