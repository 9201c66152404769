"""Messages of many devices are taken in with one commit, and none of them costs another one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from devicelink.mqtt import takers, together
from devices.models import DeviceConnection, DevicePresence
from edge.protocol.messages import LinkStatus, SensorReading, SensorReport, Status
from telemetry.models import DeviceSensorEvent
from tests.devicelink.household import Board, Resident, install

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
WHY = "tests look at everything"


@pytest.fixture
def boards(resident: Resident) -> list[Board]:
    return [install(resident) for _ in range(4)]


def greetings(boards: Sequence[Board], session: str = "c-1") -> list[tuple[str, Any]]:
    return [(board.uid, Status(LinkStatus.ONLINE, session)) for board in boards]


def take_in(said: Sequence[tuple[str, Any]], work: Any = takers.note_status) -> list[str]:
    works = dict.fromkeys((Status, SensorReport), work)
    return [result.outcome.name for result in together.work_off(works, said)]


def commits(context: CaptureQueriesContext) -> int:
    return sum(query["sql"] == "COMMIT" for query in context.captured_queries)


def test_greetings_that_come_together_are_one_commit(boards: list[Board]) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert take_in(greetings(boards)) == ["SETTLE"] * 4
    assert commits(queries) == 1
    assert DevicePresence.objects.filter(is_online=True).count() == 4


def test_what_a_device_says_twice_is_told_twice_and_in_order(boards: list[Board]) -> None:
    first, *others = boards
    goodbye = [(first.uid, Status(LinkStatus.OFFLINE, "c-1"))]
    with CaptureQueriesContext(connection) as queries:
        said = greetings(others) + greetings([first]) + goodbye + greetings([first], "c-2")
        assert take_in(said) == ["SETTLE"] * 6
    assert commits(queries) == 3
    lines = DeviceConnection.objects.unscoped(WHY).filter(device_id=first.device_id).order_by("pk")
    assert [line.kind.lower() for line in lines] == ["connected", "disconnected", "connected"]
    assert len({line.at for line in lines}) == 3


def test_one_that_cannot_be_taken_in_costs_no_neighbour(boards: list[Board]) -> None:
    def work(uid: str, message: Any, now: datetime) -> Any:
        if uid == boards[1].uid:
            raise ValueError("nobody thought of this")
        return takers.record_sensors(uid, message, now)

    report = SensorReport(sensors=(SensorReading(sensor="hall", kind="motion", value=True),))
    said = [(board.uid, report) for board in boards]
    assert take_in(said, work) == ["SETTLE", "SET_ASIDE", "SETTLE", "SETTLE"]
    history = DeviceSensorEvent.objects.unscoped(WHY).values_list("device_id", flat=True)
    assert sorted(history) == sorted(board.device_id for board in boards if board != boards[1])


def test_while_the_database_is_away_all_wait_in_their_order(boards: list[Board]) -> None:
    tried: list[str] = []

    def work(uid: str, message: Any, now: datetime) -> Any:
        tried.append(uid)
        raise OperationalError("away")

    said = greetings(boards) + greetings(boards)
    assert take_in(said, work) == ["POSTPONE"] * 8
    assert tried == [boards[0].uid]


@pytest.mark.production_only
def test_two_processes_with_the_same_devices_do_not_wait_for_each_other(
    boards: list[Board],
) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def run(ordered: list[Board]) -> None:
        try:
            barrier.wait(10)
            for number in range(15):
                outcomes.extend(take_in(greetings(ordered, f"c-{ordered[0].uid}-{number}")))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(way,)) for way in (boards, boards[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == ["SETTLE"] * 120
