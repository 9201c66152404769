"""Hardware that changed hands gets the key of its new life, by the key of the one that ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from audit.services import verification
from devices.models import Device, DeviceCredential
from devices.services import credentials, erasing, returning, transfers, unpairing
from devices.services.transfer_acceptance import AcceptedTransfer
from devices.types import FormerKey, ProvisionedDevice
from kernel.actors import Actor
from kernel.errors import InvalidCredentials, RateLimited
from kernel.models import RateWindow
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device
from tests.factories.sites import make_site, register
from tests.factories.users import make_actor, tenant_of
from tests.kernel.threads import run_at_once
from tests.rounds import rounds

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"
URL = "/api/v1/provision/return"
ROUNDS = rounds(15, full=200)


def hand_on(device_uid: str, giver: Actor, taker: Actor) -> AcceptedTransfer:
    """A transfer, offered and accepted."""
    now = timezone.now()
    offer = transfers.offer_transfer(device_uid=device_uid, actor=giver, now=now)
    return transfers.accept_transfer(code=offer.code, actor=taker, now=now)


def come_back(uid: str, key: str, *, address: str = "192.0.2.80") -> ProvisionedDevice:
    return returning.return_hardware(
        former=FormerKey(device_uid=uid, key=key), address=address, now=timezone.now()
    )


def use(uid: str, key: str) -> int | None:
    """The tenant that whoever shows this key is let in for."""
    return credentials.authenticate_device(device_uid=uid, token=key, now=timezone.now()).tenant_id


def works(uid: str, key: str) -> bool:
    try:
        use(uid, key)
    except InvalidCredentials:
        return False
    return True


def live_keys(device_pk: int) -> int:
    keys = DeviceCredential.objects.filter(device_id=device_pk, revoked_at__isnull=True)
    return int(keys.count())


def ask(uid: str = "", key: str = "", **headers: str) -> Any:
    shown = {"X-Device-ID": uid, "X-API-Key": key} if uid or key else {}
    return APIClient().post(URL, headers=shown | headers)


@pytest.fixture
def taker() -> Actor:
    """Somebody else."""
    return make_actor(address="192.0.2.50")


@pytest.fixture
def till(owner: Actor) -> tuple[str, str]:
    """Uid and key of a device registered at a site of the owner's."""
    make_site(owner, "store-12")
    made = register(owner, "store-12", "till-1", device_class="pos_terminal")
    return made.device.uid, made.api_key


def test_a_device_of_a_site_comes_back_as_its_new_owners(
    owner: Actor, taker: Actor, till: tuple[str, str]
) -> None:
    uid, old = till
    taken = hand_on(uid, owner, taker)
    back = come_back(uid, old)
    assert (back.device_uid, back.claim_code) == (taken.device.uid, None)
    assert use(back.device_uid, back.device_token) == tenant_of(taker)
    assert not works(taken.device.uid, taken.api_key), "the key handed out is void"
    assert live_keys(taken.device.pk) == 1


def test_it_is_in_the_new_owners_log_and_tells_nothing_of_the_giver(
    owner: Actor, taker: Actor, till: tuple[str, str]
) -> None:
    taken = hand_on(till[0], owner, taker)
    before = AuditEntry.objects.unscoped(WHY).filter(tenant_id=tenant_of(owner)).count()
    come_back(*till)
    entries = AuditEntry.objects.unscoped(WHY)
    (entry,) = entries.filter(action="devices.credential.reissued")
    assert (entry.tenant_id, entry.target_id) == (tenant_of(taker), taken.device.uid)
    told = json.dumps(list(entries.filter(pk=entry.pk).values()), default=str)
    assert till[0] not in told and "till-1" not in told
    assert entries.filter(tenant_id=tenant_of(owner)).count() == before
    assert not verification.verify_chains().bad


def test_until_its_key_is_used_it_may_ask_again(owner: Actor, taker: Actor, board: Board) -> None:
    taken = hand_on(board.uid, owner, taker)
    first = come_back(board.uid, board.token)
    second = come_back(board.uid, board.token)
    assert not works(first.device_uid, first.device_token)
    assert works(second.device_uid, second.device_token)
    with pytest.raises(InvalidCredentials):
        come_back(board.uid, board.token)
    assert works(second.device_uid, second.device_token)
    assert live_keys(taken.device.pk) == 1


def test_a_new_owners_key_that_was_used_is_not_replaced(
    owner: Actor, taker: Actor, board: Board
) -> None:
    taken = hand_on(board.uid, owner, taker)
    assert works(taken.device.uid, taken.api_key)
    with pytest.raises(InvalidCredentials):
        come_back(board.uid, board.token)
    assert works(taken.device.uid, taken.api_key)


