"""What is left of an ended life: readable by its owner, changed by nobody, followed by others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from commands import selectors as command_selectors
from commands.models import Command
from devices import selectors
from devices.errors import (
    DeviceArchived,
    DeviceUnpaired,
)
from devices.models import Device, Site
from devices.services import credentials, editing, unpairing
from devices.types import DeviceChanges
from kernel.actors import Actor
from kernel.errors import NotFound
from relays.services import switching
from tests.factories.devices import (
    Board,
    connected_device,
    make_device,
    provision,
    reconnected,
    switch,
)
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def unpair(board: Board, actor: Actor, now: datetime | None = None) -> Device:
    return unpairing.unpair_device(device_uid=board.uid, actor=actor, now=now or timezone.now())


CHANGES: list[Any] = [
    lambda board, owner, now: editing.update_device(
        device_uid=board.uid, changes=DeviceChanges(name="x"), actor=owner, now=now
    ),
    lambda board, owner, now: switching.switch_relay(
        device_uid=board.uid, relay_index=0, is_on=True, actor=owner, now=now
    ),
    lambda board, owner, now: switching.switch_all(
        device_uid=board.uid, is_on=True, actor=owner, now=now
    ),
    lambda board, owner, now: credentials.revoke_credential(
        device_uid=board.uid, actor=owner, now=now
    ),
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_archived_device_is_not_changed(owner: Actor, board: Board, change: Any) -> None:
    unpair(board, owner)
    before = board.row()
    with pytest.raises(DeviceArchived):
        change(board, owner, timezone.now())
    with pytest.raises(NotFound):
        change(board, make_actor(), timezone.now())
    assert board.row().final_state == before.final_state
    assert not Command.objects.unscoped(WHY).exists()


def test_a_command_that_lost_the_race_for_the_lock_is_refused(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = connected_device(owner)
    found = selectors.device_keys(actor=owner, uid=board.uid)
    unpair(board, owner)
    monkeypatch.setattr(switching.device_selectors, "device_keys", lambda **_: found)
    with pytest.raises(DeviceArchived):
        switch(owner, board, 0, True)


def test_reads_find_the_archive_when_asked_for_it(owner: Actor, board: Board) -> None:
    unpair(board, owner)
    with pytest.raises(DeviceArchived):
        selectors.device_by_uid(actor=owner, uid=board.uid)
    found = selectors.device_by_uid(actor=owner, uid=board.uid, include_archived=True)
    assert found.pk == board.device_id
    keys = selectors.device_keys(actor=owner, uid=board.uid, include_archived=True)
    assert keys == (board.device_id, tenant_of(owner))
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=make_actor(), uid=board.uid, include_archived=True)
    assert list(command_selectors.commands_like(actor=owner, device=board.uid)) == []


def named(board: Board, device_id: str) -> None:
    Device.all_objects.unscoped(WHY).filter(pk=board.device_id).update(device_id=device_id)


def test_a_device_is_found_by_what_its_site_calls_it(owner: Actor, board: Board) -> None:
    named(board, "till-1")
    assert selectors.device_by_uid(actor=owner, uid="till-1").pk == board.device_id
    assert selectors.device_keys(actor=owner, uid="till-1")[0] == board.device_id
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=make_actor(), uid="till-1")
    unpair(board, owner)
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=owner, uid="till-1", include_archived=True)


def test_a_uid_goes_before_a_name_that_a_site_gave(owner: Actor, board: Board) -> None:
    other = make_device(owner)
    named(other, board.uid)
    assert selectors.device_by_uid(actor=owner, uid=board.uid).pk == board.device_id


def test_two_tenants_of_one_user_may_use_one_name_and_none_is_guessed(
    owner: Actor, board: Board
) -> None:
    other = make_actor()
    theirs = make_device(other)
    named(board, "till-1")
    named(theirs, "till-1")
    both = Actor(
        kind="user",
        id="u",
        label="u",
        user_id=owner.user_id,
        roles={tenant_of(owner): "owner", tenant_of(other): "owner"},
    )
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=both, uid="till-1")
    assert selectors.device_by_uid(actor=both, uid=theirs.uid).pk == theirs.device_id


def test_limits_to_sites_hold_for_living_and_archived_devices(owner: Actor, board: Board) -> None:
    tenant = tenant_of(owner)
    site = Site.objects.create(
        site_id="store-1", tenant_id=tenant, name="Store", created_at=timezone.now()
    )
    limited = Actor(
        kind="user",
        id="u",
        label="u",
        user_id=owner.user_id,
        roles={tenant: "admin"},
        site_limits={tenant: frozenset({site.pk})},
    )
    other = make_device(owner)
    Device.all_objects.unscoped(WHY).filter(pk=other.device_id).update(site=site)
    for _ in range(2):
        for find in (selectors.device_by_uid, selectors.device_keys):
            assert find(actor=limited, uid=other.uid, include_archived=True)
        for find in (selectors.device_by_uid, selectors.device_keys):
            with pytest.raises(NotFound):
                find(actor=limited, uid=board.uid, include_archived=True)
        unpair(board, owner)
        unpair(other, owner)


def test_the_archive_counts_nowhere(owner: Actor, board: Board) -> None:
    living = make_device(owner)
    unpair(board, owner)
    assert [device.pk for device in selectors.devices_visible_to(owner)] == [living.device_id]
    assert [device.pk for device in selectors.archive_visible_to(owner)] == [board.device_id]


def test_hardware_that_enrols_again_begins_the_next_life_with_a_fresh_key(owner: Actor) -> None:
    board = make_device(owner, hardware_id="hw")
    unpair(board, owner)
    again = provision("hw")
    assert (again.device_uid != board.uid, again.device_id != board.device_id) == (True, True)
    now = timezone.now()
    facts = credentials.authenticate_device(
        device_uid=again.device_uid, token=again.device_token, now=now
    )
    assert (facts.pairing, facts.tenant_id) == ("unclaimed", None)
    with pytest.raises(DeviceUnpaired):
        credentials.authenticate_device(device_uid=board.uid, token=board.token, now=now)
    epochs = Device.all_objects.unscoped(WHY).filter(hardware_id="hw").order_by("epoch")
    assert [(life.epoch, life.is_active) for life in epochs] == [(1, False), (2, True)]


def test_each_sees_only_their_own_lives_of_the_hardware(owner: Actor) -> None:
    first = make_device(owner, hardware_id="hw")
    unpair(first, owner)
    other = make_actor()
    second = make_device(other, hardware_id="hw")
    unpair(second, other)
    third = make_device(owner, hardware_id="hw")
    device = selectors.device_by_uid(actor=owner, uid=third.uid)
    lives = selectors.lives_visible_to(owner, device)
    assert [(life.epoch, life.uid) for life in lives] == [(3, third.uid), (1, first.uid)]
    theirs = selectors.device_by_uid(actor=other, uid=second.uid, include_archived=True)
    assert [life.epoch for life in selectors.lives_visible_to(other, theirs)] == [2]


def test_a_board_that_comes_back_under_the_old_session_number_is_refused(owner: Actor) -> None:
    board = connected_device(owner)
    unpair(board, owner)
    with pytest.raises(DeviceUnpaired):
        reconnected(board)
