"""Sensor reports over a device's socket."""

from __future__ import annotations

import pytest
from django.utils import timezone

from devicelink import inbound
from devicelink.inbound import Pull
from devices.errors import DeviceUnpaired, SessionFenced
from devices.services import unpairing
from edge.protocol import messages
from telemetry.services import sensing
from tests.devicelink.household import Board, Resident
from tests.devicelink.serving import LiveServer, eventually
from tests.ops.watching import watch
from tests.telemetry.sensor_hubs import attributes_of, history, state_of

pytestmark = pytest.mark.core
SAID = messages.SensorReport(sensors=(messages.SensorReading("hall", "motion", True),))


def test_what_a_device_says_of_its_sensors_is_kept_and_shown(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with watch(server, resident) as browser, server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(
            type="sensor_report",
            sensors=[
                {"sensor": "hall", "kind": "motion", "value": True, "event_id": "b1-1"},
                {"sensor": "Bad"},
                {"sensor": "air", "kind": "temperature", "value": 21.5, "unit": "°C"},
            ],
            attributes={"hub_model": "HS-2"},
        )
        told = browser.hear("sensor_state")
        assert told["device_uid"] == board.uid
        assert [(one["sensor"], one["value"]) for one in told["sensors"]] == [
            ("hall", True),
            ("air", 21.5),
        ]
        assert state_of(board.device_id, "air").unit == "°C"
        assert attributes_of(board.device_id) == {"hub_model": "HS-2"}
        device.say(
            type="sensor_report",
            sensors=[{"sensor": "hall", "kind": "motion", "value": True, "event_id": "b1-1"}],
        )
        device.say(
            type="sensor_report", sensors=[{"sensor": "hall", "kind": "motion", "value": False}]
        )
        eventually(lambda: state_of(board.device_id).value is False)
    assert [event.value for event in history(board.device_id)] == [True, 21.5, False]


def test_a_report_that_cannot_be_read_is_answered_and_the_session_goes_on(
    server: LiveServer, board: Board
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(type="sensor_report", sensors="all")
        assert device.hear("error")["code"] == "invalid_field"
        device.say(type="sensor_report", sensors=[{"sensor": "a", "kind": "leak", "value": True}])
        eventually(lambda: len(history(board.device_id)) == 1)


def test_a_replaced_session_and_an_ended_life_report_nothing(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as first:
        first.hear("welcome")
        with server.device(board.uid, board.token) as second:
            second.hear("welcome")
            sender = board.held(1, resident.tenant_id)
            outcome = inbound.handle(
                sender=sender, said=[SAID], pull=Pull.NOTHING, now=timezone.now()
            )
            assert isinstance(outcome.ending, SessionFenced)
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    for epoch in (1, 2, 3):
        sender = board.held(epoch, resident.tenant_id)
        outcome = inbound.handle(sender=sender, said=[SAID], pull=Pull.NOTHING, now=timezone.now())
        assert isinstance(outcome.ending, DeviceUnpaired)
        assert outcome.replies == []
    assert history(board.device_id) == []


def test_a_report_is_answered_where_it_asks_for_that_and_when_it_is_stored(
    server: LiveServer, board: Board
) -> None:
    said = {"sensor": "a", "kind": "leak", "value": True, "event_id": "e1"}
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        device.say(type="sensor_report", sensors=[{"sensor": "b", "kind": "leak", "value": True}])
        device.say(type="sensor_report", sensors=[said], report_id="r-1")
        assert device.hear("sensor_ack")["report_id"] == "r-1"
        assert len(history(board.device_id)) == 2
        device.say(type="sensor_report", sensors=[said], report_id="r-1")
        assert device.hear("sensor_ack")["report_id"] == "r-1"
    assert len(history(board.device_id)) == 2


def test_a_report_that_was_not_stored_is_not_acknowledged(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(sensing, "_write", fail)
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        said = [{"sensor": "a", "kind": "leak", "value": True}]
        device.say(type="sensor_report", sensors=said, report_id="r-1")
        assert device.hear()["type"] == "error"
    assert history(board.device_id) == []
