"""The sweep keeps its time whatever stands in its way."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from commands.models import Command
from commands.services import sweeping
from devices.services import sessions
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.commands.ledger import START, ask, at, row_of
from tests.factories.devices import make_device
from tests.kernel.threads import run_at_once

WHY = "tests look at everything"


@pytest.mark.core
@pytest.mark.django_db
def test_one_that_cannot_be_moved_holds_up_no_other(owner: Actor) -> None:
    asked = [
        ask(owner, make_device(owner, now=START), "reboot", START, lifetime_s=60) for _ in range(5)
    ]
    # As a newer release might leave it behind.
    odd = Command.objects.unscoped(WHY).filter(uid=asked[0])
    odd.update(state="resting", expires_at=at(1))
    for _ in range(2):
        sweeping.sweep(at(61))
        assert [row_of(one).state for one in asked] == ["resting"] + ["expired"] * 4


@pytest.mark.core
@pytest.mark.production_only
@pytest.mark.django_db(transaction=True)
def test_a_device_that_others_are_busy_with_holds_up_no_other(owner: Actor) -> None:
    boards = [make_device(owner, now=START) for _ in range(2)]
    asked = [ask(owner, board, "reboot", START, lifetime_s=60) for board in boards]
    is_held, is_swept = threading.Event(), threading.Event()

    def work(number: int) -> None:
        if number:
            is_held.wait(20)
            assert sweeping.sweep(at(61)) == 1
            is_swept.set()
            return
        with unit_of_work():
            sessions.lock_session(device_id=boards[0].device_id)
            is_held.set()
            assert is_swept.wait(20)

    assert run_at_once(2, work) == [None, None]
    assert [row_of(one).state for one in asked] == ["queued", "expired"]
    sweeping.sweep(at(61) + timedelta(seconds=1))
    assert row_of(asked[0]).state == "expired"
