"""Two things at once to one device, many times over: whatever comes first, the same laws hold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import AuditEntry
from commands.models import Command
from commands.services import delivery, results
from devices.choices import Pairing
from devices.errors import (
    AlreadyPaired,
    ClaimCodeInvalid,
    DeviceArchived,
    DeviceOffline,
    DeviceUnpaired,
)
from devices.models import ClaimCode, Device, DeviceCredential
from devices.services import claiming, presence, releasing, sessions, unpairing
from edge.protocol.messages import Ack, AckStatus, RelayReading
from kernel.actors import Actor
from kernel.errors import Conflict
from relays.models import RelayState
from tests.factories.devices import Board, connected_device, make_device, provision, switch
from tests.factories.users import make_actor, tenant_of
from tests.kernel.threads import run_at_once
from tests.rounds import rounds

pytestmark = [
    pytest.mark.core,
    pytest.mark.django_db(transaction=True),
    # Up to 200 rounds each, on a machine that may be doing other things.
    pytest.mark.timeout(600),
]
WHY = "tests look at everything"
# Two in turn, so that each order is seen; then those in which both go at once.
ROUNDS = 2 + rounds(30, full=200)
# Head starts of one side over the other, so that each gets to be first.
HEAD_STARTS = ((0.0, 0.0), (0.0, 0.008), (0.008, 0.0), (0.0, 0.002), (0.002, 0.0))


def race(number: int, one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """Both at once; returns what each returned or raised."""
    is_first_done = Event()

    def run(side: int) -> Any:
        connection.ensure_connection()
        if number == 1 - side:
            is_first_done.wait(60)
        elif number > 1:
            time.sleep(HEAD_STARTS[number % len(HEAD_STARTS)][side])
        try:
            return (one, other)[side]()
        finally:
            is_first_done.set()

    return run_at_once(2, run)


def unpair(board: Board, actor: Actor) -> Device:
    return unpairing.unpair_device(device_uid=board.uid, actor=actor, now=timezone.now())


def ack(board: Board, command_id: str) -> bool:
    return results.record_ack(
        device_id=board.device_id,
        epoch=board.epoch,
        ack=Ack(command_id, AckStatus.SUCCEEDED, relays=(RelayReading(0, True),)),
        now=timezone.now(),
    )


def sent_command(owner: Actor, board: Board) -> str:
    asked = switch(owner, board, 0, True)
    delivery.claim_deliverable(device_id=board.device_id, epoch=board.epoch, now=timezone.now())
    return asked.id


def command_row(command_id: str) -> Command:
    row: Command = Command.objects.unscoped(WHY).get(uid=command_id)
    return row


def lives_of(board: Board) -> list[Device]:
    rows = Device.all_objects.unscoped(WHY).select_related("session", "presence")
    return list(rows.filter(hardware_id=board.row().hardware_id).order_by("epoch"))


def assert_lawful(board: Board) -> list[Device]:
    """One owner and one active life at most, and an ended life in which nothing goes on."""
    lives = lives_of(board)
    assert sum(life.is_active for life in lives) <= 1
    for life in lives:
        assert (life.pairing == Pairing.UNPAIRED) == (not life.is_active)
        if life.is_active:
            continue
        commands = Command.objects.unscoped(WHY).filter(device_id=life.pk)
        assert not commands.filter(finished_at__isnull=True).exists()
        assert not DeviceCredential.objects.filter(device=life, revoked_at__isnull=True).exists()
        assert not ClaimCode.objects.filter(device=life, used_at__isnull=True).exists()
        assert (life.session.is_live, life.presence.is_online) == (False, False)
        relays = RelayState.objects.unscoped(WHY).filter(device_id=life.pk).order_by("index")
        kept = [relay["is_on"] for relay in life.final_state["relays"]]
        assert [relay.is_on for relay in relays] == kept
        ends = AuditEntry.objects.unscoped(WHY).filter(
            target_id=life.uid, after__pairing=Pairing.UNPAIRED.value
        )
        assert ends.count() == 1
    return lives


def test_of_two_who_claim_one_becomes_the_owner() -> None:
    actors = [make_actor(), make_actor()]
    for number in range(ROUNDS):
        made = provision()
        board = Board(made.device_id, made.device_uid, made.device_token, made.claim_code)

        def claim(side: int, number: int = number, code: str = made.claim_code) -> int | None:
            # From another address each time: wrong tries of one are counted together.
            actor = replace(actors[side], address=f"192.0.2.{side}-{number}")
            return claiming.claim_device(code=code, actor=actor, now=timezone.now()).tenant_id

        outcomes = race(number, lambda: claim(0), lambda: claim(1))
        owners = [outcome for outcome in outcomes if isinstance(outcome, int)]
        assert len(owners) == 1, outcomes
        assert any(isinstance(outcome, ClaimCodeInvalid) for outcome in outcomes), outcomes
        (life,) = assert_lawful(board)
        assert (life.tenant_id, life.pairing) == (owners[0], Pairing.PAIRED)


def test_of_two_who_unpair_both_see_the_one_end(owner: Actor) -> None:
    for number in range(ROUNDS):
        board = make_device(owner)
        outcomes = race(number, lambda: unpair(board, owner), lambda: unpair(board, owner))  # noqa: B023
        ends = {(device.uid, device.unpaired_at) for device in outcomes}
        assert len(ends) == 1, outcomes
        assert_lawful(board)


def test_a_command_beside_the_end_is_cancelled_or_never_written(owner: Actor) -> None:
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        board = connected_device(owner)
        ended, asked = race(
            number,
            lambda: unpair(board, owner),  # noqa: B023
            lambda: switch(owner, board, 0, True),  # noqa: B023
        )
        assert isinstance(ended, Device), ended
        if isinstance(asked, BaseException):
            assert isinstance(asked, (DeviceArchived, DeviceOffline)), asked
            seen["refused"] += 1
            assert not Command.objects.unscoped(WHY).filter(device_id=board.device_id).exists()
        else:
            row = command_row(asked.id)
            assert (row.state, row.reason) == ("cancelled", "device_unpaired")
            seen["cancelled"] += 1
        assert_lawful(board)
    assert seen.keys() == {"refused", "cancelled"}, seen


def test_an_answer_beside_the_end_counts_in_full_or_not_at_all(owner: Actor) -> None:
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        board = connected_device(owner)
        command_id = sent_command(owner, board)
        ended, answered = race(
            number,
            lambda: unpair(board, owner),  # noqa: B023
            lambda: ack(board, command_id),  # noqa: B023
        )
        assert isinstance(ended, Device), ended
        row = command_row(command_id)
        if isinstance(answered, BaseException):
            assert isinstance(answered, DeviceUnpaired), answered
            assert (row.state, row.reason) == ("timed_out", "device_unpaired")
            assert board.positions()[0] is None
        else:
            assert (answered, row.state) == (True, "succeeded")
            assert board.positions()[0] is True
        seen[row.state] += 1
        assert_lawful(board)
    assert seen.keys() == {"timed_out", "succeeded"}, seen


def test_an_answer_of_the_former_life_never_reaches_the_next(owner: Actor) -> None:
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        hardware = f"hw-{number}"
        board = connected_device_of(owner, hardware)
        command_id = sent_command(owner, board)

        def enrol_again(board: Board = board, hardware: str = hardware) -> Any:
            unpair(board, owner)
            return provision(hardware)

        again, answered = race(
            number,
            enrol_again,
            lambda: ack(board, command_id),  # noqa: B023
        )
        assert not isinstance(again, BaseException), again
        assert answered is True or isinstance(answered, DeviceUnpaired), answered
        seen[str(command_row(command_id).state)] += 1
        former, present = assert_lawful(board)
        assert (former.is_active, present.is_active) == (False, True)
        assert (present.uid, present.tenant_id) == (again.device_uid, None)
        assert not Command.objects.unscoped(WHY).filter(device_id=present.pk).exists()
        relays = RelayState.objects.unscoped(WHY).filter(device_id=present.pk)
        assert {relay.is_on for relay in relays} == {None}
        with pytest.raises(DeviceUnpaired):
            ack(board, command_id)
    assert seen.keys() == {"timed_out", "succeeded"}, seen


def connected_device_of(owner: Actor, hardware_id: str) -> Board:
    board = make_device(owner, hardware_id=hardware_id)
    facts = sessions.open_session(device_id=board.device_id, address=None, now=timezone.now())
    return Board(board.device_id, board.uid, board.token, board.claim_code, facts.epoch)


def test_hardware_that_enrols_beside_its_end_is_refused_or_begins_anew(owner: Actor) -> None:
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        hardware = f"hw-{number}"
        board = make_device(owner, hardware_id=hardware)
        ended, again = race(
            number,
            lambda: unpair(board, owner),  # noqa: B023
            lambda: provision(hardware),  # noqa: B023
        )
        assert isinstance(ended, Device), ended
        lives = assert_lawful(board)
        if isinstance(again, BaseException):
            assert isinstance(again, (AlreadyPaired, Conflict)), again
            assert len(lives) == 1
            seen["refused"] += 1
        else:
            assert [life.is_active for life in lives] == [False, True]
            seen["began anew"] += 1
    assert seen.keys() == {"refused", "began anew"}, seen


def test_a_device_that_connects_beside_its_end_is_never_left_connected(owner: Actor) -> None:
    for number in range(ROUNDS):
        board = make_device(owner)
        ended, opened = race(
            number,
            lambda: unpair(board, owner),  # noqa: B023
            lambda: sessions.open_session(
                device_id=board.device_id,  # noqa: B023
                address=None,
                now=timezone.now(),
            ),
        )
        assert isinstance(ended, Device), ended
        assert not isinstance(opened, BaseException) or isinstance(opened, DeviceUnpaired), opened
        assert_lawful(board)


def test_a_sign_of_life_beside_the_end_is_in_the_archive_or_comes_too_late(owner: Actor) -> None:
    for number in range(ROUNDS):
        board = connected_device(owner)
        ended, _ = race(
            number,
            lambda: unpair(board, owner),  # noqa: B023
            lambda: presence.touch(device_ids=[board.device_id], now=timezone.now()),  # noqa: B023
        )
        assert isinstance(ended, Device), ended
        (life,) = assert_lawful(board)
        seen_at = life.presence.last_seen_at
        assert seen_at is not None
        assert life.final_state["connectivity"]["last_seen_at"] == seen_at.isoformat()


def test_a_release_beside_an_enrolment_leaves_one_life_to_claim(owner: Actor) -> None:
    for number in range(ROUNDS):
        hardware = f"hw-{number}"
        board = make_device(owner, hardware_id=hardware)
        released, again = race(
            number,
            lambda: releasing.release_device(
                device_uid=board.uid,  # noqa: B023
                actor=owner,
                now=timezone.now(),
            ),
            lambda: provision(hardware),  # noqa: B023
        )
        assert isinstance(released, releasing.Released), released
        assert not isinstance(again, BaseException) or isinstance(again, Conflict), again
        former, present = assert_lawful(board)
        assert (former.end_reason, present.uid) == ("released", released.device_uid)
        claimed = claiming.claim_device(code=released.claim_code, actor=owner, now=timezone.now())
        assert (claimed.uid, claimed.tenant_id) == (present.uid, tenant_of(owner))
