"""A device changes hands beside something else, many times over: it always has one owner."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from audit.services import verification
from devices.errors import TransferCodeInvalid, TransferDecided
from devices.models import Device, DeviceCredential, DeviceTransfer
from devices.services import transfers, unpairing
from devices.services.transfers import AcceptedTransfer
from kernel.actors import Actor
from kernel.models import RateWindow
from tests.factories.devices import Board, make_device
from tests.factories.users import make_actor, tenant_of
from tests.kernel.threads import run_at_once
from tests.rounds import rounds

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
WHY = "tests look at everything"
ROUNDS = rounds(20, full=200)
# Head starts of one side over the other, so that each gets to be first.
HEAD_STARTS = ((0.0, 0.0), (0.0, 0.02), (0.02, 0.0), (0.0, 0.005), (0.005, 0.0))


def race(number: int, one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """Both at once; returns what each returned or raised."""
    head_start = HEAD_STARTS[number % len(HEAD_STARTS)]

    def run(side: int) -> Any:
        time.sleep(head_start[side])
        return (one, other)[side]()

    return run_at_once(2, run)


def offered(owner: Actor) -> tuple[Board, str, str]:
    """A device with an open offer: its uid, and its code."""
    # Wrong tries are not what is tested here.
    RateWindow.objects.all().delete()
    board = make_device(owner)
    made = transfers.offer_transfer(device_uid=board.uid, actor=owner, now=timezone.now())
    return board, made.uid, made.code


def accept(code: str, actor: Actor) -> AcceptedTransfer:
    return transfers.accept_transfer(code=code, actor=actor, now=timezone.now())


def assert_lawful(board: Board, transfer_uid: str) -> DeviceTransfer:
    """One active life at most, one owner of it, and an offer that says what happened."""
    lives = Device.all_objects.unscoped(WHY).filter(hardware_id=board.row().hardware_id)
    active = [life for life in lives if life.is_active]
    transfer: DeviceTransfer = DeviceTransfer.objects.unscoped(WHY).get(uid=transfer_uid)
    assert len(active) <= 1
    assert len({life.epoch for life in lives}) == len(lives)
    keys = DeviceCredential.objects.filter(device__in=lives, revoked_at__isnull=True)
    assert {key.device_id for key in keys} == {life.pk for life in active}
    if transfer.state == "accepted":
        (present,) = active
        assert (present.pk, present.tenant_id) == (transfer.new_device_id, transfer.to_tenant_id)
        assert board.row().end_reason == "transferred"
    else:
        assert lives.count() == 1
        assert (transfer.to_tenant_id, transfer.new_device_id) == (None, None)
    ends = AuditEntry.objects.unscoped(WHY).filter(target_id=board.uid)
    told = [entry.after["state"] for entry in ends.filter(before__transfer=transfer_uid)]
    assert told == ([] if transfer.state == "offered" else [transfer.state])
    return transfer


def test_of_two_who_accept_one_becomes_the_owner(owner: Actor) -> None:
    actors = [make_actor(address="192.0.2.20"), make_actor(address="192.0.2.21")]
    winners: Counter[int] = Counter()
    for number in range(ROUNDS):
        board, uid, code = offered(owner)
        outcomes = race(
            number,
            lambda: accept(code, actors[0]),  # noqa: B023
            lambda: accept(code, actors[1]),  # noqa: B023
        )
        (taken,) = [made for made in outcomes if isinstance(made, AcceptedTransfer)]
        (refused,) = [made for made in outcomes if made is not taken]
        assert isinstance(refused, TransferCodeInvalid), outcomes
        transfer = assert_lawful(board, uid)
        assert transfer.new_device_id == taken.device.pk
        winner = outcomes.index(taken)
        assert transfer.to_tenant_id == tenant_of(actors[winner])
        winners[winner] += 1
    assert winners.keys() == {0, 1}, winners
    assert not verification.verify_chains().bad


def test_a_person_who_accepts_twice_at_once_gets_one_device(owner: Actor) -> None:
    receiver = make_actor(address="192.0.2.22")
    for number in range(20):
        board, uid, code = offered(owner)
        outcomes = run_at_once(4, lambda side: accept(code, receiver))  # noqa: B023
        assert sum(isinstance(made, AcceptedTransfer) for made in outcomes) == 1, (number, outcomes)
        assert_lawful(board, uid)


def test_an_acceptance_beside_a_withdrawal_is_one_or_the_other(owner: Actor) -> None:
    receiver = make_actor(address="192.0.2.23")
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        board, uid, code = offered(owner)
        taken, withdrawn = race(
            number,
            lambda: accept(code, receiver),  # noqa: B023
            lambda: transfers.cancel_transfer(
                transfer_uid=uid,  # noqa: B023
                actor=owner,
                now=timezone.now(),
            ),
        )
        transfer = assert_lawful(board, uid)
        if isinstance(taken, AcceptedTransfer):
            assert isinstance(withdrawn, TransferDecided), withdrawn
        else:
            assert isinstance(taken, TransferCodeInvalid), taken
            assert withdrawn is None
            assert board.row().tenant_id == tenant_of(owner)
        seen[str(transfer.state)] += 1
    assert seen.keys() == {"accepted", "cancelled"}, seen


def test_an_acceptance_beside_the_end_of_the_life_is_one_or_the_other(owner: Actor) -> None:
    receiver = make_actor(address="192.0.2.24")
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        board, uid, code = offered(owner)
        taken, ended = race(
            number,
            lambda: accept(code, receiver),  # noqa: B023
            lambda: unpairing.unpair_device(
                device_uid=board.uid,  # noqa: B023
                actor=owner,
                now=timezone.now(),
            ),
        )
        # Whoever comes second: unpairing what has ended shows its archive.
        assert isinstance(ended, Device), ended
        transfer = assert_lawful(board, uid)
        if isinstance(taken, AcceptedTransfer):
            assert board.row().end_reason == "transferred"
        else:
            assert isinstance(taken, TransferCodeInvalid), taken
            assert board.row().end_reason == "unpaired"
        seen[str(transfer.state)] += 1
    assert seen.keys() == {"accepted", "cancelled"}, seen


def test_an_acceptance_beside_a_new_offer_takes_the_old_code_or_none(owner: Actor) -> None:
    receiver = make_actor(address="192.0.2.25")
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        board, uid, code = offered(owner)
        taken, again = race(
            number,
            lambda: accept(code, receiver),  # noqa: B023
            lambda: transfers.offer_transfer(
                device_uid=board.uid,  # noqa: B023
                actor=replace(owner),
                now=timezone.now(),
            ),
        )
        transfer = assert_lawful(board, uid)
        assert isinstance(taken, AcceptedTransfer) == isinstance(again, BaseException), (
            taken,
            again,
        )
        seen[str(transfer.state)] += 1
    assert seen.keys() == {"accepted", "cancelled"}, seen
