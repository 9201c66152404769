"""Giving a device back, and how it finds its next owner."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from audit.models import AuditEntry
from devices import selectors
from devices.errors import AlreadyPaired, ClaimCodeInvalid, DeviceArchived, DeviceUnpaired
from devices.models import ClaimCode, Device
from devices.services import claiming, credentials, releasing, sessions, unpairing
from devices.services.releasing import Released
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied
from relays import selectors as relay_selectors
from tests.factories.devices import Board, connected_device, make_device, provision
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def release(board: Board, actor: Actor) -> Released:
    return releasing.release_device(device_uid=board.uid, actor=actor, now=timezone.now())


def claim(code: str, actor: Actor) -> Device:
    return claiming.claim_device(code=code, actor=actor, now=timezone.now())


def life(uid: str) -> Device:
    found: Device = Device.all_objects.unscoped(WHY).get(uid=uid)
    return found


def test_a_release_ends_one_life_and_begins_the_next(owner: Actor) -> None:
    board = connected_device(owner)
    now = timezone.now()
    released = releasing.release_device(device_uid=board.uid, actor=owner, now=now)
    assert (released.archived.uid, released.archived.end_reason) == (board.uid, "released")
    assert released.claim_expires_at == now + timedelta(hours=settings.CLAIM_CODE_HOURS)
    begun = life(released.device_uid)
    assert (begun.pairing, begun.tenant_id, begun.epoch) == ("unclaimed", None, 2)
    assert (begun.hardware_id, begun.name, begun.tags) == (board.row().hardware_id, "", [])
    assert (begun.model, begun.relay_count) == ("HP-R4", 4)
    with pytest.raises(DeviceUnpaired):
        credentials.authenticate_device(device_uid=board.uid, token=board.token, now=now)


def test_a_release_is_told_to_the_audit_as_what_it_is(owner: Actor, board: Board) -> None:
    released = release(board, owner)
    entries = AuditEntry.objects.unscoped(WHY)
    entry = entries.get(action="devices.device.released")
    assert (entry.tenant_id, entry.target_id) == (tenant_of(owner), board.uid)
    assert not entries.filter(action="devices.device.unpaired").exists()
    begun = entries.get(action="devices.device.provisioned", target_id=released.device_uid)
    assert begun.tenant_id is None


def test_the_code_makes_its_holder_the_owner_and_shows_nothing_of_before(
    owner: Actor, board: Board
) -> None:
    released = release(board, owner)
    other = make_actor()
    device = claim(released.claim_code, other)
    assert (device.uid, device.tenant_id) == (released.device_uid, tenant_of(other))
    assert [one.uid for one in selectors.lives_visible_to(other, device)] == [device.uid]
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=other, uid=board.uid, include_archived=True)
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=owner, uid=device.uid, include_archived=True)


def test_hardware_that_registers_meanwhile_keeps_the_code_valid(owner: Actor) -> None:
    board = make_device(owner, hardware_id="hw")
    released = release(board, owner)
    printed = provision("hw")
    assert printed.device_uid == released.device_uid
    device = claim(released.claim_code, make_actor())
    assert device.uid == printed.device_uid
    with pytest.raises(ClaimCodeInvalid):
        claim(printed.claim_code, make_actor(address="192.0.2.9"))


def test_hardware_that_comes_back_after_the_claim_gets_its_key_once(owner: Actor) -> None:
    board = make_device(owner, hardware_id="hw")
    released = release(board, owner)
    other = make_actor()
    claim(released.claim_code, other)
    back = provision("hw", relay_count=6)
    now = timezone.now()
    facts = credentials.authenticate_device(
        device_uid=back.device_uid, token=back.device_token, now=now
    )
    assert (facts.uid, facts.tenant_id) == (released.device_uid, tenant_of(other))
    _, relays = relay_selectors.relays_of(actor=other, device_uid=released.device_uid)
    assert len(relays) == 6
    assert back.claim_code is None
    assert not ClaimCode.objects.filter(used_at__isnull=True).exists()
    with pytest.raises(AlreadyPaired):
        provision("hw")


def test_a_code_handed_on_expires(owner: Actor, board: Board) -> None:
    released = release(board, owner)
    late = released.claim_expires_at + timedelta(seconds=1)
    with pytest.raises(ClaimCodeInvalid):
        claiming.claim_device(code=released.claim_code, actor=make_actor(), now=late)


def test_a_release_cannot_be_repeated(owner: Actor, board: Board) -> None:
    release(board, owner)
    with pytest.raises(DeviceArchived):
        release(board, owner)
    assert Device.objects.unscoped(WHY).count() == 1
    assert ClaimCode.objects.filter(used_at__isnull=True).count() == 1


def test_unpairing_what_was_released_shows_the_same_archive(owner: Actor, board: Board) -> None:
    released = release(board, owner)
    again = unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    assert (again.uid, again.end_reason) == (released.archived.uid, "released")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_it_takes_an_admin(owner: Actor, board: Board, role: str) -> None:
    lesser = Actor(kind="user", id="x", label="x", roles={tenant_of(owner): role})
    with pytest.raises(PermissionDenied):
        release(board, lesser)
    with pytest.raises(NotFound):
        release(board, make_actor())
    assert board.row().is_active


def test_a_release_is_all_or_nothing(
    owner: Actor, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        releasing.tokens, "keyed_digest", lambda *_: (_ for _ in ()).throw(RuntimeError("boom"))
    )
    with pytest.raises(RuntimeError):
        release(board, owner)
    assert board.row().is_active
    assert Device.all_objects.unscoped(WHY).count() == 1


def test_the_next_life_has_a_session_of_its_own(owner: Actor) -> None:
    board = connected_device(owner)
    released = release(board, owner)
    begun = life(released.device_uid)
    facts = sessions.open_session(device_id=begun.pk, address=None, now=timezone.now())
    assert facts.epoch == 1
    assert board.session().epoch == board.epoch + 1
