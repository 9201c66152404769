"""Lives that end together end as single ones do, with far fewer statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands.models import Command
from devices.choices import LifeEnd
from devices.models import Device, DeviceTransfer
from devices.services import transfers, unpairing
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.factories.devices import Board, connected_device, make_device, switch

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def end(boards: list[Board], actor: Actor) -> list[Device]:
    with unit_of_work():
        return unpairing.end_lives(
            device_ids=[board.device_id for board in boards],
            reason=LifeEnd.SITE_REMOVED,
            actor=actor,
            now=timezone.now(),
        )


def statements_of(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as seen:
        call()
    return len(seen)


def test_each_keeps_its_own_state_and_loses_its_own_commands_and_offers(owner: Actor) -> None:
    first, second = connected_device(owner), connected_device(owner)
    asked = switch(owner, second, 1, True)
    offer = transfers.offer_transfer(device_uid=first.uid, actor=owner, now=timezone.now())

    ended = {device.pk: device for device in end([second, first], owner)}

    for board in (first, second):
        row = board.row()
        assert (row.is_active, row.end_reason) == (False, LifeEnd.SITE_REMOVED)
        assert row.final_state == ended[board.device_id].final_state
        assert row.final_state["device"]["uid"] == board.uid
        assert row.final_state["session"]["epoch"] == 1
        session, presence = board.session(), board.presence()
        assert (session.epoch, session.is_live) == (2, False)
        assert session.closed_at == row.unpaired_at
        assert not presence.is_online
    assert [one["id"] for one in second.row().final_state["commands"]] == [asked.id]
    assert first.row().final_state["commands"] == []
    assert Command.objects.unscoped(WHY).get(uid=asked.id).state == "cancelled"
    assert DeviceTransfer.objects.unscoped(WHY).get(uid=offer.uid).state == "cancelled"


def test_a_session_that_had_closed_before_keeps_the_time_of_its_end(owner: Actor) -> None:
    never_connected = make_device(owner)

    end([never_connected], owner)

    assert never_connected.session().closed_at is None


def test_one_that_had_ended_before_stays_as_it_was(owner: Actor) -> None:
    gone, living = make_device(owner), make_device(owner)
    unpairing.unpair_device(device_uid=gone.uid, actor=owner, now=timezone.now())
    before = gone.row()

    end([gone, living], owner)

    after = gone.row()
    assert (after.end_reason, after.unpaired_at) == (LifeEnd.UNPAIRED, before.unpaired_at)
    assert living.row().end_reason == LifeEnd.SITE_REMOVED


def test_a_further_device_costs_one_statement(owner: Actor) -> None:
    few = [make_device(owner) for _ in range(2)]
    many = [make_device(owner) for _ in range(12)]
    end([make_device(owner)], owner)

    for_few = statements_of(lambda: end(few, owner))
    for_many = statements_of(lambda: end(many, owner))

    assert for_many - for_few <= len(many) - len(few)
