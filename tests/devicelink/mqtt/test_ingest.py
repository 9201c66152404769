"""What devices publish is committed before it is acknowledged; what cannot be used is set aside."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from devicelink.ingest import flushing, group_commit
from devicelink.mqtt import aside
from devicelink.mqtt.link import Link
from devicelink.mqtt.rates import ALLOWED, Allowance, Rates
from devices.models import DeviceConnection, DevicePresence
from devices.services import sessions, unpairing
from edge.protocol import codec
from edge.protocol.topics import UpChannel
from kernel.metrics import MQTT_MESSAGES
from kernel.unit_of_work import unit_of_work
from telemetry.models import DeviceSensorEvent, SetAsidePayload
from telemetry.services import ingestion
from telemetry.services.set_aside import MAX_OF_ONE
from tests.devicelink.household import Board, Resident, install
from tests.devicelink.mqtt.ingesting import Field, Ingest, telemetry
from tests.devicelink.readings_over_http import stored
from tests.devicelink.serving import eventually
from tests.faults.garbage import spoiled

pytestmark = [pytest.mark.mosquitto, pytest.mark.django_db(transaction=True)]
WHY = "tests look at everything"


def set_aside() -> list[tuple[str, str]]:
    rows = SetAsidePayload.objects.unscoped(WHY).order_by("pk")
    return list(rows.values_list("device_uid", "reason"))


def settled(channel: str, outcome: str = "settled") -> float:
    value: float = MQTT_MESSAGES.labels(type=channel, outcome=outcome)._value.get()
    return value


def is_online(board: Board) -> bool:
    return DevicePresence.objects.get(pk=board.device_id).is_online


@pytest.mark.core
def test_readings_are_stored_and_acknowledged_to_the_device(field: Field, board: Board) -> None:
    field.publish(board.uid, "telemetry", telemetry(1, 2, 3))
    eventually(lambda: field.acked(board.uid) == 3)
    assert stored() == [("b1", 1), ("b1", 2), ("b1", 3)]
    assert is_online(board)


@pytest.mark.core
def test_what_comes_again_is_acknowledged_again_and_stored_once(field: Field, board: Board) -> None:
    for number in (1, 2):
        field.publish(board.uid, "telemetry", telemetry(1, 2))
        eventually(lambda n=number: len(field.told.get(_acks(board), [])) == n)
    assert stored() == [("b1", 1), ("b1", 2)]


def _acks(board: Board) -> str:
    return f"homepot/v1/{board.uid}/telemetry/ack"


def test_a_reading_without_quality_of_service_is_taken_in_too(field: Field, board: Board) -> None:
    field.publish(board.uid, "telemetry", telemetry(1), qos=0)
    eventually(lambda: field.acked(board.uid) == 1)


@pytest.mark.core
def test_sensors_are_stored_and_acknowledged_where_that_is_asked_for(
    field: Field, board: Board
) -> None:
    item = {"sensor": "hall", "kind": "motion", "value": True, "event_id": "e1"}
    report = {"type": "sensor_report", "sensors": [item]}
    field.publish(board.uid, "sensor", report)
    field.publish(board.uid, "sensor", report | {"report_id": "r-1"})
    told = eventually(lambda: field.told.get(f"homepot/v1/{board.uid}/sensor/ack"))
    assert told == [{"type": "sensor_ack", "report_id": "r-1"}]
    assert DeviceSensorEvent.objects.unscoped(WHY).count() == 1


@pytest.mark.core
def test_a_connection_to_the_broker_makes_a_device_online_and_its_end_offline(
    field: Field, board: Board
) -> None:
    def say(status: str, session: str) -> None:
        before = settled("status")
        field.publish(board.uid, "status", {"type": "status", "status": status, "session": session})
        eventually(lambda: settled("status") > before)

    say("online", "c-1")
    assert is_online(board)
    say("online", "c-2")
    say("offline", "c-1")
    assert is_online(board), "the end of an older connection is not the end of this one"
    say("offline", "c-2")
    assert not is_online(board)
    lines = DeviceConnection.objects.unscoped(WHY).filter(device_id=board.device_id)
    assert {line.wire for line in lines} == {"mqtt"}


POISON = {
    b"": "malformed",
    b"\xff\xfe": "not_utf8",
    b"[" * 5000: "too_deep",
    b'{"a":1e999}': "not_finite",
    b'{"a":"\\u0000"}': "nul_character",
    b'{"type":"telemetry","boot_id":"b1","readings":[]}': "invalid_field",
    b'{"type":"heartbeat"}': "wrong_channel",
    b'{"type":"telemetry","x":"' + b"x" * 70_000 + b'"}': "too_large",
}


@pytest.mark.core
def test_poison_is_set_aside_and_holds_up_no_neighbour(field: Field, board: Board) -> None:
    for number, payload in enumerate(POISON, start=1):
        field.publish(board.uid, "telemetry", payload)
        field.publish(board.uid, "telemetry", telemetry(number))
    eventually(lambda: field.acked(board.uid) == len(POISON))
    eventually(lambda: len(set_aside()) == len(POISON))
    assert is_online(board), "that it cannot be understood does not make it silent"
    assert set_aside() == [(board.uid, reason) for reason in POISON.values()]
    assert len(stored()) == len(POISON)


def test_garbage_on_every_channel_costs_no_good_reading_and_no_connection(
    field: Field, ingest: Ingest, board: Board
) -> None:
    item = {"sensor": "hall", "kind": "motion", "value": True, "event_id": "e1"}
    good = {
        "telemetry": telemetry(1, 2, boot_id="spoiled"),
        "sensor": {"type": "sensor_report", "sensors": [item], "attributes": {"os": "x"}},
        "status": {"type": "status", "status": "online", "session": "c-1"},
    }
    links = [reader._link for reader in ingest.service._readers]
    for seq, (channel, document) in enumerate(good.items(), start=1):
        for payload in spoiled([document], 100, seed=4):
            field.publish(board.uid, channel, payload)
        field.publish(board.uid, "telemetry", telemetry(seq))
    eventually(lambda: field.acked(board.uid) == len(good))
    eventually(lambda: not any(reader._line.count for reader in ingest.service._readers))
    assert [seq for boot_id, seq in stored() if boot_id == "b1"] == [1, 2, 3]
    assert [reader._link for reader in ingest.service._readers] == links
    assert len(set_aside()) <= MAX_OF_ONE


@pytest.mark.core
def test_what_cannot_be_stored_is_set_aside_alone(
    field: Field, board: Board, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = install(resident)
    real = ingestion.ingest_batches

    def refuse(*, batches: Any, now: Any) -> Any:
        if any(batch.telemetry.boot_id == "cursed" for batch in batches):
            raise ValueError("no database takes this")
        return real(batches=batches, now=now)

    monkeypatch.setattr(ingestion, "ingest_batches", refuse)
    field.publish(board.uid, "telemetry", telemetry(1, boot_id="cursed"))
    field.publish(other.uid, "telemetry", telemetry(1))
    eventually(lambda: field.acked(other.uid) == 1)
    eventually(lambda: set_aside() == [(board.uid, "not_stored")])
    assert field.acked(board.uid, "cursed") == -1


def test_strangers_and_former_devices_are_set_aside(
    field: Field, board: Board, resident: Resident
) -> None:
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    field.publish(board.uid, "telemetry", telemetry(1))
    field.publish("nobody", "telemetry", telemetry(1))
    field.publish("nobody", "sensor", {"type": "sensor_report", "attributes": {"os": "x"}})
    # Nobody needs to look at the will of a device that has just been unpaired.
    field.publish(board.uid, "status", {"type": "status", "status": "offline", "session": "c-1"})
    expected = [
        (board.uid, "device_unpaired"),
        ("nobody", "unknown_device"),
        ("nobody", "unknown_device"),
    ]
    eventually(lambda: sorted(set_aside()) == sorted(expected))
    assert stored() == []


@pytest.mark.core
def test_nothing_is_acknowledged_before_its_commit(
    field: Field, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    store, keep, acknowledge = flushing.store, aside._keep, Link.acknowledge

    def note_store(arrivals: Any) -> Any:
        verdicts = store(arrivals)
        assert not connection.in_atomic_block
        happened.extend(["committed"] * len(arrivals))
        return verdicts

    def note_keep(unusable: Any) -> None:
        keep(unusable)
        assert not connection.in_atomic_block
        happened.extend(["committed"] * len(unusable))

    def note_acknowledge(link: Link, packet_ids: Any) -> None:
        happened.extend(["acknowledged"] * len(packet_ids))
        acknowledge(link, packet_ids)

    monkeypatch.setattr(flushing, "store", note_store)
    monkeypatch.setattr(aside, "_keep", note_keep)
    monkeypatch.setattr(Link, "acknowledge", note_acknowledge)
    for seq in range(1, 30):
        field.publish(board.uid, "telemetry", telemetry(seq) if seq % 3 else b"{%d" % seq)
    eventually(lambda: happened.count("acknowledged") == 29)
    for at, what in enumerate(happened):
        if what == "acknowledged":
            before = happened[:at]
            assert before.count("acknowledged") < before.count("committed")


def test_while_the_database_is_held_up_the_broker_keeps_what_came(
    field: Field, board: Board
) -> None:
    """A lock that another transaction holds: nothing is acknowledged, nothing lost or set aside."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with unit_of_work():
                sessions.lock_session(device_id=board.device_id)
                held.set()
                release.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    for seq in range(1, 6):
        field.publish(board.uid, "telemetry", telemetry(seq))
    time.sleep(0.5)
    assert field.acked(board.uid) == -1
    release.set()
    holder.join()
    eventually(lambda: field.acked(board.uid) == 5)
    assert [seq for _, seq in stored()] == [1, 2, 3, 4, 5]
    assert set_aside() == []


