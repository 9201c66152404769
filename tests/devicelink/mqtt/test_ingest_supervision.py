"""Several ingests, ones that stop, die or hang, and a broker that goes away."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from devicelink.mqtt import aside
from devicelink.mqtt import reader as reader_module
from homepot.serving.application import Application
from kernel.metrics import MQTT_LOST
from telemetry.models import IngestProcess
from tests.devicelink.household import Board, Resident, install
from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest, telemetry
from tests.devicelink.readings_over_http import ProductServer, stored
from tests.devicelink.serving import eventually

pytestmark = [pytest.mark.mosquitto, pytest.mark.django_db(transaction=True)]


@pytest.mark.core
def test_two_processes_share_and_what_one_leaves_the_other_takes(
    field: Field, ingest: Ingest, resident: Resident
) -> None:
    boards = [install(resident) for _ in range(4)]
    second = Ingest(is_first=False)
    with second:
        for seq in range(1, 11):
            for board in boards:
                field.publish(board.uid, "telemetry", telemetry(seq))
        eventually(lambda: all(field.acked(board.uid) == 10 for board in boards))
        shares = [one.service._readers[0].settled for one in (ingest, second)]
        assert sum(shares) == 40
        assert all(shares), shares
    for board in boards:
        field.publish(board.uid, "telemetry", telemetry(11))
    eventually(lambda: all(field.acked(board.uid) == 11 for board in boards))
    assert len(stored()) == len(set(stored())) * len(boards) == 11 * len(boards)


def test_a_process_that_is_told_to_stop_finishes_what_it_has(
    broker: FieldBroker, field: Field, ingest: Ingest, board: Board
) -> None:
    for seq in range(1, 101):
        field.publish(board.uid, "telemetry", telemetry(seq))
    ingest.stop()
    committed = {seq for _, seq in stored()}
    assert committed == set(range(1, len(committed) + 1))
    assert IngestProcess.objects.count() == 0
    with Ingest():
        for seq in range(1, 101):
            if seq > field.acked(board.uid):
                field.publish(board.uid, "telemetry", telemetry(seq))
        eventually(lambda: field.acked(board.uid) == 100)
    assert len(stored()) == 100


def test_what_was_retained_before_is_no_news(
    broker: FieldBroker, settings: Any, board: Board
) -> None:
    settings.MQTT_URL = broker.url_of(broker.ingest)
    with Field(broker) as field:
        field.publish(board.uid, "telemetry", telemetry(1), is_retained=True)
        with Ingest():
            field.publish(board.uid, "telemetry", telemetry(2))
            eventually(lambda: field.acked(board.uid) == 2)
            assert [seq for _, seq in stored()] == [2]
        field.publish(board.uid, "telemetry", b"", is_retained=True)


def test_the_embedded_server_reads_too(
    broker: FieldBroker, settings: Any, transactional_db: None, board: Board
) -> None:
    settings.MQTT_URL = broker.url_of(broker.ingest)
    server = ProductServer()
    server.application = Application(is_reading_mqtt=True)
    with server, Field(broker) as field:
        eventually(lambda: IngestProcess.objects.filter(is_connected=True).exists())
        field.publish(board.uid, "telemetry", telemetry(1))
        eventually(lambda: field.acked(board.uid) == 1)
    assert IngestProcess.objects.count() == 0


def test_a_reader_that_dies_is_replaced(field: Field, ingest: Ingest, board: Board) -> None:
    lost = MQTT_LOST._value.get()
    running = ingest.service._running[ingest.service._readers[0]]
    ingest.call(running.cancel)
    eventually(lambda: running.done() and MQTT_LOST._value.get() > lost)
    eventually(lambda: ingest.service.is_connected)
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: field.acked(board.uid) == 1)


def test_a_reader_that_makes_no_progress_gets_another_connection(
    field: Field, ingest: Ingest, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ingest.service._readers[0]
    first = reader._link
    # Somebody should have answered long ago and never will.
    monkeypatch.setattr(reader._taker._queue, "submit", lambda *_: None)
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: reader._line.count == 1)
    monkeypatch.undo()
    reader._progress_at -= 1_000
    eventually(lambda: reader._link is not first and reader.is_connected)
    field.publish(board.uid, "telemetry", telemetry(1))
    eventually(lambda: field.acked(board.uid) == 1)


def test_a_database_that_is_away_is_no_fault_of_the_connection(
    field: Field, ingest: Ingest, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be set aside for long: another connection would lose what waits at this one."""
    reader = ingest.service._readers[0]
    link, tries = reader._link, []

    def refuse(_: Any) -> None:
        tries.append(1)
        raise OperationalError("away")

    monkeypatch.setattr(reader_module, "STUCK_S", 1.5)
    monkeypatch.setattr(aside, "_keep", refuse)
    field.publish(board.uid, "telemetry", b"{")
    eventually(lambda: len(tries) == 4)
    assert reader._link is link
    monkeypatch.undo()
    eventually(lambda: not reader._line.count)


def test_a_broker_that_was_killed_is_found_again(
    settings: Any, transactional_db: None, board: Board
) -> None:
    with FieldBroker() as broker:
        settings.MQTT_URL = broker.url_of(broker.ingest)
        with Ingest() as ingest:
            with Field(broker) as field:
                field.publish(board.uid, "telemetry", telemetry(1))
                eventually(lambda: field.acked(board.uid) == 1)
                broker.kill9()
            eventually(lambda: not ingest.service.is_connected)
            broker.start()
            eventually(lambda: ingest.service.is_connected)
            with Field(broker) as field:
                field.publish(board.uid, "telemetry", telemetry(1, 2))
                eventually(lambda: field.acked(board.uid) == 2)
    assert [seq for _, seq in stored()] == [1, 2]
