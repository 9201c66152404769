"""Erasing a device: nothing personal is left but what the report names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import AuditEntry
from audit.services import verification
from commands.models import Command, CommandEvent
from devices import registry, selectors
from devices.errors import DeviceLiving
from devices.models import (
    Device,
    DeviceErasure,
    DeviceEvent,
    DevicePresence,
    DeviceSession,
    DeviceTransfer,
    Enrolment,
    EnrolmentRow,
)
from devices.services import editing, erasing, erasure_areas, lives, transfers, unpairing
from devices.types import DeviceChanges
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied
from kernel.models import LiveEvent
from relays.models import RelayState
from telemetry.models import LatestMetrics, Reading
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, connected_device, make_device, reconnected, switch
from tests.factories.sites import join_as
from tests.factories.users import actor_of, client_of, make_user, sign_in, tenant_of
from tests.kernel.threads import run_at_once
from tests.telemetry.sensor_hubs import WORDS_ERASED, plant_words

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"
CANARY = "canary"
# A documentation address, for the columns that take nothing else.
ADDRESS = "198.51.100.77"
# Which tables may still tell, by what the report calls them.
NAMED = {
    "audit_log": "audit_auditentry",
    "live_events": "kernel_liveevent",
    "idempotency_records": "kernel_idempotencyrecord",
    "rate_limits": "kernel_ratewindow",
}


@pytest.fixture
def person(db: None) -> User:
    """An owner whose label would be recognised anywhere."""
    return make_user("owner-of-canary@example.org")


def full_device(owner: Actor, hardware_id: str) -> Board:
    """An archived device with a canary in every column that can hold something personal."""
    board = reconnected(make_device(owner, hardware_id=hardware_id))
    changes = DeviceChanges(
        name=f"{CANARY} name",
        relay_names={"0": f"{CANARY} relay"},
        input_config={"0": {"name": f"{CANARY} input"}},
        tags=[f"{CANARY} tag"],
    )
    now = timezone.now()
    editing.update_device(device_uid=board.uid, changes=changes, actor=owner, now=now)
    Device.all_objects.unscoped(WHY).filter(pk=board.device_id).update(
        device_id=f"{CANARY}-device-id", ip_address=ADDRESS
    )
    DeviceSession.objects.filter(pk=board.device_id).update(address=ADDRESS)
    DevicePresence.objects.filter(pk=board.device_id).update(client_session=CANARY)
    switch(owner, board, 0, True)
    Command.objects.unscoped(WHY).filter(device_id=board.device_id).update(
        payload={"relay_index": 0, "is_on": True, "note": f"{CANARY} payload"},
        result={"said": f"{CANARY} result"},
        error=f"{CANARY} error",
        cause=[{"kind": "user", "label": f"{CANARY} cause"}],
    )
    RelayState.objects.unscoped(WHY).filter(device_id=board.device_id).update(
        changed_by=f"{CANARY} hand"
    )
    plant_rows(owner, board, now)
    transfers.offer_transfer(device_uid=board.uid, actor=owner, now=now)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=now)
    DeviceTransfer.objects.unscoped(WHY).filter(device_id=board.device_id).update(
        offered_by=f"{CANARY} giver", decided_by=f"{CANARY} decider"
    )
    return board


def plant_rows(owner: Actor, board: Board, now: datetime) -> None:
    tenant_id = tenant_of(owner)
    for number in range(3):
        DeviceEvent.objects.create(
            device_id=board.device_id,
            tenant_id=tenant_id,
            event_id=f"{CANARY}-event-{number}",
            input_index=0,
            kind="press",
            received_at=now,
        )
    for seq in range(4):
        Reading.objects.create(
            device_id=board.device_id,
            tenant_id=tenant_id,
            boot_id=f"{CANARY}-boot-{seq % 2}",
            seq=seq // 2,
            at=now,
            received_at=now,
            metrics={"cpu_percent": seq},
        )
    LatestMetrics.objects.create(
        device_id=board.device_id,
        tenant_id=tenant_id,
        metrics={"cpu_percent": 3},
        at=now,
        received_at=now,
    )
    plant_words(board.device_id, tenant_id, CANARY, now)
    enrolment = Enrolment.objects.create(
        uid=f"e{board.device_id}",
        tenant_id=tenant_id,
        mode="api_key",
        created_at=now,
        created_by_id=owner.user_id or 0,
        created_by="somebody",
    )
    EnrolmentRow.objects.create(
        enrolment=enrolment,
        tenant_id=tenant_id,
        number=1,
        given={"name": f"{CANARY} given"},
        device_id=board.device_id,
        sealed_secret=f"{CANARY} secret".encode(),
    )


def rows_with(needle: str) -> dict[str, list[str]]:
    """Each table that has the text in any column of any row, with those rows."""
    found: dict[str, list[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        for row in _texts(table):
            if needle in row.lower():
                found.setdefault(table, []).append(row)
    return found


def _texts(table: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        for row in cursor.fetchall():
            yield " | ".join(
                bytes(value).decode("latin-1")
                if isinstance(value, (bytes, memoryview))
                else str(value)
                for value in row
            )


def erase(board: Board, actor: Actor) -> DeviceErasure:
    erasing.request_erasure(device_uid=board.uid, actor=actor, now=timezone.now())
    while erasing.run_erasures(timezone.now()):
        pass
    return selectors.erasure_of(actor=actor, device_uid=board.uid)


def archived(owner: Actor) -> Board:
    board = connected_device(owner)
    switch(owner, board, 0, True)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    return board


def test_nothing_personal_is_left_but_what_the_report_names(person: User) -> None:
    owner = actor_of(person, address=ADDRESS)
    board = full_device(owner, f"{CANARY}:AA:BB:CC")
    holding = rows_with(CANARY)
    assert {
        "devices_device", "devices_deviceevent", "devices_devicetransfer", "devices_enrolmentrow",
        "commands_command", "relays_relaystate", "telemetry_reading", "audit_auditentry",
        "device_sensor_state", "device_sensor_events", "device_attributes",
    } <= holding.keys()  # fmt: skip
    assert {"devices_device", "devices_devicesession"} <= rows_with(ADDRESS).keys()
    erasure = erase(board, owner)
    User.objects.filter(pk=person.pk).update(email="someone@example.org")
    person.personal_tenant.__class__.objects.update(name="someone")
    assert erasure.report["kept"].keys() >= NAMED.keys()
    for needle in (CANARY, ADDRESS):
        assert rows_with(needle).keys() <= set(NAMED.values()), rows_with(needle)


def test_counts_stay(owner: Actor) -> None:
    board = full_device(owner, "AA:BB:CC")
    moves = CommandEvent.objects.filter(command__device_id=board.device_id).count()
    erasure = erase(board, owner)
    commands = Command.objects.unscoped(WHY).filter(device_id=board.device_id)
    assert [(row.kind, row.state) for row in commands] == [("set_relay", "cancelled")]
    assert CommandEvent.objects.filter(command__device_id=board.device_id).count() == moves
    events = DeviceEvent.objects.unscoped(WHY).filter(device_id=board.device_id)
    assert [event.kind for event in events] == ["press"] * 3
    readings = Reading.objects.unscoped(WHY).filter(device_id=board.device_id).order_by("pk")
    assert [row.metrics["cpu_percent"] for row in readings] == [0, 1, 2, 3]
    assert len({row.boot_id for row in readings}) == 2
    assert LatestMetrics.objects.unscoped(WHY).get(pk=board.device_id).metrics
    kept = board.row().final_state
    assert (kept["device"]["model"], kept["firmware_version"]) == ("HP-R4", "1.0.0")
    assert kept["relays"][0]["relay_index"] == 0
    assert {area: done for area, done in erasure.report["erased"].items() if done} == {
        "device": {"fields_emptied": 10},
        "config": {"rows_emptied": 1, "versions_removed": 1},
        "session": {"addresses_emptied": 2},
        "connections": {"addresses_emptied": 1},
        "input_events": {"ids_replaced": 3},
        "enrolments": {"rows_emptied": 1},
        "transfers": {"rows_emptied": 1},
        "commands": {"commands_emptied": 1},
        "relays": {"relays_emptied": 4},
        "telemetry": {"boot_ids_replaced": 4},
        "sensors": WORDS_ERASED,
    }


def test_the_devices_of_others_are_not_touched(owner: Actor) -> None:
    board, other = full_device(owner, "AA:1"), full_device(owner, "AA:2")
    before = {table: rows for table, rows in rows_with(CANARY).items() if table != "x"}
    assert before
    erase(board, owner)
    row = other.row()
    assert (row.name, row.hardware_id, row.erased_at) == (f"{CANARY} name", "AA:2", None)
    commands = Command.objects.unscoped(WHY).filter(device_id=other.device_id)
    assert all(command.payload and command.cause for command in commands)
    states = RelayState.objects.unscoped(WHY).filter(device_id=other.device_id)
    assert {state.changed_by for state in states} == {f"{CANARY} hand"}


def test_a_living_device_is_not_erased(board: Board, owner: Actor, api: APIClient) -> None:
    with pytest.raises(DeviceLiving):
        erasing.request_erasure(device_uid=board.uid, actor=owner, now=timezone.now())
    answer = api.post(f"/api/v1/devices/{board.uid}/erase")
    assert_refused(answer, 409, "device_living")
    assert "npair" in answer.json()["message"]
    assert not DeviceErasure.objects.unscoped(WHY).exists()


def test_asking_twice_is_one_job(owner: Actor) -> None:
    board = archived(owner)
    first = erasing.request_erasure(device_uid=board.uid, actor=owner, now=timezone.now())
    again = erasing.request_erasure(device_uid=board.uid, actor=owner, now=timezone.now())
    assert first.uid == again.uid
    done = erase(board, owner)
    assert (done.uid, done.state) == (first.uid, "done")
    finished = done.finished_at
    assert erase(board, owner).finished_at == finished
    actions = AuditEntry.objects.unscoped(WHY).filter(target_id=board.uid)
    assert actions.filter(action="devices.device.erasure_requested").count() == 1
    assert actions.filter(action="devices.device.erased").count() == 1
    assert not verification.verify_chains().bad


def test_an_erased_device_is_told_of_by_its_uid_and_number_only(owner: Actor) -> None:
    board = archived(owner)
    erase(board, owner)
    row = board.row()
    assert row.erased_at is not None
    assert (row.name, row.claimed_by, row.unpaired_by) == ("", "", "")
    assert row.final_state["device"]["uid"] == board.uid
    assert "hardware_id" not in row.final_state["device"]
    shown = selectors.device_by_uid(actor=owner, uid=board.uid, include_archived=True)
    assert shown.pk == row.pk
    kinds = LiveEvent.objects.filter(tenant_id=tenant_of(owner)).values_list("kind", flat=True)
    assert list(kinds)[-1] == "device_updated"


def test_the_next_life_of_erased_hardware_gets_the_next_number(owner: Actor) -> None:
    numbers = []
    for _ in range(3):
        board = make_device(owner, hardware_id="AA:BB:CC:DD")
        numbers.append(board.row().epoch)
        unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
        erase(board, owner)
    assert numbers == [1, 2, 3]
    present = make_device(owner, hardware_id="AA:BB:CC:DD").row()
    assert (present.epoch, present.hardware_id) == (4, "AA:BB:CC:DD")
    ids = set(Device.all_objects.unscoped(WHY).values_list("hardware_id", flat=True))
    assert len(ids) == 2
    assert not any("AA" in name for name in ids - {"AA:BB:CC:DD"})


def test_no_hardware_can_register_by_the_name_of_an_erased_one(api: APIClient) -> None:
    name = lives.erased_hardware_id("AA:BB")
    assert lives.erased_hardware_id(name) == name
    body = {"hardware_id": name, "device_class": "other"}
    answer = api.post("/api/v1/provision/register", body, format="json")
    assert_refused(answer, 400, "validation_error")


def test_only_owners_erase(owner: Actor) -> None:
    board = archived(owner)
    admin = join_as(owner, "admin")
    assert_refused(admin.post(f"/api/v1/devices/{board.uid}/erase"), 403, "permission_denied")
    stranger = actor_of(make_user())
    with pytest.raises(NotFound):
        erasing.request_erasure(device_uid=board.uid, actor=stranger, now=timezone.now())
    assert not DeviceErasure.objects.unscoped(WHY).exists()
    assert PermissionDenied.status == 403


def test_the_api_from_request_to_report(owner: Actor, api: APIClient) -> None:
    board = archived(owner)
    path = f"/api/v1/devices/{board.uid}/erase"
    assert_refused(api.get(path), 404, "not_found")
    asked = api.post(path)
    assert (asked.status_code, asked["Location"]) == (202, path)
    assert (asked.json()["state"], asked.json()["report"]) == ("queued", None)
    erasing.run_erasures(timezone.now(), pieces=1)
    half = api.get(path).json()
    assert (half["state"], half["finished_at"]) == ("running", None)
    while erasing.run_erasures(timezone.now()):
        pass
    done = api.get(path).json()
    assert done["state"] == "done"
    assert done["report"].keys() == {"erased", "kept", "finished_at"}
    assert "hash" in done["report"]["kept"]["audit_log"]
    assert {"commands", "relays", "telemetry"} <= done["report"]["kept"].keys()
    them = client_of(sign_in(make_user()))
    assert_refused(them.get(path), 404, "not_found")
    assert_refused(them.post(path), 404, "not_found")


def test_an_erasure_that_dies_anywhere_goes_on_and_counts_right(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every piece fails once after its work is written, before it is committed."""
    monkeypatch.setattr(erasure_areas, "CHUNK", 2)
    board = full_device(owner, "AA:BB:CC")
    erasing.request_erasure(device_uid=board.uid, actor=owner, now=timezone.now())
    whole, deaths = erasing._keep, 0

    def dies(*arguments: Any) -> None:
        whole(*arguments)
        raise RuntimeError("killed")

    while True:
        monkeypatch.setattr(erasing, "_keep", dies)
        try:
            erasing.run_erasures(timezone.now(), pieces=1)
        except RuntimeError:
            deaths += 1
        else:
            break
        monkeypatch.setattr(erasing, "_keep", whole)
        erasing.run_erasures(timezone.now(), pieces=1)
    done = selectors.erasure_of(actor=owner, device_uid=board.uid)
    assert (done.state, deaths) == ("done", 14)
    assert done.report["erased"]["input_events"] == {"ids_replaced": 3}
    assert done.report["erased"]["commands"] == {"commands_emptied": 1}
    assert done.report["erased"]["telemetry"] == {"boot_ids_replaced": 4}
    entries = AuditEntry.objects.unscoped(WHY).filter(action="devices.device.erased")
    assert entries.count() == 1


