"""The end of a life: what it leaves behind, and what nobody may do afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from commands.models import Command, CommandEvent
from commands.services import delivery, results
from devices.choices import LifeEnd
from devices.errors import (
    ClaimCodeInvalid,
    DeviceUnpaired,
)
from devices.models import ClaimCode, Device, DeviceCredential, Site
from devices.services import claiming, credentials, editing, presence, sessions, unpairing
from devices.types import DeviceChanges
from edge.protocol.messages import Ack, AckStatus, Reading, RelayReading, StateReport, Telemetry
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from relays.services import reporting
from telemetry.services import ingestion
from tests.factories.devices import (
    Board,
    connected_device,
    make_device,
    provision,
    switch,
)
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def unpair(board: Board, actor: Actor, now: datetime | None = None) -> Device:
    return unpairing.unpair_device(device_uid=board.uid, actor=actor, now=now or timezone.now())


def command_row(uid: str) -> Command:
    row: Command = Command.objects.unscoped(WHY).get(uid=uid)
    return row


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.unscoped(WHY).filter(action=action))


def restricted_to(actor: Actor, role: str) -> Actor:
    return Actor(
        kind="user", id="x", label="x", user_id=actor.user_id, roles={tenant_of(actor): role}
    )


def test_the_archive_has_everything_that_was_known_the_moment_before(owner: Actor) -> None:
    opened = timezone.now()
    board = connected_device(owner, now=opened)
    editing.update_device(
        device_uid=board.uid,
        changes=DeviceChanges(
            name="Lobby",
            tags=["blue", "hall"],
            relay_names={"1": "Lamp"},
            power_restore_mode="last",
            input_config={"0": {"mode": "toggle"}},
        ),
        actor=owner,
        now=opened,
    )
    reporting.apply_state_report(
        device_id=board.device_id,
        epoch=board.epoch,
        report=StateReport(relays=(RelayReading(0, True), RelayReading(1, False))),
        now=opened,
    )
    ingestion.ingest_readings(
        device_id=board.device_id,
        tenant_id=tenant_of(owner),
        telemetry=Telemetry("b", (Reading(1, None, {"cpu": 12.5}),)),
        now=opened,
    )
    asked = switch(owner, board, 2, True)
    kept = unpair(board, owner).final_state
    assert kept is not None
    assert kept["device"]["name"] == "Lobby"
    assert kept["device"] | {"uid": board.uid, "pairing": "paired", "epoch": 1} == kept["device"]
    assert kept["device"]["claimed_by"] == owner.label
    assert (kept["tags"], kept["site"]) == (["blue", "hall"], None)
    assert kept["config"] == {
        "relay_names": {"1": "Lamp"},
        "input_config": {"0": {"mode": "toggle"}},
        "power_restore_mode": "last",
        "config": {},
        "version": 1,
        "applied_version": 0,
    }
    assert kept["firmware_version"] == "1.0.0"
    assert kept["connectivity"] == {
        "state": "online",
        "is_online": True,
        "last_seen_at": opened.isoformat(),
    }
    assert kept["session"] == {
        "epoch": 1,
        "is_live": True,
        "wire": "websocket",
        "opened_at": opened.isoformat(),
    }
    assert [relay["is_on"] for relay in kept["relays"]] == [True, False, None, None]
    assert [(one["id"], one["state"]) for one in kept["commands"]] == [(asked.id, "queued")]
    assert kept["telemetry"] == {"metrics": {"cpu": 12.5}, "at": opened.isoformat()}
    (entry,) = entries("devices.device.unpaired")
    assert entry.before == kept == board.row().final_state


def test_the_archive_says_at_which_site_it_stood(owner: Actor, board: Board) -> None:
    site = Site.objects.create(
        site_id="store-1", tenant_id=tenant_of(owner), name="Store", created_at=timezone.now()
    )
    Device.all_objects.unscoped(WHY).filter(pk=board.device_id).update(
        site=site, device_id="till-1", ip_address="192.0.2.8"
    )
    device = unpair(board, owner)
    assert (device.final_state["site"], device.site.name) == ("store-1", "Store")
    identity = device.final_state["device"]
    assert (identity["device_id"], identity["ip_address"]) == ("till-1", "192.0.2.8")


def test_an_unpaired_device_has_no_key_no_session_and_no_presence(owner: Actor) -> None:
    board = connected_device(owner)
    now = timezone.now()
    device = unpair(board, owner, now)
    assert (device.pairing, device.is_active, device.unpaired_at) == ("unpaired", False, now)
    assert (device.unpaired_by, device.end_reason) == (owner.label, LifeEnd.UNPAIRED)
    keys = DeviceCredential.objects.filter(device_id=board.device_id)
    assert [(key.key_hash, key.revoked_at) for key in keys] == [("", now)]
    session = board.session()
    assert (session.epoch, session.is_live) == (board.epoch + 1, False)
    assert (session.closed_at, session.close_reason) == (now, "unpaired")
    assert not board.presence().is_online
    with pytest.raises(DeviceUnpaired):
        credentials.authenticate_device(device_uid=board.uid, token=board.token, now=now)
    with pytest.raises(DeviceUnpaired):
        sessions.open_session(device_id=board.device_id, address=None, now=now)


def test_the_end_is_told_to_the_audit_and_to_the_tenants_browsers_once(owner: Actor) -> None:
    board = connected_device(owner)
    unpair(board, owner)
    unpair(board, owner)
    (entry,) = entries("devices.device.unpaired")
    assert (entry.tenant_id, entry.target_id) == (tenant_of(owner), board.uid)
    assert entry.actor_label == owner.label
    assert entry.after is not None
    assert entry.after["pairing"] == "unpaired"
    events = LiveEvent.objects.filter(tenant_id=tenant_of(owner), kind="device_removed")
    assert [event.payload for event in events] == [{"device_uid": board.uid, "reason": "unpaired"}]


def test_a_second_end_changes_nothing(owner: Actor) -> None:
    board = connected_device(owner)
    first = unpair(board, owner)
    second = unpair(board, owner, timezone.now() + timedelta(hours=1))
    assert (second.unpaired_at, second.final_state) == (first.unpaired_at, first.final_state)
    assert board.session().epoch == board.epoch + 1
    with unit_of_work():
        third = unpairing.end_life(
            device_id=board.device_id,
            reason=LifeEnd.RELEASED,
            actor=owner,
            now=timezone.now(),
        )
    assert third.end_reason == LifeEnd.UNPAIRED


def test_a_device_that_never_connected_or_is_offline_is_unpaired_all_the_same(
    owner: Actor,
) -> None:
    never = unpair(make_device(owner), owner)
    board = connected_device(owner)
    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason="gone", now=timezone.now()
    )
    offline = unpair(board, owner)
    states = [device.final_state["connectivity"]["state"] for device in (never, offline)]
    assert states == ["never_connected", "offline"]


def test_a_device_without_an_owner_can_be_unpaired_by_nobody(owner: Actor) -> None:
    made = provision()
    with pytest.raises(NotFound):
        unpairing.unpair_device(device_uid=made.device_uid, actor=owner, now=timezone.now())


def test_the_end_of_a_life_without_an_owner_uses_up_its_claim_code(owner: Actor) -> None:
    made = provision()
    with unit_of_work():
        unpairing.end_life(
            device_id=made.device_id,
            reason=LifeEnd.UNPAIRED,
            actor=Actor.system("test"),
            now=timezone.now(),
        )
    assert not ClaimCode.objects.filter(used_at__isnull=True).exists()
    with pytest.raises(ClaimCodeInvalid):
        claiming.claim_device(code=made.claim_code, actor=owner, now=timezone.now())


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_it_takes_an_admin(owner: Actor, board: Board, role: str) -> None:
    with pytest.raises(PermissionDenied):
        unpair(board, restricted_to(owner, role))
    unpair(board, restricted_to(owner, "admin"))


def test_a_foreign_device_is_not_there(board: Board) -> None:
    stranger = make_actor()
    for _ in range(2):
        with pytest.raises(NotFound):
            unpair(board, stranger)
        unpair(board, Actor.system("test"))


def test_what_was_queued_is_cancelled_and_what_was_sent_stays_unknown(owner: Actor) -> None:
    board = connected_device(owner)
    now = timezone.now()
    sent, acked, unknown = (switch(owner, board, index, True) for index in range(3))
    delivery.claim_deliverable(device_id=board.device_id, epoch=board.epoch, now=now)
    answer = Ack(acked.id, AckStatus.ACCEPTED)
    results.record_ack(device_id=board.device_id, epoch=board.epoch, ack=answer, now=now)
    Command.objects.unscoped(WHY).filter(uid=unknown.id).update(state="timed_out")
    queued = switch(owner, board, 3, True)
    unpair(board, owner, now)
    rows = {
        name: command_row(one.id)
        for name, one in {
            "sent": sent,
            "acked": acked,
            "unknown": unknown,
            "queued": queued,
        }.items()
    }
    assert {name: row.state for name, row in rows.items()} == {
        "sent": "timed_out",
        "acked": "timed_out",
        "unknown": "timed_out",
        "queued": "cancelled",
    }
    assert {(row.reason, row.finished_at) for row in rows.values()} == {("device_unpaired", now)}
    moves = CommandEvent.objects.filter(command=rows["queued"]).order_by("pk")
    assert [move.to_state for move in moves] == ["queued", "cancelled"]


def test_the_former_life_can_say_nothing_any_more(owner: Actor) -> None:
    board = connected_device(owner)
    asked = switch(owner, board, 0, True)
    now = timezone.now()
    delivery.claim_deliverable(device_id=board.device_id, epoch=board.epoch, now=now)
    unpair(board, owner)
    before = command_row(asked.id)
    for epoch in (board.epoch, board.epoch + 1):
        with pytest.raises(DeviceUnpaired):
            results.record_ack(
                device_id=board.device_id,
                epoch=epoch,
                ack=Ack(asked.id, AckStatus.SUCCEEDED),
                now=now,
            )
        with pytest.raises(DeviceUnpaired):
            reporting.apply_state_report(
                device_id=board.device_id,
                epoch=epoch,
                report=StateReport(relays=(RelayReading(0, True),)),
                now=now,
            )
        with pytest.raises(DeviceUnpaired):
            delivery.claim_deliverable(device_id=board.device_id, epoch=epoch, now=now)
    assert board.positions() == [None] * 4
    assert command_row(asked.id).state == before.state == "timed_out"


def test_nothing_brings_an_unpaired_device_online_again(owner: Actor) -> None:
    board = connected_device(owner)
    now = timezone.now()
    session = board.session()
    session.is_live, session.close_reason = False, "silence"
    session.save()
    unpair(board, owner, now)
    LiveEvent.objects.all().delete()
    presence.touch(device_ids=[board.device_id], now=now + timedelta(seconds=1))
    with unit_of_work():
        presence.mark_online(device_id=board.device_id, now=now + timedelta(seconds=2))
    sessions.close_session(device_id=board.device_id, epoch=board.epoch, reason="gone", now=now)
    presence.sweep(now + timedelta(days=1))
    assert not board.presence().is_online
    assert board.session().close_reason == "unpaired"
    assert not LiveEvent.objects.filter(kind="presence").exists()
