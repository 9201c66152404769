"""Keys for batches: devices come in as their tenant's, so many and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.errors import AlreadyPaired, ProvisionKeyInvalid
from devices.models import ClaimCode, Device, ProvisioningKey, Site
from devices.services import credentials, provisioning, provisioning_keys, transfers
from devices.types import FormerKey, ProvisionedDevice
from kernel.actors import Actor
from kernel.errors import InvalidCredentials, NotFound, PermissionDenied, ValidationFailed
from kernel.unit_of_work import unit_of_work
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device, provision, registration_of
from tests.factories.users import make_actor, tenant_of
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
URL = "/api/v1/provisioning-keys"


def make_key(actor: Actor, **given: Any) -> provisioning_keys.MadeKey:
    now = timezone.now()
    values = {"name": "Batch", "max_devices": 3, "expires_at": now + timedelta(days=1), **given}
    return provisioning_keys.create_key(**values, actor=actor, now=now)


def make_site(actor: Actor, site_id: str = "store-7") -> Site:
    return Site.objects.create(
        site_id=site_id, tenant_id=tenant_of(actor), name="Store", created_at=timezone.now()
    )


def register(
    key: str, hardware_id: str = "", *, former: FormerKey | None = None, **more: Any
) -> ProvisionedDevice:
    registration = registration_of(hardware_id)
    return provisioning.register_device(
        registration=replace(registration, **more),
        provision_key=key,
        former=former,
        address=f"test-{registration.hardware_id}",
        now=timezone.now(),
    )


def row_of(device: ProvisionedDevice) -> Device:
    row: Device = Device.all_objects.unscoped("test").get(pk=device.device_id)
    return row


def used(made: provisioning_keys.MadeKey) -> int:
    count: int = ProvisioningKey.objects.unscoped("test").get(pk=made.row.pk).used
    return count


def actions(tenant_id: int) -> list[str]:
    entries = AuditEntry.objects.unscoped("test").filter(tenant_id=tenant_id)
    return list(entries.order_by("seq").values_list("action", flat=True))


def works(uid: str, key: str) -> bool:
    try:
        credentials.authenticate_device(device_uid=uid, token=key, now=timezone.now())
    except InvalidCredentials:
        return False
    return True


def test_a_device_of_a_batch_belongs_to_the_tenant_and_site_at_once(owner: Actor) -> None:
    site = make_site(owner)
    made = make_key(owner, site_id="store-7", device_class="relay_controller")
    device = register(made.key)
    assert (device.claim_code, device.claim_expires_at) == (None, None)
    row = row_of(device)
    assert (row.tenant_id, row.site_id, row.pairing) == (tenant_of(owner), site.pk, "paired")
    assert (row.enrolled_by, row.claimed_by) == ("batch_key", "provisioning key Batch")
    assert works(device.device_uid, device.device_token)
    assert not ClaimCode.objects.filter(device_id=row.pk, used_at__isnull=True).exists()
    assert used(made) == 1
    said = actions(tenant_of(owner))
    for action in ("created", "used"):
        assert f"devices.provisioning_key.{action}" in said
    assert "devices.device.claimed" in said and "devices.device.provisioned" in said


def test_the_wire_says_null_where_there_is_nothing_to_claim(owner: Actor) -> None:
    body = {"hardware_id": "hw-batch", "device_class": "server"}
    answer = APIClient().post(
        "/api/v1/provision/register", body, headers={"X-Provision-Key": make_key(owner).key}
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["claim_code"] is None and answer.json()["claim_expires_at"] is None


def test_unclaimed_hardware_is_taken_in_and_paired_hardware_costs_no_use(owner: Actor) -> None:
    made = make_key(owner)
    unclaimed = provision("hw-1")
    taken = register(made.key, "hw-1")
    assert taken.device_uid == unclaimed.device_uid
    assert not works(unclaimed.device_uid, unclaimed.device_token)
    for paired in ("hw-1", make_device(make_actor(), hardware_id="hw-2").row().hardware_id):
        with pytest.raises(AlreadyPaired):
            register(made.key, paired)
    assert used(made) == 1
    assert works(taken.device_uid, taken.device_token)


def test_every_key_that_is_not_good_gets_the_same_answer(owner: Actor) -> None:
    revoked, used_up = make_key(owner), make_key(owner, max_devices=1)
    expired, other_class = make_key(owner), make_key(owner, device_class="server")
    gone = make_site(owner)
    at_removed_site = make_key(owner, site_id=gone.site_id)
    provisioning_keys.revoke_key(key_uid=revoked.row.uid, actor=owner, now=timezone.now())
    register(used_up.key)
    rows = ProvisioningKey.objects.unscoped("test")
    rows.filter(pk=expired.row.pk).update(expires_at=timezone.now())
    Site.objects.unscoped("test").filter(pk=gone.pk).update(removed_at=timezone.now())
    bad = [made.key for made in (revoked, used_up, expired, other_class, at_removed_site)]
    before = Device.objects.unscoped("test").count()
    for key in [*bad, "hpk_unknown", "hpk_", "wrong", ""]:
        with pytest.raises(ProvisionKeyInvalid) as refused:
            register(key)
        assert str(refused.value) == ProvisionKeyInvalid.default_message
    assert Device.objects.unscoped("test").count() == before


def test_a_bad_key_learns_nothing_about_paired_hardware(owner: Actor) -> None:
    make_device(owner, hardware_id="hw-3")
    with pytest.raises(ProvisionKeyInvalid):
        register("hpk_unknown", "hw-3")


def test_with_a_site_only_a_key_for_that_place_counts(owner: Actor) -> None:
    here, there = make_site(owner, "here"), make_site(owner, "there")
    foreign = make_site(make_actor(), "here")
    anywhere, at_here = make_key(owner), make_key(owner, site_id="here")

    def use(key: str, site: Site) -> int:
        with unit_of_work():
            return provisioning_keys.use_key(
                key=key, device_class="server", site_id=site.pk, now=timezone.now()
            ).used

    assert (use(anywhere.key, there), use(at_here.key, here)) == (1, 1)
    for key, site in ((at_here.key, there), (anywhere.key, foreign), (at_here.key, foreign)):
        with pytest.raises(ProvisionKeyInvalid):
            use(key, site)
    assert (used(anywhere), used(at_here)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_parallel_registrations_never_pass_the_count(owner: Actor) -> None:
    made = make_key(owner, max_devices=5)
    outcomes = run_at_once(12, lambda number: register(made.key, f"hw-p{number}"))
    taken = [outcome for outcome in outcomes if isinstance(outcome, ProvisionedDevice)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ProvisionKeyInvalid)]
    assert (len(taken), len(refused)) == (5, 7), outcomes
    assert used(made) == 5
    assert Device.objects.unscoped("test").filter(tenant_id=tenant_of(owner)).count() == 5


def test_only_a_digest_of_the_key_is_stored(owner: Actor) -> None:
    made = make_key(owner)
    assert made.key.startswith("hpk_") and len(made.key) > 40
    row = ProvisioningKey.objects.unscoped("test").values().get(pk=made.row.pk)
    assert made.key not in repr(row) and made.key not in repr(made)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("max_devices", 0),
        ("max_devices", 100_001),
        ("device_class", "toaster"),
        ("expires_at", timezone.now() - timedelta(days=1)),
        ("expires_at", timezone.now() + timedelta(days=400)),
        ("site_id", "unknown"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(owner: Actor, field: str, value: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_key(owner, **{field: value})
    assert list(refused.value.details) == ["site" if field == "site_id" else field]


def test_a_site_of_another_tenant_is_as_unknown_as_none(owner: Actor) -> None:
    make_site(make_actor(), "theirs")
    with pytest.raises(ValidationFailed):
        make_key(owner, site_id="theirs")


def test_only_admins_manage_keys_and_strangers_find_none(owner: Actor) -> None:
    made = make_key(owner)
    low = replace(owner, roles={tenant_of(owner): "operator"})
    with pytest.raises(PermissionDenied):
        make_key(low)
    with pytest.raises(PermissionDenied):
        provisioning_keys.revoke_key(key_uid=made.row.uid, actor=low, now=timezone.now())
    with pytest.raises(NotFound):
        provisioning_keys.revoke_key(key_uid=made.row.uid, actor=make_actor(), now=timezone.now())
    assert register(made.key)


def test_an_admin_of_some_sites_makes_keys_for_those_only(owner: Actor) -> None:
    here = make_site(owner, "here")
    make_site(owner, "there")
    tenant = tenant_of(owner)
    limited = replace(owner, roles={tenant: "admin"}, site_limits={tenant: frozenset({here.pk})})
    everywhere = make_key(owner)
    with pytest.raises(PermissionDenied):
        make_key(limited)
    with pytest.raises(ValidationFailed):
        make_key(limited, site_id="there")
    assert make_key(limited, site_id="here").row.site_id == here.pk
    with pytest.raises(NotFound):
        provisioning_keys.revoke_key(key_uid=everywhere.row.uid, actor=limited, now=timezone.now())


def test_the_routes_show_how_keys_stand_and_the_key_only_once(api: APIClient) -> None:
    body = {"name": "Roll-out", "max_devices": 2, "expires_in": 3600}
    answer = api.post(URL, body)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    register(made["key"])
    path = f"{URL}/{made['uid']}"
    shown = api.get(path).json()
    assert (shown["used"], shown["max_devices"], shown["state"]) == (1, 2, "active")
    assert "key" not in shown and made["key"] not in api.get(URL).content.decode()
    assert [item["uid"] for item in api.get(URL).json()["items"]] == [made["uid"]]
    register(made["key"])
    assert api.get(path).json()["state"] == "used_up"
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 204
    shown = api.get(path).json()
    assert shown["state"] == "revoked" and shown["revoked_at"]


def test_a_key_says_when_it_ends_in_one_way(api: APIClient) -> None:
    body = {"name": "Roll-out", "max_devices": 2}
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    for ends in ({}, {"expires_in": 60, "expires_at": later}):
        assert "expires_at" in assert_refused(api.post(URL, body | ends), 400, "validation_error")
    assert api.post(URL, {**body, "expires_at": later}).status_code == 201


def test_a_foreign_key_is_as_unknown_as_none(api: APIClient) -> None:
    foreign = make_key(make_actor()).row.uid
    for uid in (foreign, "unknown"):
        assert_refused(api.get(f"{URL}/{uid}"), 404, "not_found")
        assert_refused(api.delete(f"{URL}/{uid}"), 404, "not_found")
    assert api.get(URL).json()["items"] == []


def transferred(board: Board, giver: Actor, taker: Actor) -> Board:
    """The next life of the hardware, with the key that its new owner was shown."""
    now = timezone.now()
    offer = transfers.offer_transfer(device_uid=board.uid, actor=giver, now=now)
    taken = transfers.accept_transfer(code=offer.code, actor=taker, now=now)
    return Board(taken.device.pk, taken.device.uid, taken.api_key, "")


def test_transferred_hardware_gets_a_key_by_the_one_it_had(owner: Actor, board: Board) -> None:
    taker = make_actor()
    new = transferred(board, owner, taker)
    hardware = board.row().hardware_id
    former = FormerKey(device_uid=board.uid, key=board.token)
    again = register(settings.DEVICE_PROVISION_KEY, hardware, former=former)
    assert (again.device_uid, again.claim_code) == (new.uid, None)
    assert row_of(again).tenant_id == tenant_of(taker)
    assert "devices.credential.reissued" in actions(tenant_of(taker))
    assert works(new.uid, again.device_token)
    assert not works(new.uid, new.token)
    with pytest.raises(AlreadyPaired):
        register(settings.DEVICE_PROVISION_KEY, hardware, former=former)
    assert works(new.uid, again.device_token)


def test_without_the_proof_transferred_hardware_stays_its_new_owners(
    owner: Actor, board: Board
) -> None:
    new = transferred(board, owner, make_actor())
    hardware = board.row().hardware_id
    other = make_device(owner)
    for former in (
        None,
        FormerKey(device_uid=board.uid, key="wrong"),
        FormerKey(device_uid="unknown", key=board.token),
        FormerKey(device_uid=other.uid, key=other.token),
        FormerKey(device_uid=new.uid, key=new.token),
    ):
        with pytest.raises(AlreadyPaired):
            register(settings.DEVICE_PROVISION_KEY, hardware, former=former)
    assert works(new.uid, new.token)


def test_a_new_owners_key_that_was_used_is_not_replaced(owner: Actor, board: Board) -> None:
    new = transferred(board, owner, make_actor())
    assert works(new.uid, new.token)
    former = FormerKey(device_uid=board.uid, key=board.token)
    with pytest.raises(AlreadyPaired):
        register(settings.DEVICE_PROVISION_KEY, board.row().hardware_id, former=former)


def test_the_key_of_an_earlier_owner_proves_nothing_once_the_next_ones_was_used(
    owner: Actor, board: Board
) -> None:
    second, third = make_actor(), make_actor()
    middle = transferred(board, owner, second)
    assert works(middle.uid, middle.token)
    last = transferred(middle, second, third)
    former = FormerKey(device_uid=board.uid, key=board.token)
    with pytest.raises(AlreadyPaired):
        register(settings.DEVICE_PROVISION_KEY, board.row().hardware_id, former=former)
    assert works(last.uid, last.token)