def test_every_eraser_says_what_it_keeps() -> None:
    assert registry.erasers().keys() == registry.kept_by_erasers().keys()
    assert {"commands", "relays", "telemetry"} <= registry.erasers().keys()


def test_the_log_tells_of_the_erasing_without_names(owner: Actor) -> None:
    board = full_device(owner, "AA:BB:CC")
    erase(board, owner)
    entry = AuditEntry.objects.unscoped(WHY).get(action="devices.device.erased")
    assert (entry.target_id, entry.tenant_id) == (board.uid, tenant_of(owner))
    assert CANARY not in json.dumps([entry.before, entry.after])


@pytest.mark.django_db(transaction=True)
def test_several_processes_at_once_do_each_piece_once(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure_areas, "CHUNK", 1)
    boards = [full_device(owner, f"AA:{number}") for number in range(3)]
    for board in boards:
        erasing.request_erasure(device_uid=board.uid, actor=owner, now=timezone.now())
    outcomes = run_at_once(4, lambda _: erasing.run_erasures(timezone.now()))
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)], outcomes
    for board in boards:
        done = selectors.erasure_of(actor=owner, device_uid=board.uid)
        assert done.state == "done"
        assert done.report["erased"]["input_events"] == {"ids_replaced": 3}
        assert done.report["erased"]["device"] == {"fields_emptied": 10}
