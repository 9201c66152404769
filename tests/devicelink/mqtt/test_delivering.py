"""What waits for devices on MQTT is published to them once, and what they answer is believed."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from commands.models import Command
from commands.services import delivery
from devicelink.mqtt.delivering import Deliveries
from devices.choices import Wire
from devices.errors import DeviceOffline
from devices.models import DeviceConfig, DeviceEvent, DeviceSession
from devices.services import contacts, sessions
from edge.protocol.messages import Cancel
from edge.protocol.topics import DownChannel
from kernel.unit_of_work import unit_of_work
from relays import selectors as relay_selectors
from tests.devicelink.household import (
    Board,
    Resident,
    ask,
    configure,
    desire,
    install,
    state_of,
    switch,
)
from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest
from tests.devicelink.serving import eventually
from twins.models import Twin

pytestmark = [pytest.mark.mosquitto, pytest.mark.django_db(transaction=True)]
WHY = "tests look at everything"
CONFIG, DESIRED = DownChannel.CONFIG, DownChannel.TWIN_DESIRED


def row_of(command: Any) -> Command:
    return Command.objects.unscoped(WHY).get(uid=command.id)


def position_of(board: Board, index: int) -> bool | None:
    return relay_selectors.known_position(device_id=board.device_id, relay_index=index)


def is_greeted(board: Board) -> bool:
    return board.session().greeted_at is not None


def arrive(field: Field, board: Board, session: str = "c-1") -> None:
    field.greet(board.uid, session)
    eventually(lambda: is_greeted(board))


def ack(command_id: str, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"type": "ack", "command_id": command_id, "status": status, **more}


@pytest.mark.core
def test_what_waited_is_told_to_who_comes_and_its_answer_settles_it(
    field: Field, board: Board, resident: Resident
) -> None:
    command = ask(resident, board)
    assert state_of(command) == "queued"
    field.greet(board.uid)
    (told,) = eventually(lambda: field.commands_of(board.uid))
    assert (told["type"], told["command_id"]) == ("command", command.id)
    row = row_of(command)
    assert (row.state, row.wire, row.session_epoch) == ("sent", "mqtt", None)
    field.publish(board.uid, "ack", ack(command.id, "accepted", progress={"percent": 50}))
    eventually(lambda: state_of(command) == "acked")
    field.publish(board.uid, "ack", ack(command.id, result={"disk": "fine"}))
    eventually(lambda: state_of(command) == "succeeded")
    assert row_of(command).result == {"disk": "fine"}


@pytest.mark.core
def test_a_relay_is_switched_at_once_and_what_it_reports_is_believed(
    field: Field, board: Board, resident: Resident
) -> None:
    with pytest.raises(DeviceOffline):
        switch(resident, board, 1, True)
    arrive(field, board)
    command = switch(resident, board, 1, True)
    (told,) = eventually(lambda: field.commands_of(board.uid))
    assert (told["type"], told["command_id"]) == ("set_relay", command.id)
    relays = [{"relay_index": 1, "is_on": True}]
    field.publish(board.uid, "ack", ack(command.id, relays=relays, state_seq=1))
    eventually(lambda: state_of(command) == "succeeded")
    assert position_of(board, 1) is True
    off = [{"relay_index": index, "is_on": False} for index in range(4)]
    field.publish(board.uid, "state", {"type": "state_report", "relays": off, "state_seq": 2})
    eventually(lambda: position_of(board, 1) is False)
    field.publish(board.uid, "status", {"type": "status", "status": "offline", "session": "c-1"})
    eventually(lambda: not _is_reachable(board))
    with pytest.raises(DeviceOffline):
        switch(resident, board, 1, True)


def _is_reachable(board: Board) -> bool:
    with unit_of_work():
        facts = sessions.lock_session(device_id=board.device_id)
    return facts.is_reachable(timedelta(seconds=30), now=timezone.now())


@pytest.mark.usefixtures("no_hints")
def test_a_lost_hint_delays_a_command_by_seconds_only(
    field: Field, board: Board, resident: Resident
) -> None:
    arrive(field, board)
    command = ask(resident, board)
    (told,) = eventually(lambda: field.commands_of(board.uid))
    assert told["command_id"] == command.id


@pytest.mark.core
def test_documents_are_told_on_coming_and_on_change_until_they_are_taken_over(
    field: Field, board: Board, resident: Resident
) -> None:
    config, desired = configure(resident, board, volume=3), desire(resident, board, colour="red")
    field.greet(board.uid)
    (told,) = eventually(lambda: field.told_on(board.uid, CONFIG))
    assert (told["type"], told["version"], told["config"]["config"]) == (
        "config",
        config,
        {"volume": 3},
    )
    (told,) = eventually(lambda: field.told_on(board.uid, DESIRED))
    assert told == {"type": "twin_desired", "version": desired, "desired": {"colour": "red"}}
    field.publish(board.uid, "ack", {"type": "config_applied", "version": config})
    report = {"type": "twin_reported", "document": {"colour": "red"}, "seq": 1}
    field.publish(
        board.uid, "twin/reported", report | {"desired_version": desired, "report_id": "r-1"}
    )
    told = eventually(lambda: field.told_on(board.uid, DESIRED)[1:])
    assert told == [{"type": "twin_ack", "report_id": "r-1", "reported_version": 1}]
    eventually(lambda: DeviceConfig.objects.unscoped(WHY).get().applied_version == config)
    assert Twin.objects.unscoped(WHY).get().applied_version == desired
    assert desire(resident, board, colour="blue") == desired + 1
    told = eventually(lambda: field.told_on(board.uid, DESIRED)[2:])
    assert told[0]["desired"] == {"colour": "blue"}
    assert len(field.told_on(board.uid, CONFIG)) == 1


def test_what_happens_at_a_device_is_kept_once(field: Field, board: Board) -> None:
    press = {"type": "input_event", "input_index": 0, "kind": "press", "event_id": "e-1"}
    for _ in range(2):
        field.publish(board.uid, "event", press)
    field.publish(board.uid, "event", press | {"event_id": "e-2"})
    stored = DeviceEvent.objects.unscoped(WHY).order_by("pk").values_list("event_id", flat=True)
    eventually(lambda: list(stored.all()) == ["e-1", "e-2"])


def test_two_processes_tell_it_once(
    field: Field, ingest: Ingest, board: Board, resident: Resident
) -> None:
    boards = [board, install(resident), install(resident)]
    with Ingest(is_first=False) as second:
        for one in boards:
            arrive(field, one)
        commands = [ask(resident, one) for one in boards]
        # The second hears no hints: it finds what waits when it looks.
        eventually(lambda: all(field.commands_of(one.uid) for one in boards))
        second.call(lambda: setattr(second.service._deliveries, "_looked_at", 0.0))
        time.sleep(0.5)
    assert [len(field.commands_of(one.uid)) for one in boards] == [1, 1, 1]
    assert [row_of(command).sends for command in commands] == [1, 1, 1]
    assert ingest.service.is_connected


def test_what_a_killed_process_had_claimed_is_told_again_under_its_id(
    field: Field, board: Board, resident: Resident
) -> None:
    arrive(field, board)
    before = timezone.now() - timedelta(seconds=60)
    lost = install(resident)
    # Claimed by a process that was killed before it could publish, a minute ago.
    command = ask(resident, lost)
    claimed = delivery.claim_deliverable(
        device_id=lost.device_id, epoch=None, wire=Wire.MQTT, now=before
    )
    assert [message.command_id for message in claimed] == [command.id]
    Command.objects.unscoped(WHY).filter(uid=command.id).update(
        state="timed_out", timeout_at=before
    )
    contacts.greet(device_uid=lost.uid, client_session="c-9", now=timezone.now())
    (told,) = eventually(lambda: field.commands_of(lost.uid))
    assert told["command_id"] == command.id
    assert row_of(command).sends == 2


def test_nothing_is_claimed_while_the_broker_is_away(
    board: Board, resident: Resident, settings: Any, transactional_db: None
) -> None:
    with FieldBroker() as broker:
        settings.MQTT_URL = broker.url_of(broker.ingest)
        with Ingest() as ingest:
            with Field(broker) as field:
                arrive(field, board)
            broker.stop()
            eventually(lambda: not ingest.service._deliveries.is_connected)
            command = ask(resident, board)
            time.sleep(0.3)
            assert state_of(command) == "queued"
            broker.start()
            with Field(broker) as field:
                (told,) = eventually(lambda: field.commands_of(board.uid), 30)
            assert told["command_id"] == command.id


def test_late_words_of_a_former_connection_do_not_outlive_the_new_one(
    field: Field, board: Board
) -> None:
    """`state_seq` begins anew with a connection; a straggler with a high number must not last."""
    arrive(field, board, "c-1")
    arrive(field, board, "c-2")

    def report(seq: int, *, is_on: bool) -> None:
        relays = [{"relay_index": 0, "is_on": is_on}]
        field.publish(
            board.uid, "state", {"type": "state_report", "relays": relays, "state_seq": seq}
        )
        eventually(lambda: position_of(board, 0) is is_on)

    report(57, is_on=True)
    report(1, is_on=False)
    assert board.session().observed_seq == 1


def test_the_deliverer_is_replaced_when_the_broker_takes_nothing(ingest: Ingest) -> None:
    deliveries: Deliveries = ingest.service._deliveries
    link = deliveries._link
    assert link is not None

    def hold_up() -> None:
        link._most_sent = 0
        deliveries._outbox.append((b"homepot/v1/nobody/command", b"{}", math.inf))
        deliveries._progress_at -= 61.0

    ingest.call(hold_up)
    eventually(lambda: deliveries._link is not link and deliveries.is_connected)
    eventually(lambda: not deliveries._outbox)


def test_what_could_not_be_published_in_time_is_left_to_the_ledger(
    ingest: Ingest, field: Field, board: Board
) -> None:
    """Newer commands of its lane may have gone out meanwhile, through another process."""
    deliveries, old, new = ingest.service._deliveries, Cancel("old"), Cancel("new")

    def put() -> None:
        deliveries._put([(board.uid, old)], time.monotonic() - 0.1)
        deliveries._put([(board.uid, new)], time.monotonic() + 60)

    ingest.call(put)
    (told,) = eventually(lambda: field.commands_of(board.uid))
    assert told["command_id"] == "new"


@pytest.mark.core
def test_a_device_is_told_although_a_killed_process_left_its_session_open(
    field: Field, board: Board, resident: Resident
) -> None:
    now = timezone.now()
    sessions.open_session(device_id=board.device_id, address=None, now=now)
    arrive(field, board)
    rows = DeviceSession.objects.filter(pk=board.device_id)
    rows.update(opened_at=now - timedelta(seconds=90), greeted_at=now - timedelta(seconds=61))
    command = ask(resident, board)
    press = {"type": "input_event", "input_index": 0, "kind": "press", "event_id": "e-9"}
    field.publish(board.uid, "event", press)
    (told,) = eventually(lambda: field.commands_of(board.uid))
    assert told["command_id"] == command.id