@pytest.mark.core
def test_while_the_database_is_away_it_is_tried_again_and_nothing_is_set_aside(
    field: Field, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, is_away = ingestion.ingest_batches, threading.Event()
    is_away.set()

    def maybe(*, batches: Any, now: Any) -> Any:
        if is_away.is_set():
            raise OperationalError("the server closed the connection unexpectedly")
        return real(batches=batches, now=now)

    monkeypatch.setattr(ingestion, "ingest_batches", maybe)
    before = settled("telemetry", "postponed")
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: settled("telemetry", "postponed") >= before + 2)
    is_away.clear()
    eventually(lambda: field.acked(board.uid) == 1)
    assert set_aside() == []


def test_what_the_queue_has_no_room_for_waits_its_turn(
    field: Field, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_READINGS", 40)
    before = settled("telemetry", "postponed")
    for first in range(1, 601, 20):
        field.publish(board.uid, "telemetry", telemetry(*range(first, first + 20)), qos=0)
    eventually(lambda: field.acked(board.uid) == 600)
    assert [seq for _, seq in stored()] == list(range(1, 601))
    assert settled("telemetry", "postponed") == before


def test_what_came_after_a_reading_that_waits_is_not_acknowledged_before_it(
    field: Field, ingest: Ingest, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`acked_seq` covers what is below it; the one that waits may still be lost with us."""
    real, is_away = ingestion.ingest_batches, threading.Event()
    is_away.set()

    def maybe(*, batches: Any, now: Any) -> Any:
        if is_away.is_set() and any(batch.telemetry.readings[0].seq == 1 for batch in batches):
            raise OperationalError("the server closed the connection unexpectedly")
        return real(batches=batches, now=now)

    monkeypatch.setattr(ingestion, "ingest_batches", maybe)
    # Each in a flush of its own.
    monkeypatch.setattr(group_commit, "READINGS_PER_FLUSH", 1)
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: settled("telemetry", "postponed") > 0 and ingest.service._readers[0]._late)
    field.publish(board.uid, "telemetry", telemetry(2))
    eventually(lambda: stored() == [("b1", 2)])
    time.sleep(0.2)
    assert field.acked(board.uid) == -1
    is_away.clear()
    eventually(lambda: field.acked(board.uid) == 1)
    field.publish(board.uid, "telemetry", telemetry(2))
    eventually(lambda: field.acked(board.uid) == 2)
    assert not ingest.service._readers[0]._late


def test_what_the_queue_cannot_stand_is_not_in_the_way_of_the_next(
    field: Field, ingest: Ingest, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise TypeError("nobody thought of this")

    monkeypatch.setattr(ingest.queue, "submit", refuse)
    field.publish(board.uid, "telemetry", telemetry(1, boot_id="cursed"))
    eventually(lambda: set_aside() == [(board.uid, "not_stored")])
    monkeypatch.undo()
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: field.acked(board.uid) == 1)


def test_a_device_that_floods_takes_its_share_and_no_more(
    field: Field, ingest: Ingest, board: Board, resident: Resident
) -> None:
    neighbour = install(resident)
    before = {channel: settled(channel, "let_go") for channel in ("telemetry", "status")}
    readers = ingest.service._readers
    few = Allowance(messages=5, size=100_000, within_s=60)
    readers[0]._rates, readers[0]._unusable, readers[-1]._rates = Rates(few), Rates(few), Rates(few)
    for number in range(1, 21):
        hello = {"type": "status", "status": "online", "session": f"c-{number}"}
        field.publish(board.uid, "status", hello)
        field.publish(board.uid, "telemetry", telemetry(number))
    field.publish(neighbour.uid, "telemetry", telemetry(1))
    eventually(lambda: field.acked(neighbour.uid) == 1)
    eventually(lambda: settled("status", "let_go") == before["status"] + 15)
    assert settled("telemetry", "let_go") == before["telemetry"] + 15
    assert field.acked(board.uid) == 5
    readers[0]._rates = Rates(ALLOWED[UpChannel.TELEMETRY])
    for number in range(20):
        field.publish(board.uid, "telemetry", b"{%d" % number)
    eventually(lambda: not readers[0]._line.count)
    assert len(set_aside()) == 5


def test_a_fault_of_ours_costs_one_message_and_no_connection(
    field: Field, ingest: Ingest, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = ingest.service._readers[0]._link
    real = codec.decode_up

    def decode(payload: bytes) -> Any:
        if b"cursed" in payload:
            raise RecursionError("nobody thought of this")
        return real(payload)

    monkeypatch.setattr(codec, "decode_up", decode)
    field.publish(board.uid, "telemetry", telemetry(1, boot_id="cursed"))
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: field.acked(board.uid) == 1)
    eventually(lambda: set_aside() == [(board.uid, "not_stored")])
    assert ingest.service._readers[0]._link is link
