"""Sites of a tenant: what they are, who sees them, and how they end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.errors import SiteExists
from devices.models import Device, ProvisioningKey, Site
from devices.services import site_registration, site_removal, sites
from devices.types import NewSite, SiteDevice
from kernel.actors import Actor
from kernel.errors import Conflict, NotFound
from kernel.models import LiveEvent
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.sites import devices_at, join_as, living, make_site, register, site_row
from tests.factories.users import client_of, make_actor, make_user, sign_in, tenant_of
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
STORE = {
    "site_id": "main-street",
    "name": "Main Street",
    "address": "1 Main Street",
    "time_zone": "Asia/Tokyo",
    "latitude": 35.6812361,
    "longitude": -139.7671248,
}
FIELDS = {
    "site_id", "name", "address", "time_zone", "latitude", "longitude", "created_at",
    "device_count", "online_count", "real_count", "real_online_count", "tenant",
}  # fmt: skip


def post(api: APIClient, body: Any, **headers: str) -> Any:
    return api.post("/api/v1/sites", body, format="json", headers=headers)


def entries(action: str) -> list[AuditEntry]:
    found = AuditEntry.objects.unscoped("tests look at everything")
    return list(found.filter(action=action).order_by("seq"))


def test_a_site_is_made_and_shown_as_it_was_given(api: APIClient) -> None:
    made = post(api, STORE)
    assert made.status_code == 201, made.content
    shown = made.json()
    assert shown.keys() == FIELDS
    assert (shown["latitude"], shown["longitude"]) == (35.681236, -139.767125)
    assert (shown["device_count"], shown["online_count"]) == (0, 0)
    assert api.get("/api/v1/sites/main-street").json() == shown
    assert api.get("/api/v1/sites").json()["items"] == [shown]
    (entry,) = entries("devices.site.created")
    assert (entry.target_id, entry.after["latitude"]) == ("main-street", "35.681236")


def test_a_site_without_an_id_gets_a_free_one_out_of_its_name(api: APIClient) -> None:
    made = [post(api, {"name": name}).json()["site_id"] for name in ("Büro 7", "Büro 7", "日本")]
    assert made == ["buro-7", "buro-7-2", "site"]


def test_an_id_is_given_once_among_the_living_sites_of_a_tenant(api: APIClient) -> None:
    assert post(api, STORE).status_code == 201
    assert_refused(post(api, STORE), 409, "site_exists")
    other = client_of(sign_in(make_user()))
    assert post(other, STORE).status_code == 201
    assert api.delete("/api/v1/sites/main-street").status_code == 200
    assert post(api, STORE).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("site_id", "a b"),
        ("site_id", "x" * 65),
        ("name", ""),
        ("name", "x" * 101),
        ("name", None),
        ("address", "x" * 301),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("latitude", 91),
        ("latitude", "NaN"),
        ("latitude", "1e999"),
        ("latitude", None),
        ("longitude", -181),
        ("longitude", None),
    ],
)
def test_a_wrong_site_is_refused_by_field(api: APIClient, field: str, value: Any) -> None:
    answer = post(api, {**STORE, field: value})
    assert list(assert_refused(answer, 400, "validation_error")) == [field]
    made = make_site_over(api)
    if field != "site_id":
        answer = api.patch(f"/api/v1/sites/{made}", {**STORE, field: value}, format="json")
        assert list(assert_refused(answer, 400, "validation_error")) == [field]


def make_site_over(api: APIClient) -> str:
    made: str = post(api, {"name": "Plain"}).json()["site_id"]
    return made


def test_an_edit_is_told_once_with_before_and_after(api: APIClient) -> None:
    post(api, STORE)
    change = {"name": "High Street", "latitude": None, "longitude": None, "site_id": "other"}
    for _ in range(2):
        edited = api.patch("/api/v1/sites/main-street", change, format="json")
        assert edited.status_code == 200, edited.content
    assert (edited.json()["name"], edited.json()["latitude"]) == ("High Street", None)
    (entry,) = entries("devices.site.updated")
    assert entry.before == {
        "name": "Main Street", "latitude": "35.681236", "longitude": "-139.767125",
    }  # fmt: skip
    assert entry.after == {"name": "High Street", "latitude": None, "longitude": None}


def test_half_a_position_is_no_edit(api: APIClient) -> None:
    post(api, STORE)
    answer = api.patch("/api/v1/sites/main-street", {"latitude": 1}, format="json")
    assert list(assert_refused(answer, 400, "validation_error")) == ["longitude"]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_below_admin_sites_are_only_read(owner: Actor, role: str) -> None:
    make_site(owner, "store")
    member = join_as(owner, role)
    headers = {"X-Tenant": living_uid(owner)}
    assert member.get("/api/v1/sites/store", headers=headers).status_code == 200
    for answer in (
        post(member, STORE, **headers),
        member.patch("/api/v1/sites/store", {"name": "x"}, format="json", headers=headers),
        member.delete("/api/v1/sites/store", headers=headers),
    ):
        assert_refused(answer, 403, "permission_denied")
    assert site_row(owner, "store").name == "store"


def living_uid(owner: Actor) -> str:
    return make_site(owner, "any").tenant.uid


def test_a_foreign_site_cannot_be_told_from_a_missing_one(api: APIClient, owner: Actor) -> None:
    make_site(make_actor(), "theirs")
    make_site(owner, "mine")
    for call in (api.get, api.patch, api.delete):
        answers = []
        for site_id in ("theirs", "nowhere"):
            body = call(f"/api/v1/sites/{site_id}").json()
            body.pop("request_id")
            answers.append(body)
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "not_found"
    answer = api.delete("/api/v1/sites/mine?devices=move_to:theirs")
    assert_refused(answer, 400, "validation_error")


def test_a_site_that_two_tenants_of_the_caller_have_is_not_guessed(owner: Actor) -> None:
    other = make_actor()
    for actor in (owner, other):
        make_site(actor, "store")
    member = join_as(owner, "admin", user_id=other.user_id)
    assert_refused(member.get("/api/v1/sites/store"), 400, "tenant_required")
    assert_refused(post(member, STORE), 400, "tenant_required")
    chosen = site_row(owner, "store").tenant.uid
    shown = member.get("/api/v1/sites/store", headers={"X-Tenant": chosen})
    assert shown.json()["tenant"]["uid"] == chosen


def test_a_site_counts_its_living_devices_in_few_queries(
    api: APIClient, owner: Actor, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        make_site(owner, f"store-{number}")
        place(connected_device(owner), owner, f"store-{number}")
        place(make_device(owner), owner, f"store-{number}")
    with django_assert_max_num_queries(8):
        shown = api.get("/api/v1/sites").json()["items"]
    assert [(site["device_count"], site["online_count"]) for site in shown] == [(2, 1)] * 5


def test_a_site_counts_simulated_devices_apart(api: APIClient, owner: Actor) -> None:
    make_site(owner, "store")
    for is_simulated in (True, False):
        board = place(connected_device(owner), owner, "store")
        rows = Device.objects.unscoped("tests look at everything")
        rows.filter(pk=board.device_id).update(is_simulated=is_simulated)
    shown = api.get("/api/v1/sites/store").json()
    assert (shown["device_count"], shown["online_count"]) == (2, 2)
    assert (shown["real_count"], shown["real_online_count"]) == (1, 1)


def place(board: Board, owner: Actor, site_id: str) -> Board:
    devices = Device.objects.unscoped("tests look at everything")
    devices.filter(pk=board.device_id).update(site=site_row(owner, site_id))
    return board


def test_a_site_with_devices_asks_what_becomes_of_them(api: APIClient, owner: Actor) -> None:
    make_site(owner, "store")
    for _ in range(2):
        place(make_device(owner), owner, "store")
    details = assert_refused(api.delete("/api/v1/sites/store"), 409, "site_has_devices")
    assert details == {"device_count": 2, "devices": ["unpair", "move_to:<site_id>"]}
    assert site_row(owner, "store").removed_at is None
    assert entries("devices.site.removed") == []


@pytest.mark.parametrize(
    ("query", "body"),
    [("?devices=move_to:depot", None), ("", {"devices": {"move_to": "depot"}})],
)
def test_the_devices_move_with_an_entry_each(
    api: APIClient, owner: Actor, query: str, body: Any
) -> None:
    make_site(owner, "store")
    make_site(owner, "depot")
    boards = [place(make_device(owner), owner, "store") for _ in range(3)]
    removed = api.delete(f"/api/v1/sites/store{query}", body, format="json")
    assert removed.status_code == 200, removed.content
    assert removed.json() == {
        "site_id": "store", "devices_unpaired": 0, "devices_moved": 3, "moved_to": "depot",
        "keys_revoked": 0,
    }  # fmt: skip
    assert devices_at(owner, "depot") == {board.uid for board in boards}
    assert {entry.target_id for entry in entries("devices.device.updated")} == devices_at(
        owner, "depot"
    )
    told = LiveEvent.objects.filter(kind="device_updated").values_list("payload", flat=True)
    assert {payload["device_uid"] for payload in told} == devices_at(owner, "depot")
    (entry,) = entries("devices.site.removed")
    assert (entry.after["devices_moved"], entry.after["moved_to"]) == (3, "depot")
    assert_refused(api.delete("/api/v1/sites/store"), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "body"), [("?devices=unpair", None), ("", {"devices": "unpair"})]
)
def test_the_devices_are_unpaired_with_an_entry_each(
    api: APIClient, owner: Actor, query: str, body: Any
) -> None:
    make_site(owner, "store")
    here, elsewhere = place(make_device(owner), owner, "store"), make_device(owner)
    removed = api.delete(f"/api/v1/sites/store{query}", body, format="json")
    assert removed.status_code == 200, removed.content
    assert removed.json()["devices_unpaired"] == 1
    row = here.row()
    assert (row.is_active, row.end_reason, row.pairing) == (False, "site_removed", "unpaired")
    assert row.site is not None and row.site.site_id == "store"
    assert elsewhere.row().is_active
    assert [entry.target_id for entry in entries("devices.device.unpaired")] == [here.uid]


@pytest.mark.parametrize(
    "asked",
    ["burn", "move_to:", "move_to:nowhere", "move_to:store", "", ["unpair"], {"move_to": 1}],
)
def test_what_cannot_become_of_them_is_refused(api: APIClient, owner: Actor, asked: Any) -> None:
    make_site(owner, "store")
    board = place(make_device(owner), owner, "store")
    answer = api.delete("/api/v1/sites/store", {"devices": asked}, format="json")
    assert list(assert_refused(answer, 400, "validation_error")) == ["devices"]
    assert board.row().is_active and site_row(owner, "store").removed_at is None


def test_the_provisioning_keys_of_a_removed_site_are_void(api: APIClient, owner: Actor) -> None:
    site, other = make_site(owner, "store"), make_site(owner, "depot")
    for number, place_of_key in enumerate((site, other, None)):
        ProvisioningKey.objects.create(
            uid=f"key-{number}", tenant_id=tenant_of(owner), site=place_of_key, name="batch",
            key_digest=str(number), max_devices=5, created_at=timezone.now(), created_by="x",
            expires_at=timezone.now(),
        )  # fmt: skip
    assert api.delete("/api/v1/sites/store").json()["keys_revoked"] == 1
    keys = ProvisioningKey.objects.unscoped("tests look at everything")
    revoked = keys.filter(revoked_at__isnull=False).values_list("uid", flat=True)
    assert list(revoked) == ["key-0"]
    assert [entry.target_id for entry in entries("devices.provisioning_key.revoked")] == ["key-0"]


def test_a_removal_sent_again_with_its_key_gets_the_same_answer(
    api: APIClient, owner: Actor
) -> None:
    make_site(owner, "store")
    headers = {"Idempotency-Key": "gone"}
    first, again = (api.delete("/api/v1/sites/store", headers=headers) for _ in range(2))
    assert (again.status_code, again.content) == (200, first.content)


def test_who_is_limited_to_sites_sees_and_manages_only_those(owner: Actor) -> None:
    mine, _ = make_site(owner, "mine"), make_site(owner, "other")
    make_site(owner, "third")
    admin = join_as(owner, "admin", site_ids=[mine.pk])
    headers = {"X-Tenant": mine.tenant.uid}
    shown = admin.get("/api/v1/sites", headers=headers).json()["items"]
    assert [site["site_id"] for site in shown] == ["mine"]
    assert_refused(admin.get("/api/v1/sites/other", headers=headers), 404, "not_found")
    assert_refused(admin.delete("/api/v1/sites/other", headers=headers), 404, "not_found")
    assert_refused(post(admin, STORE, **headers), 403, "permission_denied")
    answer = admin.delete("/api/v1/sites/mine?devices=move_to:other", headers=headers)
    assert_refused(answer, 400, "validation_error")


@pytest.mark.django_db(transaction=True)
def test_of_two_sites_made_at_once_with_one_id_there_is_one() -> None:
    owner = make_actor()

    def make(_: int) -> Site:
        return sites.create_site(
            given=NewSite(name="Store", site_id="store"), actor=owner, now=timezone.now()
        )

    outcomes = run_at_once(5, make)
    assert sum(isinstance(outcome, Site) for outcome in outcomes) == 1, outcomes
    assert sum(isinstance(outcome, SiteExists) for outcome in outcomes) == 4, outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("move", [False, True])
def test_no_device_is_left_at_a_site_that_is_removed_while_it_registers(move: bool) -> None:
    owner = replace(make_actor(), address=None)
    for attempt in range(4):
        make_site(owner, "store")
        make_site(owner, f"depot-{attempt}")

        def act(number: int, attempt: int = attempt) -> Any:
            if number == 0:
                return site_removal.remove_site(
                    site_id="store",
                    unpair=not move,
                    move_to=f"depot-{attempt}" if move else "",
                    actor=owner,
                    now=timezone.now(),
                )
            given = SiteDevice(device_id=f"till-{attempt}-{number}")
            return site_registration.register_at_site(
                site_id="store",
                given=given,
                actor=replace(owner, address=f"race-{attempt}-{number}"),
                now=timezone.now(),
            )

        outcomes = run_at_once(5, act)
        assert not isinstance(outcomes[0], BaseException), outcomes
        allowed = (site_registration.RegisteredDevice, NotFound, Conflict)
        assert all(isinstance(outcome, allowed) for outcome in outcomes[1:]), outcomes
        assert not living(owner).filter(site__removed_at__isnull=False).exists()
        stayed = sum(not isinstance(outcome, BaseException) for outcome in outcomes[1:])
        assert len(devices_at(owner, f"depot-{attempt}")) == (stayed if move else 0)


def test_a_device_registered_at_a_removed_site_finds_none(owner: Actor) -> None:
    make_site(owner, "store")
    site_removal.remove_site(site_id="store", actor=owner, now=timezone.now())
    with pytest.raises(NotFound):
        register(owner, "store", "till-1")
