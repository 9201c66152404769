"""Devices that change hands, on the pages of both sides."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Membership
from devices.models import Device
from devices.services import transfers
from kernel.actors import Actor
from tests.factories.devices import Board, connected_device
from tests.factories.sites import join, make_site
from tests.factories.users import make_user, tenant_of
from tests.ops.console import Person, member, secret

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def stranger(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def board(owner: Person) -> Board:
    return connected_device(owner.actor, relay_count=2)


def test_an_offer_is_told_once_and_accepted_on_the_other_side(
    owner: Person, stranger: Person, board: Board
) -> None:
    code = secret(owner.post(f"/dashboard/devices/{board.uid}/transfer"))
    assert "Offered by" in owner.page(f"/dashboard/devices/{board.uid}")
    assert code not in owner.page("/dashboard/transfers")
    accepted = stranger.post("/dashboard/transfers/accept", code=code)
    assert len(secret(accepted)) >= 43
    theirs = Device.objects.unscoped("tests look at everything").get(
        tenant_id=tenant_of(stranger.actor)
    )
    assert theirs.epoch == 2
    assert "Received from" in stranger.page("/dashboard/transfers")
    assert "Accepted" in owner.page("/dashboard/transfers")
    assert "It was handed over to another owner" in owner.page(
        f"/dashboard/devices/{board.uid}/lives"
    )


def test_an_offer_is_taken_back_twice_without_harm(
    owner: Person, stranger: Person, board: Board
) -> None:
    offer = transfers.offer_transfer(device_uid=board.uid, actor=owner.actor, now=timezone.now())
    assert f"/dashboard/transfers/{offer.uid}/cancel" in owner.page("/dashboard/transfers")
    stranger.post(f"/dashboard/transfers/{offer.uid}/cancel", 404)
    member(owner, "operator").post(f"/dashboard/transfers/{offer.uid}/cancel", 403)
    for _ in range(2):
        assert owner.sent_on(f"/dashboard/transfers/{offer.uid}/cancel") == "/dashboard/transfers"
    body = stranger.post("/dashboard/transfers/accept", 404, code=offer.code)
    assert "This transfer code cannot be used" in body


def test_an_accepted_offer_cannot_be_taken_back_and_the_page_says_so(
    owner: Person, stranger: Person, board: Board
) -> None:
    offer = transfers.offer_transfer(device_uid=board.uid, actor=owner.actor, now=timezone.now())
    stranger.post("/dashboard/transfers/accept", code=offer.code)
    body = owner.post(f"/dashboard/transfers/{offer.uid}/cancel", 409)
    assert "The other side has accepted" in body


def test_who_is_in_several_tenants_says_whose_the_device_becomes(
    owner: Person, stranger: Person, board: Board
) -> None:
    join(owner.actor, "admin", user_id=stranger.actor.user_id)
    both = stranger
    offer = transfers.offer_transfer(device_uid=board.uid, actor=owner.actor, now=timezone.now())
    assert 'name="tenant"' in both.page("/dashboard/transfers/accept")
    assert "Choose whose it becomes." in both.post(
        "/dashboard/transfers/accept", 400, code=offer.code
    )
    own = _tenant_uid(both.actor)
    both.post("/dashboard/transfers/accept", code=offer.code, tenant=own)
    assert Device.objects.unscoped("tests look").filter(tenant_id=tenant_of(both.actor)).exists()


def test_an_accepted_device_stands_at_the_chosen_site(
    owner: Person, stranger: Person, board: Board
) -> None:
    make_site(stranger.actor, "attic")
    offer = transfers.offer_transfer(device_uid=board.uid, actor=owner.actor, now=timezone.now())
    wrong = stranger.post("/dashboard/transfers/accept", 400, code=offer.code, site="cellar")
    assert "There is no site" in wrong
    assert "attic" in stranger.post("/dashboard/transfers/accept", code=offer.code, site="attic")


def test_an_empty_code_is_asked_for_beside_the_field(owner: Person) -> None:
    assert "Enter the code first." in owner.post("/dashboard/transfers/accept", 400)


def test_who_is_admin_nowhere_is_told_that_accepting_is_for_admins(
    owner: Person, stranger: Person
) -> None:
    viewer = member(owner, "viewer")
    Membership.objects.unscoped("tests change everything").filter(
        user_id=viewer.actor.user_id, tenant_id=tenant_of(viewer.actor)
    ).delete()
    body = viewer.page("/dashboard/transfers/accept")
    assert "Accepting is for admins" in body
    assert 'name="code"' not in body


def _tenant_uid(actor: Actor) -> str:
    rows = Membership.objects.unscoped("tests look at everything").select_related("tenant")
    return str(rows.get(user_id=actor.user_id, tenant_id=tenant_of(actor)).tenant.uid)
