"""What becomes of the devices and sites of a user who has their account erased."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role, TenantKind
from accounts.models import Membership, Tenant
from accounts.services import erasing as account_erasing
from devices.models import Device, DeviceErasure, EnrolmentRow, ProvisioningKey, Site
from devices.models import Enrolment as EnrolmentModel
from devices.services import account_erasure, erasing, unpairing
from kernel.actors import Actor
from tests.accounts.people import PASSWORD, at_once
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.users import actor_of, make_actor, make_user, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
URL = "/api/v1/auth/me/erase"


def ask(api: APIClient) -> dict[str, Any]:
    answer = api.post(URL, {"password": PASSWORD})
    assert answer.status_code == 202, answer.content
    body: dict[str, Any] = answer.json()
    return body


def report(begun: dict[str, Any]) -> dict[str, Any]:
    answer = APIClient().get(
        f"/api/v1/auth/erasures/{begun['erasure']}",
        headers={"X-Report-Token": begun["report_token"]},
    )
    body: dict[str, Any] = answer.json()
    return body


def run_both(times: int = 3) -> None:
    for _ in range(times):
        account_erasing.run_erasures(now=timezone.now())
        while erasing.run_erasures(timezone.now()):
            pass


def life(uid: str) -> Device:
    found: Device = Device.all_objects.unscoped("test").get(uid=uid)
    return found


def test_devices_of_my_own_end_their_lives_and_are_erased(
    api: APIClient, owner: Actor, board: Board
) -> None:
    online = connected_device(owner)
    gone = make_device(owner)
    unpairing.unpair_device(device_uid=gone.uid, actor=owner, now=timezone.now())
    begun = ask(api)
    assert life(board.uid).is_active
    run_both()
    for uid, reason in (
        (board.uid, "account_erased"), (online.uid, "account_erased"), (gone.uid, "unpaired"),
    ):  # fmt: skip
        device = life(uid)
        assert (device.pairing, device.is_active, device.end_reason) == ("unpaired", False, reason)
        assert device.erased_at is not None
    found = report(begun)
    assert found["state"] == "done"
    assert found["report"]["erased"]["devices"]["devices_erased"] == 3
    assert found["report"]["erased"]["devices"]["lives_ended"] == 2
    assert "devices" in found["report"]["kept"]["devices"]


def test_the_account_is_not_done_before_its_devices_are(api: APIClient, board: Board) -> None:
    begun = ask(api)
    for _ in range(3):
        account_erasing.run_erasures(now=timezone.now())
    assert DeviceErasure.objects.unscoped("test").get().state == "queued"
    assert report(begun)["state"] == "running"
    run_both()
    assert report(begun)["state"] == "done"


def test_devices_of_tenants_that_live_on_stay(api: APIClient, owner: Actor, user: Any) -> None:
    host = make_user()
    host_actor = actor_of(host)
    shared = Tenant.objects.get(pk=tenant_of(host_actor))
    Membership.objects.create(user=user, tenant=shared, role=Role.ADMIN, created_at=timezone.now())
    theirs, foreign = make_device(host_actor), make_device(make_actor())
    begun = ask(api)
    run_both()
    assert report(begun)["state"] == "done"
    for uid in (theirs.uid, foreign.uid):
        assert (life(uid).is_active, life(uid).erased_at) == (True, None)


def test_places_and_lists_of_my_tenants_name_nobody(
    api: APIClient, owner: Actor, user: Any
) -> None:
    now = timezone.now()
    shop = Tenant.objects.create(name="Ada's", kind=TenantKind.ORGANISATION, created_at=now)
    Membership.objects.create(user=user, tenant=shop, role=Role.OWNER, created_at=now)
    other = Tenant.objects.get(pk=tenant_of(make_actor()))
    for number, tenant in enumerate((shop, other)):
        site = Site.objects.create(
            site_id="s1", tenant=tenant, name="Ada's", address="Long Lane 1", latitude=1,
            longitude=2, created_at=now,
        )  # fmt: skip
        ProvisioningKey.objects.create(
            uid=f"k{number}", tenant=tenant, site=site, name="Ada's", key_digest=f"{number}",
            max_devices=5, created_at=now, created_by="Ada", expires_at=now,
        )  # fmt: skip
        batch = EnrolmentModel.objects.create(
            uid=f"b{number}", tenant=tenant, mode="api_key", created_at=now, created_by_id=1,
            created_by="Ada", seal_key=b"k", seal_salt=b"s",
        )  # fmt: skip
        EnrolmentRow.objects.create(
            enrolment=batch, tenant=tenant, number=1, given={"name": "Ada's"}, sealed_secret=b"x"
        )
    begun = ask(api)
    run_both()
    assert report(begun)["state"] == "done"
    mine, theirs = Site.objects.unscoped("test").order_by("pk")
    assert (mine.name, mine.address, mine.latitude, mine.longitude) == ("Erased", "", None, None)
    assert mine.removed_at is not None
    assert (theirs.name, theirs.address, theirs.removed_at) == ("Ada's", "Long Lane 1", None)
    key, kept = ProvisioningKey.objects.unscoped("test").order_by("pk")
    assert (key.name, key.created_by, key.revoked_at is None) == ("Erased", "", False)
    assert (kept.name, kept.created_by, kept.revoked_at) == ("Ada's", "Ada", None)
    rows = EnrolmentRow.objects.unscoped("test").order_by("pk")
    assert [(row.given, row.sealed_secret is None) for row in rows] == [
        ({}, True), ({"name": "Ada's"}, False),
    ]  # fmt: skip
    batches = EnrolmentModel.objects.unscoped("test").order_by("pk")
    assert [(one.created_by, one.seal_key is None) for one in batches] == [
        ("", True), ("Ada", False),
    ]  # fmt: skip
    shop.refresh_from_db()
    assert shop.name == "Erased"


def test_many_devices_are_taken_some_at_a_time(
    api: APIClient, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_device(owner) for _ in range(5)]
    monkeypatch.setattr(account_erasure, "BATCH", 2)
    begun = ask(api)
    account_erasing.run_erasures(now=timezone.now())
    assert [life(board.uid).is_active for board in made] == [False, False, True, True, True]
    run_both(4)
    assert report(begun)["report"]["erased"]["devices"]["devices_erased"] == 5


def test_the_share_of_devices_is_safe_to_run_twice(
    api: APIClient, owner: Actor, board: Board
) -> None:
    begun = ask(api)
    run_both()
    tenants, user_id = [tenant_of(owner)], owner.user_id
    assert user_id is not None
    first = account_erasure.erase_for_account(user_id, tenants, timezone.now())
    again = account_erasure.erase_for_account(user_id, tenants, timezone.now())
    assert (first.is_done, first) == (True, again)
    assert dict(first.counts) == report(begun)["report"]["erased"]["devices"]


@pytest.mark.django_db(transaction=True)
def test_two_processes_end_each_life_once(owner: Actor) -> None:
    made = [make_device(owner) for _ in range(3)]
    tenants, user_id = [tenant_of(owner)], owner.user_id
    assert user_id is not None
    parts = at_once(
        2, lambda _: account_erasure.erase_for_account(user_id, tenants, timezone.now())
    )
    assert not [part for part in parts if isinstance(part, Exception)], parts
    assert DeviceErasure.objects.unscoped("test").count() == 3
    assert [life(board.uid).end_reason for board in made] == ["account_erased"] * 3