def test_a_key_that_the_new_owner_voided_stays_void(
    owner: Actor, taker: Actor, board: Board
) -> None:
    taken = hand_on(board.uid, owner, taker)
    credentials.revoke_credential(device_uid=taken.device.uid, actor=taker, now=timezone.now())
    with pytest.raises(InvalidCredentials):
        come_back(board.uid, board.token)
    assert live_keys(taken.device.pk) == 0


def test_two_transfers_before_it_came_back_lead_to_the_last_owner(
    owner: Actor, taker: Actor, till: tuple[str, str]
) -> None:
    third = make_actor(address="192.0.2.51")
    middle = hand_on(till[0], owner, taker)
    last = hand_on(middle.device.uid, taker, third)
    back = come_back(*till)
    assert back.device_uid == last.device.uid
    assert use(back.device_uid, back.device_token) == tenant_of(third)


def test_home_again_by_two_transfers(owner: Actor, taker: Actor, till: tuple[str, str]) -> None:
    middle = hand_on(till[0], owner, taker)
    last = hand_on(middle.device.uid, taker, owner)
    assert come_back(*till).device_uid == last.device.uid


def test_a_chain_ends_where_a_key_was_used(owner: Actor, taker: Actor, board: Board) -> None:
    middle = hand_on(board.uid, owner, taker)
    assert works(middle.device.uid, middle.api_key)
    last = hand_on(middle.device.uid, taker, make_actor(address="192.0.2.51"))
    with pytest.raises(InvalidCredentials):
        come_back(board.uid, board.token)
    assert come_back(middle.device.uid, middle.api_key).device_uid == last.device.uid


def test_a_giver_who_erases_the_archive_does_not_cut_the_way_back(
    owner: Actor, taker: Actor, till: tuple[str, str]
) -> None:
    uid, old = till
    taken = hand_on(uid, owner, taker)
    erasing.request_erasure(device_uid=uid, actor=owner, now=timezone.now())
    while erasing.run_erasures(timezone.now()):
        pass
    assert Device.all_objects.unscoped(WHY).get(uid=uid).erased_at is not None
    assert come_back(uid, old).device_uid == taken.device.uid


def test_what_the_erased_site_called_it_leads_nowhere(
    owner: Actor, taker: Actor, till: tuple[str, str]
) -> None:
    uid, old = till
    taken = hand_on(uid, owner, taker)
    assert come_back("till-1", old).device_uid == taken.device.uid
    erasing.request_erasure(device_uid=uid, actor=owner, now=timezone.now())
    while erasing.run_erasures(timezone.now()):
        pass
    with pytest.raises(InvalidCredentials):
        come_back("till-1", old)


def test_every_refusal_is_the_same_answer(owner: Actor, taker: Actor) -> None:
    living, ended, used, over, other = (make_device(owner) for _ in range(5))
    now = timezone.now()
    unpairing.unpair_device(device_uid=ended.uid, actor=owner, now=now)
    in_use = hand_on(used.uid, owner, taker)
    assert works(in_use.device.uid, in_use.api_key)
    gone = hand_on(over.uid, owner, taker)
    unpairing.unpair_device(device_uid=gone.device.uid, actor=taker, now=now)
    voided = hand_on(other.uid, owner, taker)
    credentials.revoke_credential(device_uid=voided.device.uid, actor=taker, now=now)
    answers = [
        ask(),
        ask(uid=living.uid),
        ask(key=living.token),
        ask("unknown", "wrong"),
        ask("unknown", living.token),
        ask(living.uid, "wrong"),
        ask(living.uid, living.token),
        ask(ended.uid, ended.token),
        ask(used.uid, "wrong"),
        ask(used.uid, used.token),
        ask(over.uid, over.token),
        ask(other.uid, other.token),
        ask(used.uid, over.token),
        ask(in_use.device.uid, in_use.api_key),
        ask(used.uid, used.token, Authorization=f"Bearer {used.token}"),
    ]
    bodies = []
    for answer in answers:
        body = assert_refused(answer, 401, "invalid_credentials")
        bodies.append((body, answer.json()["message"], answer.headers.get("WWW-Authenticate")))
    assert all(body == bodies[0] for body in bodies)
    assert live_keys(living.device_id) == 1
    assert [live_keys(taken.device.pk) for taken in (in_use, gone, voided)] == [1, 0, 0]


def test_a_key_voided_before_the_transfer_proves_nothing(
    owner: Actor, taker: Actor, board: Board
) -> None:
    credentials.revoke_credential(device_uid=board.uid, actor=owner, now=timezone.now())
    taken = hand_on(board.uid, owner, taker)
    with pytest.raises(InvalidCredentials):
        come_back(board.uid, board.token)
    assert works(taken.device.uid, taken.api_key)


