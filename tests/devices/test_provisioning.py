"""How hardware becomes a device, and what its token opens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from devices.errors import AlreadyPaired, ClaimCodeInvalid, DeviceUnpaired, ProvisionKeyInvalid
from devices.models import ClaimCode, Device, DeviceCredential
from devices.services import claiming, credentials, provisioning
from kernel.actors import Actor
from kernel.errors import Conflict, InvalidCredentials, NotFound, RateLimited
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device, provision, registration_of
from tests.factories.users import make_actor
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
BODY = {
    "hardware_id": "AA:BB:CC:00:11:22",
    "device_class": "relay_controller",
    "capabilities": ["relay"],
    "relay_count": 4,
}


def authenticate(uid: str, token: str) -> str:
    return credentials.authenticate_device(device_uid=uid, token=token, now=timezone.now()).uid


def end_life(board: Board) -> None:
    """As unpairing will do it."""
    devices = Device.all_objects.unscoped("tests look at everything")
    devices.filter(pk=board.device_id).update(
        pairing="unpaired", is_active=False, unpaired_at=timezone.now()
    )
    DeviceCredential.objects.filter(device_id=board.device_id).update(
        key_hash="", revoked_at=timezone.now()
    )


def post(body: dict[str, Any], **headers: str) -> Any:
    return APIClient().post("/api/v1/provision/register", body, format="json", headers=headers)


def test_the_first_registration_gives_token_code_and_address() -> None:
    answer = post(BODY, **{"X-Provision-Key": settings.DEVICE_PROVISION_KEY})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert authenticate(made["device_uid"], made["device_token"]) == made["device_uid"]
    assert len(made["claim_code"]) == 8
    assert made["ws_url"].startswith("ws") and made["ws_url"].endswith("/ws/device")


def test_the_key_may_come_in_the_body() -> None:
    answer = post({**BODY, "provision_key": settings.DEVICE_PROVISION_KEY})
    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["", "wrong", "testing-provision-keyy", "ключ"])
def test_a_wrong_key_opens_nothing(key: str) -> None:
    assert_refused(
        post({**BODY, "provision_key": key} if key else BODY), 401, "invalid_credentials"
    )
    assert not Device.all_objects.unscoped("tests look at everything").exists()


def test_registering_again_rotates_token_and_code_and_keeps_the_device() -> None:
    first, second = provision("hw-1"), provision("hw-1")
    assert first.device_uid == second.device_uid
    assert authenticate(second.device_uid, second.device_token)
    with pytest.raises(InvalidCredentials):
        authenticate(first.device_uid, first.device_token)
    with pytest.raises(ClaimCodeInvalid):
        claiming.claim_device(code=first.claim_code, actor=make_actor(), now=timezone.now())


def test_hardware_with_an_owner_is_not_registered_again(owner: Actor) -> None:
    board = make_device(owner, hardware_id="hw-2")
    with pytest.raises(AlreadyPaired):
        provision("hw-2")
    assert authenticate(board.uid, board.token)


def test_after_an_unpaired_life_the_hardware_begins_a_new_one(owner: Actor) -> None:
    old = make_device(owner, hardware_id="hw-3")
    end_life(old)
    new = provision("hw-3")
    row = Device.objects.unscoped("tests look at everything").get(uid=new.device_uid)
    assert (row.epoch, row.tenant_id, row.uid != old.uid) == (2, None, True)
    with pytest.raises(DeviceUnpaired):
        authenticate(old.uid, old.token)


def test_one_address_registers_only_so_often() -> None:
    now = timezone.now().replace(second=1)

    def register(number: int) -> None:
        provisioning.register_device(
            registration=registration_of(f"hw-{number}"),
            provision_key="wrong",
            address="192.0.2.9",
            now=now,
        )

    for number in range(settings.PROVISIONS_PER_MINUTE):
        with pytest.raises(ProvisionKeyInvalid):
            register(number)
    with pytest.raises(RateLimited) as refused:
        register(0)
    assert 0 < (refused.value.retry_after or 0) <= 61


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hardware_id", "a b"),
        ("hardware_id", "x" * 129),
        ("device_class", "toaster"),
        ("relay_count", 65),
        ("relay_count", -1),
        ("relay_count", "many"),
        ("capabilities", ["UPPER"]),
        ("capabilities", "relay"),
    ],
)
def test_what_a_device_says_of_itself_is_checked_by_field(field: str, value: Any) -> None:
    answer = post({**BODY, field: value, "provision_key": settings.DEVICE_PROVISION_KEY})
    assert list(assert_refused(answer, 400, "validation_error")) == [field]


def test_an_emptied_hash_denies_at_once(board: Board) -> None:
    assert authenticate(board.uid, board.token)
    DeviceCredential.objects.filter(device_id=board.device_id).update(key_hash="")
    with pytest.raises(InvalidCredentials):
        authenticate(board.uid, board.token)


def test_a_revoked_token_denies_at_once(owner: Actor, board: Board) -> None:
    assert authenticate(board.uid, board.token)
    credentials.revoke_credential(device_uid=board.uid, actor=owner, now=timezone.now())
    credentials.revoke_credential(device_uid=board.uid, actor=owner, now=timezone.now())
    with pytest.raises(InvalidCredentials):
        authenticate(board.uid, board.token)


def test_a_stranger_cannot_revoke(board: Board) -> None:
    with pytest.raises(NotFound):
        credentials.revoke_credential(device_uid=board.uid, actor=make_actor(), now=timezone.now())
    assert authenticate(board.uid, board.token)


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "ключ"])
def test_any_other_token_is_wrong(board: Board, token: str) -> None:
    for uid in (board.uid, "nobody"):
        with pytest.raises(InvalidCredentials):
            authenticate(uid, token)


def test_neither_token_nor_code_is_stored() -> None:
    made = provision("hw-4")
    stored = DeviceCredential.objects.get(device_id=made.device_id).key_hash
    digest = ClaimCode.objects.get(device_id=made.device_id).code_digest
    assert stored.startswith("$2b$04$") and made.device_token not in stored
    assert made.claim_code not in digest and len(digest) == 64


@pytest.mark.django_db(transaction=True)
def test_the_same_new_hardware_registered_twenty_times_at_once_is_one_device() -> None:
    made = run_at_once(20, lambda _: provision("hw-5"))
    uids = {device.device_uid for device in made if not isinstance(device, BaseException)}
    refused = [error for error in made if isinstance(error, BaseException)]
    assert len(uids) == 1, made
    assert all(isinstance(error, Conflict) for error in refused), refused
    live = DeviceCredential.objects.filter(revoked_at__isnull=True)
    assert live.count() == 1


@pytest.mark.django_db(transaction=True)
def test_registering_again_never_takes_a_device_from_who_claims_it_meanwhile() -> None:
    for attempt in range(5):
        owner, hardware_id = make_actor(), f"hw-6-{attempt}"
        code = provision(hardware_id).claim_code

        def act(number: int, code: str = code, owner: Actor = owner, hw: str = hardware_id) -> str:
            if number % 2:
                return provision(hw).device_uid
            return claiming.claim_device(code=code, actor=owner, now=timezone.now()).uid

        outcomes = run_at_once(6, act)
        expected = (str, Conflict, ClaimCodeInvalid, RateLimited)
        assert all(isinstance(outcome, expected) for outcome in outcomes), outcomes
        row = Device.objects.unscoped("tests look at everything").get(hardware_id=hardware_id)
        claims = [outcome for outcome in outcomes[::2] if isinstance(outcome, str)]
        assert (row.pairing == "paired") == bool(claims) == (row.tenant_id is not None)


def test_a_claim_code_outlives_its_hours_by_nothing() -> None:
    made = provision("hw-7")
    late = made.claim_expires_at + timedelta(microseconds=1)
    with pytest.raises(ClaimCodeInvalid):
        claiming.claim_device(code=made.claim_code, actor=make_actor(), now=late)
