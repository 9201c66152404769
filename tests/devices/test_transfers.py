"""Handing a device to another tenant: both sides agree, and neither sees into the other."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from audit.models import AuditEntry
from audit.services import verification
from devices import selectors
from devices.errors import (
    AlreadyPaired,
    DeviceArchived,
    DeviceUnpaired,
    TransferCodeInvalid,
    TransferDecided,
    TransferToSelf,
)
from devices.models import Device, DeviceTransfer
from devices.services import credentials, editing, provisioning, releasing, transfers, unpairing
from devices.services.transfers import AcceptedTransfer, Offer
from devices.types import DeviceChanges, FormerKey
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, RateLimited, ValidationFailed
from kernel.models import LiveEvent
from kernel.tokens import CROCKFORD_ALPHABET
from tests.factories.devices import (
    Board,
    connected_device,
    make_device,
    provision,
    registration_of,
    switch,
)
from tests.factories.sites import join, make_site, register
from tests.factories.users import actor_of, make_actor, make_user, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


@pytest.fixture
def receiver() -> Actor:
    """Somebody else, from an address of their own."""
    return make_actor("receiver.person@example.org", address="192.0.2.50")


def offer(board: Board, actor: Actor) -> Offer:
    return transfers.offer_transfer(device_uid=board.uid, actor=actor, now=timezone.now())


def accept(code: str, actor: Actor, *, site: str | None = None) -> AcceptedTransfer:
    return transfers.accept_transfer(code=code, site_id=site, actor=actor, now=timezone.now())


def row_of(made: Offer) -> DeviceTransfer:
    row: DeviceTransfer = DeviceTransfer.objects.unscoped(WHY).get(uid=made.uid)
    return row


def entries_of(actor: Actor) -> Any:
    return AuditEntry.objects.unscoped(WHY).filter(tenant_id=tenant_of(actor)).order_by("seq")


def kinds_of(actor: Actor) -> list[str]:
    events = LiveEvent.objects.filter(tenant_id=tenant_of(actor)).order_by("seq")
    return list(events.values_list("kind", flat=True))


def test_an_offered_device_works_as_before(owner: Actor) -> None:
    board = connected_device(owner)
    made = offer(board, owner)
    assert len(made.code) >= 12
    assert set(made.code) <= set(CROCKFORD_ALPHABET)
    assert made.code not in repr(made)
    assert made.expires_at - timezone.now() > timedelta(hours=71)
    assert switch(owner, board, 0, True).state == "queued"
    assert board.row().tenant_id == tenant_of(owner)


def test_the_code_is_kept_as_a_digest_only(owner: Actor, board: Board) -> None:
    made = offer(board, owner)
    kept = DeviceTransfer.objects.unscoped(WHY).values().get()
    assert made.code not in json.dumps(kept, default=str)
    assert made.code not in json.dumps(list(entries_of(owner).values()), default=str)


def test_accepting_ends_one_life_and_begins_the_next(owner: Actor, receiver: Actor) -> None:
    board = connected_device(owner)
    changes = DeviceChanges(name="Anna's lamp", tags=["private"], relay_names={"0": "Bed"})
    editing.update_device(device_uid=board.uid, changes=changes, actor=owner, now=timezone.now())
    made = offer(board, owner)
    taken = accept(made.code.lower(), receiver)
    former, present = board.row(), taken.device
    assert (former.is_active, former.end_reason, former.name) == (
        False,
        "transferred",
        "Anna's lamp",
    )
    assert former.tenant_id == tenant_of(owner)
    assert (present.tenant_id, present.epoch) == (tenant_of(receiver), former.epoch + 1)
    assert (present.hardware_id, present.enrolled_by) == (former.hardware_id, "transfer")
    assert (present.model, present.relay_count, present.capabilities) == ("HP-R4", 4, ["relay"])
    assert (present.name, present.tags, present.relay_names) == ("", [], {})
    row = row_of(made)
    assert (row.state, row.to_tenant_id, row.new_device_id) == (
        "accepted",
        tenant_of(receiver),
        present.pk,
    )


def test_the_new_key_opens_and_the_old_one_does_not(owner: Actor, receiver: Actor) -> None:
    board = make_device(owner)
    taken = accept(offer(board, owner).code, receiver)
    facts = credentials.authenticate_device(
        device_uid=taken.device.uid, token=taken.api_key, now=timezone.now()
    )
    assert (facts.device_id, facts.tenant_id) == (taken.device.pk, tenant_of(receiver))
    assert taken.api_key not in repr(taken)
    with pytest.raises(DeviceUnpaired):
        credentials.authenticate_device(device_uid=board.uid, token=board.token, now=timezone.now())


def test_neither_side_sees_into_the_other(owner: Actor, receiver: Actor) -> None:
    board = make_device(owner)
    taken = accept(offer(board, owner).code, receiver)
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=receiver, uid=board.uid, include_archived=True)
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=owner, uid=taken.device.uid, include_archived=True)
    mine = selectors.lives_visible_to(owner, board.row())
    theirs = selectors.lives_visible_to(receiver, taken.device)
    assert [life.uid for life in mine] == [board.uid]
    assert [life.uid for life in theirs] == [taken.device.uid]


def test_both_histories_tell_it_and_name_no_people_of_the_other(
    owner: Actor, receiver: Actor
) -> None:
    board = make_device(owner)
    taken = accept(offer(board, owner).code, receiver)
    mine = list(entries_of(owner).filter(target_id=board.uid))
    assert [entry.action for entry in mine][-3:] == [
        "devices.transfer.offered",
        "devices.transfer.accepted",
        "devices.device.transferred",
    ]
    (theirs,) = entries_of(receiver).filter(target_id=taken.device.uid)
    assert (theirs.action, theirs.actor_id) == ("devices.transfer.accepted", receiver.id)
    told = json.dumps(list(entries_of(owner).values()), default=str)
    assert receiver.id not in told
    assert str(receiver.address) not in told
    assert taken.device.uid not in told
    told = json.dumps(list(entries_of(receiver).values()), default=str)
    assert owner.id not in told
    assert board.uid not in told
    assert not verification.verify_chains().bad


def test_the_name_of_a_person_never_stands_in_for_their_tenant(owner: Actor) -> None:
    company = make_user("boss@example.org")
    member = join(actor_of(company), "admin")
    acting = actor_of(member, address="192.0.2.60")
    chosen = {tenant_of(actor_of(company)): "admin"}
    acting = Actor(
        kind="user",
        id=acting.id,
        label=acting.label,
        user_id=acting.user_id,
        roles=chosen,
        address="192.0.2.60",
    )
    board = make_device(owner)
    accept(offer(board, owner).code, acting)
    told = json.dumps(list(entries_of(owner).values()), default=str)
    assert member.label not in told
    assert member.label not in json.dumps([board.row().unpaired_by])


def test_browsers_of_both_sides_hear_of_it(owner: Actor, receiver: Actor) -> None:
    board = make_device(owner)
    before = kinds_of(owner).count("device_added")
    accept(offer(board, owner).code, receiver)
    assert "device_removed" in kinds_of(owner)
    assert kinds_of(owner).count("device_added") == before
    assert "device_added" in kinds_of(receiver)
    assert "device_removed" not in kinds_of(receiver)


def test_a_second_offer_makes_the_first_code_void(
    owner: Actor, board: Board, receiver: Actor
) -> None:
    first, second = offer(board, owner), offer(board, owner)
    assert (row_of(first).state, row_of(second).state) == ("cancelled", "offered")
    with pytest.raises(TransferCodeInvalid):
        accept(first.code, receiver)
    assert accept(second.code, receiver).device.is_active


def test_a_code_works_once(owner: Actor, board: Board, receiver: Actor) -> None:
    made = offer(board, owner)
    accept(made.code, receiver)
    for actor in (receiver, make_actor(address="192.0.2.70")):
        with pytest.raises(TransferCodeInvalid):
            accept(made.code, actor)
    lives = Device.all_objects.unscoped(WHY).filter(hardware_id=board.row().hardware_id)
    assert lives.count() == 2


def test_nobody_accepts_their_own_offer(owner: Actor, board: Board) -> None:
    made = offer(board, owner)
    with pytest.raises(TransferToSelf):
        accept(made.code, owner)
    assert row_of(made).state == "offered"
    assert board.row().is_active


def test_five_wrong_tries_lock_an_address(owner: Actor, board: Board, receiver: Actor) -> None:
    right = offer(board, owner).code
    for number in range(5):
        with pytest.raises(TransferCodeInvalid):
            accept(f"{number}" * 16, receiver)
    with pytest.raises(RateLimited):
        accept(right, receiver)


def test_right_codes_do_not_count_against_an_address(owner: Actor, receiver: Actor) -> None:
    for _ in range(transfers.WRONG_TRIES + 2):
        assert accept(offer(make_device(owner), owner).code, receiver).device.is_active


def test_the_device_comes_to_a_site_of_the_receiver(
    owner: Actor, board: Board, receiver: Actor
) -> None:
    make_site(receiver, "lobby")
    taken = accept(offer(board, owner).code, receiver, site="lobby")
    assert taken.device.site is not None
    assert taken.device.site.site_id == "lobby"


def test_a_site_of_the_giver_is_no_site_of_the_receiver(
    owner: Actor, board: Board, receiver: Actor
) -> None:
    make_site(owner, "mine")
    made = offer(board, owner)
    with pytest.raises(ValidationFailed):
        accept(made.code, receiver, site="mine")
    assert row_of(made).state == "offered"


def test_what_a_site_named_gets_a_name_that_tells_the_receiver_nothing(
    owner: Actor, receiver: Actor
) -> None:
    make_site(owner, "store")
    made = register(owner, "store", "till-7")
    board = Board(made.device.pk, made.device.uid, made.api_key, "")
    taken = accept(offer(board, owner).code, receiver)
    assert "till-7" not in taken.device.hardware_id
    assert made.device.tenant.uid not in taken.device.hardware_id
    assert (taken.device.device_id, taken.device.ip_address) == ("", None)
    assert taken.device.epoch == made.device.epoch + 1
    # The giver's id is free again, and the two tenants never meet in it.
    again = register(owner, "store", "till-7")
    assert again.device.is_active
    assert selectors.device_by_uid(actor=receiver, uid=taken.device.uid).is_active


def test_an_offer_is_taken_back_once_and_for_all(
    owner: Actor, board: Board, receiver: Actor
) -> None:
    made = offer(board, owner)
    for _ in range(2):
        transfers.cancel_transfer(transfer_uid=made.uid, actor=owner, now=timezone.now())
    assert row_of(made).state == "cancelled"
    assert entries_of(owner).filter(action="devices.transfer.cancelled").count() == 1
    with pytest.raises(TransferCodeInvalid):
        accept(made.code, receiver)


def test_what_was_accepted_is_not_taken_back(owner: Actor, board: Board, receiver: Actor) -> None:
    made = offer(board, owner)
    accept(made.code, receiver)
    with pytest.raises(TransferDecided):
        transfers.cancel_transfer(transfer_uid=made.uid, actor=owner, now=timezone.now())
    # The receiver is not the one who gives: to them there is no such offer.
    with pytest.raises(NotFound):
        transfers.cancel_transfer(transfer_uid=made.uid, actor=receiver, now=timezone.now())


def test_only_the_giver_takes_back(owner: Actor, board: Board, receiver: Actor) -> None:
    made = offer(board, owner)
    with pytest.raises(NotFound):
        transfers.cancel_transfer(transfer_uid=made.uid, actor=receiver, now=timezone.now())
    viewer = actor_of(join(owner, "viewer"))
    with pytest.raises(PermissionDenied):
        transfers.cancel_transfer(transfer_uid=made.uid, actor=viewer, now=timezone.now())
    assert row_of(made).state == "offered"


@pytest.mark.parametrize("end", ["unpair", "release"])
def test_an_offer_ends_with_the_life_of_its_device(
    owner: Actor, board: Board, receiver: Actor, end: str
) -> None:
    made = offer(board, owner)
    now = timezone.now()
    if end == "unpair":
        unpairing.unpair_device(device_uid=board.uid, actor=owner, now=now)
    else:
        releasing.release_device(device_uid=board.uid, actor=owner, now=now)
    assert row_of(made).state == "cancelled"
    assert entries_of(owner).filter(action="devices.transfer.cancelled").count() == 1
    with pytest.raises(TransferCodeInvalid):
        accept(made.code, receiver)
    with pytest.raises(DeviceArchived):
        offer(board, owner)


def test_offers_expire_once(owner: Actor, board: Board, receiver: Actor) -> None:
    made = offer(board, owner)
    assert transfers.expire_offers(timezone.now()) == 0
    later = made.expires_at + timedelta(seconds=1)
    with pytest.raises(TransferCodeInvalid):
        transfers.accept_transfer(code=made.code, actor=receiver, now=later)
    assert [transfers.expire_offers(later), transfers.expire_offers(later)] == [1, 0]
    assert row_of(made).state == "expired"
    assert entries_of(owner).filter(action="devices.transfer.expired").count() == 1
    assert board.row().is_active


def test_the_hardware_comes_back_with_the_proof_of_its_former_key_only(
    owner: Actor, receiver: Actor
) -> None:
    board = make_device(owner, hardware_id="AA:BB:CC")
    taken = accept(offer(board, owner).code, receiver)
    with pytest.raises(AlreadyPaired):
        provision("AA:BB:CC")
    now = timezone.now()
    back = provisioning.register_device(
        registration=registration_of("AA:BB:CC"),
        provision_key=settings.DEVICE_PROVISION_KEY,
        former=FormerKey(device_uid=board.uid, key=board.token),
        address="192.0.2.80",
        now=now,
    )
    assert back.device_uid == taken.device.uid
    facts = credentials.authenticate_device(
        device_uid=back.device_uid, token=back.device_token, now=now
    )
    assert facts.tenant_id == tenant_of(receiver)
    assert selectors.device_by_uid(actor=receiver, uid=taken.device.uid).is_active