def test_the_route_answers_like_a_registration(owner: Actor, taker: Actor, board: Board) -> None:
    taken = hand_on(board.uid, owner, taker)
    answer = ask(board.uid, board.token)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert shown.keys() == {
        "device_uid", "device_token", "claim_code", "claim_expires_at", "ws_url",
    }  # fmt: skip
    assert (shown["device_uid"], shown["claim_code"]) == (taken.device.uid, None)
    assert shown["ws_url"].endswith("/ws/device")
    assert use(shown["device_uid"], shown["device_token"]) == tenant_of(taker)


def test_the_key_may_come_as_a_bearer(owner: Actor, taker: Actor, board: Board) -> None:
    hand_on(board.uid, owner, taker)
    headers = {"X-Device-ID": board.uid, "Authorization": f"Bearer {board.token}"}
    assert APIClient().post(URL, headers=headers).status_code == 201


def test_the_same_request_twice_is_one_key(owner: Actor, taker: Actor, board: Board) -> None:
    taken = hand_on(board.uid, owner, taker)
    once = {"Idempotency-Key": "return-key-0001"}
    first, again = (ask(board.uid, board.token, **once) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    # The answer is told again also to who has used the key since.
    assert works(taken.device.uid, first.json()["device_token"])
    assert ask(board.uid, board.token, **once).json() == first.json()
    assert_refused(ask(board.uid, "wrong", **once), 401, "invalid_credentials")


def test_wrong_tries_are_counted_and_right_ones_are_not(
    owner: Actor, taker: Actor, board: Board
) -> None:
    hand_on(board.uid, owner, taker)
    come_back(board.uid, board.token)
    for _ in range(credentials.FAILED_LOGINS_PER_MINUTE):
        with pytest.raises(InvalidCredentials):
            come_back(board.uid, "wrong")
    with pytest.raises(RateLimited):
        come_back(board.uid, "wrong")


def test_asking_is_limited_by_address(owner: Actor, taker: Actor, board: Board) -> None:
    hand_on(board.uid, owner, taker)
    for _ in range(settings.PROVISIONS_PER_MINUTE):
        come_back(board.uid, board.token)
    with pytest.raises(RateLimited):
        come_back(board.uid, board.token)
    assert come_back(board.uid, board.token, address="192.0.2.81").device_uid


def race(owner: Actor, taker: Actor, *works_: Any) -> tuple[Board, AcceptedTransfer, list[Any]]:
    RateWindow.objects.all().delete()
    board = make_device(owner)
    taken = hand_on(board.uid, owner, taker)
    outcomes = run_at_once(len(works_), lambda side: works_[side](board, taken))
    return board, taken, outcomes


def back_of(board: Board, taken: AcceptedTransfer) -> ProvisionedDevice:
    return come_back(board.uid, board.token)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_come_back_at_once_one_key_lives(owner: Actor, taker: Actor) -> None:
    for _ in range(ROUNDS):
        _, taken, outcomes = race(owner, taker, back_of, back_of)
        assert all(isinstance(made, ProvisionedDevice) for made in outcomes), outcomes
        assert live_keys(taken.device.pk) == 1
        good = [works(made.device_uid, made.device_token) for made in outcomes]
        assert sorted(good) == [False, True]
    assert not verification.verify_chains().bad


@pytest.mark.django_db(transaction=True)
def test_coming_back_beside_the_next_transfer_leads_to_an_owner(owner: Actor, taker: Actor) -> None:
    third = make_actor(address="192.0.2.51")
    for _ in range(ROUNDS):
        board, taken, outcomes = race(
            owner, taker, back_of, lambda _, taken: hand_on(taken.device.uid, taker, third)
        )
        back, last = outcomes
        assert isinstance(back, ProvisionedDevice), back
        assert isinstance(last, AcceptedTransfer), last
        went_on = back.device_uid == last.device.uid
        assert went_on or back.device_uid == taken.device.uid
        assert works(back.device_uid, back.device_token) == went_on
        if not went_on:
            assert come_back(board.uid, board.token).device_uid == last.device.uid
        assert (live_keys(taken.device.pk), live_keys(last.device.pk)) == (0, 1)
    assert not verification.verify_chains().bad


@pytest.mark.django_db(transaction=True)
def test_coming_back_beside_the_first_use_is_one_or_the_other(owner: Actor, taker: Actor) -> None:
    for _ in range(ROUNDS):
        _, taken, outcomes = race(
            owner, taker, back_of, lambda _, taken: use(taken.device.uid, taken.api_key)
        )
        assert live_keys(taken.device.pk) == 1
        back = outcomes[0]
        if isinstance(back, ProvisionedDevice):
            assert works(back.device_uid, back.device_token)
            assert not works(taken.device.uid, taken.api_key)
        else:
            assert isinstance(back, InvalidCredentials), back
            assert works(taken.device.uid, taken.api_key)
