"""The second way in: devices registered at a site, by an admin or with a batch key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.errors import AlreadyRegistered
from devices.models import Device, DeviceCapability, DeviceCredential
from devices.services import (
    claiming,
    credentials,
    provisioning_keys,
    releasing,
    site_registration,
    unpairing,
)
from devices.types import SiteDevice
from kernel import idempotency
from kernel.actors import Actor
from kernel.errors import InvalidCredentials
from kernel.models import LiveEvent
from tests.accounts.people import assert_refused
from tests.factories.sites import join_as, living, make_site, register
from tests.factories.users import client_of, make_actor, make_user, sign_in
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
PATH = "/api/v1/devices/sites/store/devices"
TILL = {
    "device_id": "pos-terminal-001",
    "name": "Till 1",
    "device_type": "pos_terminal",
    "ip_address": "192.0.2.10",
}


@pytest.fixture(autouse=True)
def store(owner: Actor) -> None:
    make_site(owner, "store")


def post(api: APIClient, body: Any, path: str = PATH, **headers: str) -> Any:
    return api.post(path, body, format="json", headers=headers)


def batch_key(owner: Actor, *, site_id: str | None = None, max_devices: int = 5) -> str:
    made = provisioning_keys.create_key(
        name="batch 7",
        site_id=site_id,
        max_devices=max_devices,
        expires_at=timezone.now() + timedelta(days=1),
        actor=owner,
        now=timezone.now(),
    )
    return made.key


def uid_of(name: str, key: str) -> str:
    return credentials.authenticate_device(device_uid=name, token=key, now=timezone.now()).uid


def used(owner: Actor) -> list[int]:
    rows = provisioning_keys.ProvisioningKey.objects.unscoped("tests look at everything")
    return list(rows.filter(tenant_id__in=owner.tenant_ids).values_list("used", flat=True))


def test_an_admin_registers_a_device_and_gets_its_key_once(api: APIClient, owner: Actor) -> None:
    made = post(api, TILL)
    assert made.status_code == 201, made.content
    shown = made.json()
    key = shown.pop("api_key")
    assert shown == api.get(f"/api/v1/devices/{shown['uid']}").json()
    assert (shown["device_id"], shown["name"]) == ("pos-terminal-001", "Till 1")
    assert (shown["device_class"], shown["device_type"]) == ("pos_terminal", "pos_terminal")
    assert (shown["site"]["slug"], shown["pairing"], shown["ip_address"]) == (
        "store", "paired", "192.0.2.10",
    )  # fmt: skip
    assert (shown["epoch"], shown["enrolled_by"]) == (1, "site")
    assert len(key) >= 43
    assert uid_of(shown["uid"], key) == uid_of("pos-terminal-001", key) == shown["uid"]
    with pytest.raises(InvalidCredentials):
        uid_of("another", key)
    stored = DeviceCredential.objects.get()
    assert stored.key_hash.startswith("$2b$") and key not in str(vars(stored))


def test_the_whole_description_is_kept_rows_and_summary_alike(api: APIClient) -> None:
    body = {
        **TILL, "device_class": "hybrid", "model": "HP-7", "capabilities": ["relay", "ir"],
        "relay_count": 2, "tags": ["b", "a", "a"],
    }  # fmt: skip
    shown = post(api, body).json()
    assert (shown["device_class"], shown["model"], shown["relay_count"]) == ("hybrid", "HP-7", 2)
    assert shown["tags"] == ["a", "b"]
    rows = DeviceCapability.objects.unscoped("tests look at everything")
    names = rows.filter(device__uid=shown["uid"]).values_list("name", flat=True)
    assert sorted(names) == sorted(shown["capabilities"]) == ["ir", "relay"]
    tenants = set(rows.values_list("tenant_id", flat=True))
    assert tenants == {Device.objects.unscoped("test").get(uid=shown["uid"]).tenant_id}


def test_a_registration_is_told_to_audit_and_browsers(api: APIClient) -> None:
    uid = post(api, TILL).json()["uid"]
    entries = AuditEntry.objects.unscoped("tests look at everything")
    (entry,) = entries.filter(action="devices.device.registered")
    assert (entry.target_id, entry.after["site"]) == (uid, "store")
    assert "api_key" not in str(entry.after)
    assert LiveEvent.objects.get(kind="device_added").payload == {"device_uid": uid}


def test_a_device_id_is_given_once_among_the_living_of_a_tenant(
    api: APIClient, owner: Actor
) -> None:
    first = post(api, TILL).json()
    assert_refused(post(api, TILL), 409, "already_registered")
    make_site(owner, "depot")
    assert_refused(
        post(api, TILL, "/api/v1/devices/sites/depot/devices"), 409, "already_registered"
    )
    assert uid_of(first["uid"], first["api_key"]) == first["uid"]
    other = make_user()
    from_other = client_of(sign_in(other))
    from_other.post("/api/v1/sites", {"name": "Store"}, format="json")
    assert post(from_other, TILL).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device_id", ""),
        ("device_id", "a b"),
        ("device_id", "x" * 65),
        ("device_id", "a:b"),
        ("device_id", None),
        ("name", "x" * 101),
        ("device_type", "x" * 65),
        ("ip_address", "300.1.1.1"),
        ("device_class", "toaster"),
        ("relay_count", 65),
        ("capabilities", ["UPPER"]),
        ("tags", "blue"),
    ],
)
def test_a_wrong_description_is_refused_by_field(
    api: APIClient, owner: Actor, field: str, value: Any
) -> None:
    answer = post(api, {**TILL, field: value})
    assert list(assert_refused(answer, 400, "validation_error")) == [field]
    assert not living(owner).exists()


def test_who_may_not_manage_devices_registers_none(api: APIClient, owner: Actor) -> None:
    assert_refused(post(APIClient(), TILL), 401, "not_authenticated")
    assert_refused(post(join_as(owner, "viewer"), TILL), 403, "permission_denied")
    assert_refused(post(join_as(owner, "operator"), TILL), 403, "permission_denied")
    assert_refused(post(client_of(sign_in(make_user())), TILL), 404, "not_found")
    missing = "/api/v1/devices/sites/nowhere/devices"
    assert_refused(post(api, TILL, missing), 404, "not_found")
    assert not living(owner).exists()
    assert post(join_as(owner, "admin"), TILL).status_code == 201


@pytest.mark.parametrize("site_id", ["store", None])
def test_a_batch_key_registers_without_a_user(owner: Actor, site_id: str | None) -> None:
    key = batch_key(owner, site_id=site_id)
    made = post(APIClient(), TILL, **{"X-Provision-Key": key})
    assert made.status_code == 201, made.content
    shown = made.json()
    assert (shown["enrolled_by"], shown["pairing"], shown["site"]["slug"]) == (
        "batch_key", "paired", "store",
    )  # fmt: skip
    assert uid_of("pos-terminal-001", shown["api_key"]) == shown["uid"]
    assert used(owner) == [1]


def test_a_batch_key_counts_no_device_that_was_refused(owner: Actor) -> None:
    headers = {"X-Provision-Key": batch_key(owner, max_devices=2)}
    assert post(APIClient(), TILL, **headers).status_code == 201
    assert_refused(post(APIClient(), TILL, **headers), 409, "already_registered")
    assert used(owner) == [1]
    assert post(APIClient(), {**TILL, "device_id": "b"}, **headers).status_code == 201
    third = post(APIClient(), {**TILL, "device_id": "c"}, **headers)
    assert_refused(third, 401, "invalid_credentials")
    assert used(owner) == [2]


def test_a_key_for_elsewhere_is_as_wrong_as_any(api: APIClient, owner: Actor) -> None:
    make_site(owner, "depot")
    stranger = make_actor()
    make_site(stranger, "store")
    make_site(stranger, "theirs")
    cases = (
        (batch_key(owner, site_id="depot"), "store"),
        (batch_key(owner), "theirs"),
        (batch_key(owner), "nowhere"),
        ("hpk_wrong", "store"),
        (settings.DEVICE_PROVISION_KEY, "store"),
    )
    answers = []
    for key, site_id in cases:
        path = f"/api/v1/devices/sites/{site_id}/devices"
        # Signed in or not: a key that is sent decides.
        for client in (api, APIClient()):
            refused = post(client, TILL, path, **{"X-Provision-Key": key})
            body = refused.json()
            body.pop("request_id")
            answers.append((refused.status_code, body))
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers), answers
    assert set(used(owner)) == {0}


def test_a_registration_sent_again_with_its_key_gets_the_same_answer(
    api: APIClient, owner: Actor
) -> None:
    batch = {"X-Provision-Key": batch_key(owner)}
    for client, headers in ((api, {}), (APIClient(), batch)):
        body = {**TILL, "device_id": f"till-{len(headers)}"}
        sent = {"Idempotency-Key": f"key-{len(headers)}", **headers}
        first, again = (post(client, body, **sent) for _ in range(2))
        assert (first.status_code, again.content) == (201, first.content)
        assert again["idempotency-replayed"] == "true"
    assert living(owner).count() == 2
    assert used(owner) == [1]


def test_a_word_that_is_a_route_cannot_be_a_device_id(api: APIClient, owner: Actor) -> None:
    for word in ("self", "claim", "pending"):
        answer = post(api, {**TILL, "device_id": word})
        assert (answer.status_code, list(answer.json()["details"])) == (400, ["device_id"])
    assert not living(owner).exists()


def test_without_the_provisioning_key_nobody_is_told_an_answer_again(owner: Actor) -> None:
    made = post(
        APIClient(), TILL, **{"Idempotency-Key": "seen", "X-Provision-Key": batch_key(owner)}
    )
    assert made.status_code == 201, made.content
    for headers in ({}, {"X-Provision-Key": "another"}):
        stranger = post(APIClient(), TILL, **{"Idempotency-Key": "seen", **headers})
        assert stranger.status_code == 401, stranger.content
        assert "api_key" not in stranger.json()


def test_a_key_whose_answer_was_lost_on_the_way_is_told_again(
    api: APIClient, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete, calls = idempotency.complete, []

    def die_after_the_commit(*answer: Any) -> None:
        calls.append(answer)
        if len(calls) == 2:
            raise OperationalError("away")
        complete(*answer)

    monkeypatch.setattr(idempotency, "complete", die_after_the_commit)
    assert post(api, TILL, **{"Idempotency-Key": "lost"}).status_code == 503
    again = post(api, TILL, **{"Idempotency-Key": "lost"})
    assert again.status_code == 201, again.content
    assert uid_of("pos-terminal-001", again.json()["api_key"]) == again.json()["uid"]
    assert living(owner).count() == 1


def test_one_address_registers_only_so_often(api: APIClient, settings: Any) -> None:
    settings.PROVISIONS_PER_MINUTE = 3
    codes = [post(api, {**TILL, "device_id": f"t{number}"}).status_code for number in range(9)]
    assert 429 in codes
    assert codes.count(201) <= 6


def test_after_an_unpaired_life_the_same_name_begins_the_next_with_a_new_key(
    api: APIClient, owner: Actor
) -> None:
    first = post(api, TILL).json()
    unpairing.unpair_device(device_uid=first["uid"], actor=owner, now=timezone.now())
    second = post(api, TILL).json()
    assert (second["epoch"], second["hardware_id"]) == (2, first["hardware_id"])
    assert second["uid"] != first["uid"] and second["api_key"] != first["api_key"]
    assert uid_of("pos-terminal-001", second["api_key"]) == second["uid"]
    with pytest.raises(InvalidCredentials):
        uid_of("pos-terminal-001", first["api_key"])


def test_a_name_whose_device_went_to_another_tenant_may_be_used_again(owner: Actor) -> None:
    first = register(owner, "store", "till-1").device
    released = releasing.release_device(device_uid=first.uid, actor=owner, now=timezone.now())
    buyer = make_actor()
    bought = claiming.claim_device(code=released.claim_code, actor=buyer, now=timezone.now())
    second = register(owner, "store", "till-1").device
    assert (second.device_id, second.epoch) == ("till-1", 2)
    assert first.hardware_id.endswith(":till-1")
    assert "till-1" not in bought.hardware_id, "the buyer learns nothing of the seller's names"
    assert bought.epoch == first.epoch + 1
    assert Device.objects.unscoped("test").get(pk=bought.pk).tenant_id != second.tenant_id


def test_a_released_device_that_comes_back_is_another_life_and_leaves_the_code_good(
    owner: Actor,
) -> None:
    first = register(owner, "store", "till-1").device
    released = releasing.release_device(device_uid=first.uid, actor=owner, now=timezone.now())
    back = register(owner, "store", "till-1").device
    assert back.uid not in {first.uid, released.device_uid}
    bought = claiming.claim_device(code=released.claim_code, actor=make_actor(), now=timezone.now())
    assert bought.uid == released.device_uid


def test_the_answer_holds_back_nothing_the_key_could_be_printed_from(owner: Actor) -> None:
    registered = register(owner, "store", "till-1")
    assert registered.api_key not in repr(registered)


@pytest.mark.django_db(transaction=True)
def test_of_one_name_registered_at_two_sites_at_once_one_device_comes_to_be() -> None:
    owner = make_actor()
    for site_id in ("one", "two"):
        make_site(owner, site_id)

    def act(number: int) -> Any:
        return site_registration.register_at_site(
            site_id=("one", "two")[number % 2],
            given=SiteDevice(device_id="till-1"),
            actor=owner,
            now=timezone.now(),
        )

    outcomes = run_at_once(8, act)
    made = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(made) == 1, outcomes
    assert all(isinstance(error, AlreadyRegistered) for error in refused), refused
    assert living(owner).count() == 1
    assert uid_of("till-1", made[0].api_key) == made[0].device.uid
