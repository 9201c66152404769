"""Whom a channel hears of: its own filter, its tenant, and what its member may see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from accounts.models import Membership
from devices.models import Device
from devices.services import outages
from kernel.actors import Actor
from notifications.models import Channel, Notice
from tests.devices.connections import at
from tests.factories.devices import Board, connected_device
from tests.factories.users import actor_of, make_actor, make_user, tenant_of
from tests.notifications.telling import at_site, lose, make_webhook, notices, own_mail, tick, told

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def board(owner: Actor) -> Board:
    """A connected device."""
    return connected_device(owner, now=at(0))


def test_sites_and_devices_narrow_a_channel(owner: Actor) -> None:
    here, there = at_site(owner, "here", 1)[0], at_site(owner, "there", 1)[0]
    of_site = make_webhook(owner, sites=["here"])
    of_device = make_webhook(owner, devices=[there.uid])
    for board in (here, there):
        lose(board, 100)
    tick(190)
    assert (len(told(of_site)), len(told(of_device))) == (1, 1)
    assert _uids(of_site) == [here.uid]
    assert _uids(of_device) == [there.uid]


def test_simulated_devices_are_told_of_only_to_who_asks(owner: Actor, board: Board) -> None:
    _rows().filter(pk=board.device_id).update(is_simulated=True)
    usual, asked = make_webhook(owner), make_webhook(owner, include_simulated=True)
    lose(board, 100)
    tick(190)
    assert (told(usual), told(asked)) == ([], [["offline"]])


def test_another_tenants_channel_hears_nothing(owner: Actor, board: Board) -> None:
    strangers = make_webhook(make_actor())
    lose(board, 100)
    tick(190)
    assert notices(strangers) == []


def test_a_member_hears_of_their_sites_only_and_of_nothing_once_they_left(owner: Actor) -> None:
    here, there = at_site(owner, "here", 1)[0], at_site(owner, "there", 1)[0]
    member = make_user()
    site = _rows().get(pk=here.device_id).site_id
    seat = Membership.objects.create(
        user=member, tenant_id=tenant_of(owner), role="viewer", site_ids=[site], created_at=at(0)
    )
    channel = own_mail(_in(actor_of(member), tenant_of(owner)))
    for board in (here, there):
        lose(board, 100)
    tick(101)
    assert _uids(channel, is_told=False) == [here.uid]
    Membership.objects.unscoped("tests look at everything").filter(pk=seat.pk).delete()
    tick(190)
    assert told(channel) == []
    assert notices(channel) == [("offline", "withdrawn", "channel_off")]


def test_an_outage_that_waited_is_not_told_to_who_may_not_see_the_site_any_more(
    owner: Actor,
) -> None:
    boards = at_site(owner, "here", 4)
    member = make_user()
    site = _rows().get(pk=boards[0].device_id).site_id
    seat = Membership.objects.create(
        user=member, tenant_id=tenant_of(owner), role="viewer", site_ids=[site], created_at=at(0)
    )
    channel = own_mail(_in(actor_of(member), tenant_of(owner)))
    for board in boards:
        lose(board, 100)
    outages.sweep(at(103))
    tick(104)
    Membership.objects.unscoped("tests look at everything").filter(pk=seat.pk).update(
        site_ids=[site + 1]
    )
    tick(300)
    assert told(channel) == []
    assert ("site_outage", "withdrawn", "not_so_any_more") in notices(channel)


def _rows() -> Any:
    return Device.all_objects.unscoped("tests look at everything")


def _uids(channel: Channel, *, is_told: bool = True) -> list[str]:
    rows = Notice.objects.unscoped("tests look at everything").filter(channel=channel)
    if is_told:
        rows = rows.filter(state="batched")
    return [row.facts["device"]["uid"] for row in rows.order_by("pk")]


def _in(actor: Actor, tenant_id: int) -> Actor:
    return replace(actor, roles={tenant_id: actor.roles[tenant_id]})
