"""One device that goes from wire to wire: each command is told once, on the wire it is on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from commands.models import Command
from devicelink.http.pending_door import PATH
from devicelink.websocket import policy
from devices.choices import Wire
from devices.services import sessions
from devices.session_types import Beside
from devices.types import SessionFacts
from kernel import realtime
from kernel.unit_of_work import unit_of_work
from tests.devicelink.household import Board, Resident, ask, configure, desire, state_of
from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest
from tests.devicelink.readings_over_http import ProductServer, keys_of
from tests.devicelink.serving import LiveServer, eventually

BESIDE = {"greeter", "polled_at", "poll_interval_s"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def product(transactional_db: None) -> Iterator[ProductServer]:
    """The whole application, served."""
    with ProductServer() as server:
        yield server


def facts_of(board: Board) -> SessionFacts:
    with unit_of_work():
        return sessions.lock_session(device_id=board.device_id)


def wire_of(board: Board) -> str:
    return facts_of(board).wire_at(timezone.now())


def fetched(product: ProductServer, board: Board) -> list[str]:
    answer = product.call(b"", method="GET", path=PATH, **keys_of(board))
    return [command["command_id"] for command in answer.body["commands"]]


def settle(product: ProductServer, board: Board, command: Any) -> None:
    path = f"/api/v1/devices/commands/{command.id}/result"
    assert product.call({"status": "succeeded"}, path=path, **keys_of(board)).status == 200
    assert state_of(command) == "succeeded"


@pytest.mark.core
@pytest.mark.mosquitto
def test_a_device_that_changes_its_wire_gets_each_command_once(
    product: ProductServer, board: Board, resident: Resident, settings: Any
) -> None:
    with FieldBroker() as broker:
        settings.MQTT_URL = broker.url_of(broker.ingest)
        # The bus belongs to the server of this test; the ingest finds by itself what waits.
        with Ingest(is_first=False) as ingest, Field(broker) as field:
            with product.device(board.uid, board.token) as device:
                device.hear("welcome")
                assert wire_of(board) == Wire.WEBSOCKET
                first = ask(resident, board)
                assert device.hear("command")["command_id"] == first.id
                assert fetched(product, board) == []
            eventually(lambda: not board.session().is_live)
            # It never answered the first one: it is told again, and both stay in their order.
            second = ask(resident, board)
            assert fetched(product, board) == [first.id]
            assert wire_of(board) == Wire.HTTP
            settle(product, board, first)
            assert fetched(product, board) == [second.id]
            assert fetched(product, board) == []
            settle(product, board, second)
            third = ask(resident, board)
            field.greet(board.uid)
            told = eventually(lambda: field.commands_of(board.uid))
            assert [one["command_id"] for one in told] == [third.id]
            assert wire_of(board) == Wire.MQTT
            field.publish(
                board.uid, "ack", {"type": "ack", "command_id": third.id, "status": "succeeded"}
            )
            eventually(lambda: state_of(third) == "succeeded")
            with product.device(board.uid, board.token) as device:
                device.hear("welcome")
                device.hear_nothing("command", for_s=0.3)
            assert ingest.service.is_connected
            assert len(field.commands_of(board.uid)) == 1
    sends = Command.objects.unscoped("test").order_by("pk").values_list("sends", flat=True)
    assert list(sends) == [2, 1, 1]


@pytest.mark.core
def test_a_socket_is_told_documents_on_connect_and_on_change(
    server: LiveServer, board: Board, resident: Resident
) -> None:
    config, desired = configure(resident, board, volume=3), desire(resident, board, colour="red")
    with server.device(board.uid, board.token) as device:
        welcome = device.hear("welcome")
        assert (welcome["config_version"], welcome["desired_version"]) == (config, desired)
        told = {one["type"]: one for one in (device.hear(), device.hear())}
        assert told["config"]["config"]["config"] == {"volume": 3}
        assert told["twin_desired"]["desired"] == {"colour": "red"}
        device.say(type="config_applied", version=config)
        device.say(
            type="twin_reported", document={"colour": "red"}, desired_version=desired, report_id="r"
        )
        assert device.hear()["type"] == "twin_ack"
        assert desire(resident, board, colour="blue") == desired + 1
        assert device.hear("twin_desired")["desired"] == {"colour": "blue"}
        device.hear_nothing("config", "twin_desired", for_s=0.6)
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        # Only what it has not taken over, and that anew: it may have lost it.
        assert device.hear("config", "twin_desired")["version"] == desired + 1
        device.hear_nothing("config", "twin_desired", for_s=0.3)


@pytest.mark.usefixtures("no_hints")
def test_a_socket_is_told_of_a_change_whose_hint_was_lost(
    server: LiveServer, board: Board, resident: Resident
) -> None:
    with server.device(board.uid, board.token) as device:
        assert device.hear("welcome")["desired_version"] == 0
        assert desire(resident, board, colour="red") == 1
        assert device.hear("twin_desired", timeout_s=5)["version"] == 1


def test_a_document_that_is_not_taken_over_is_told_again_in_the_same_session(
    server: LiveServer, board: Board, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        desire(resident, board, colour="red")
        assert device.hear("twin_desired")["version"] == 1
        monkeypatch.setattr(policy, "TOLD_AGAIN_S", 0.0)
        assert device.hear("twin_desired", timeout_s=6)["version"] == 1


@pytest.mark.core
def test_a_restored_server_reaches_a_device_with_newer_documents(
    server: LiveServer, board: Board, resident: Resident
) -> None:
    """It says which versions it works by, and is sent what the server has, as newer ones."""
    config, desired = configure(resident, board, volume=3), desire(resident, board, colour="red")
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        assert {device.hear()["type"], device.hear()["type"]} == {"config", "twin_desired"}
        device.say(type="config_applied", version=config + 6)
        device.say(type="twin_reported", document={"colour": "blue"}, desired_version=desired + 6)
        told = {one["type"]: one for one in (device.hear(), device.hear())}
    assert told["config"]["version"] == config + 7
    assert told["config"]["config"]["config"] == {"volume": 3}
    assert told["twin_desired"]["version"] == desired + 7
    assert told["twin_desired"]["desired"] == {"colour": "red"}


@pytest.mark.core
def test_where_a_device_is_reached() -> None:
    now = timezone.now()

    def facts(**more: Any) -> SessionFacts:
        beside = {one: more.pop(one) for one in list(more) if one in BESIDE}
        usual = {"is_live": False, "is_active": True, "relay_count": 0, "is_online": True}
        names = {"device_id": 1, "device_uid": "a", "tenant_id": 1, "epoch": 0}
        known = {**names, **usual, "last_seen_at": now, "beside": Beside(**beside), **more}
        return SessionFacts(**known)

    def ago(seconds: float) -> Any:
        return now - timedelta(seconds=seconds)

    assert facts().wire_at(now) == ""
    assert facts(is_live=True, wire="websocket", polled_at=now).wire_at(now) == "websocket"
    assert facts(is_live=True, is_online=False).wire_at(now) == ""
    assert facts(greeter="c-1").wire_at(now) == "mqtt"
    assert facts(greeter="c-1", polled_at=ago(1)).wire_at(now) == "http"
    assert facts(greeter="c-1", polled_at=ago(36)).wire_at(now) == "mqtt"
    assert facts(polled_at=ago(100), poll_interval_s=60).wire_at(now) == "http"
    assert facts(polled_at=ago(151), poll_interval_s=60).wire_at(now) == ""
    relay, reboot = timedelta(seconds=30), timedelta(hours=1)
    polled = facts(polled_at=ago(10), poll_interval_s=60)
    assert not polled.is_reachable(relay, now=now)
    assert polled.is_reachable(reboot, now=now)
    assert facts(polled_at=ago(10), poll_interval_s=30).is_reachable(relay, now=now)


def test_who_listens_to_a_kind_of_topics_hears_each_of_them() -> None:
    hub, heard = realtime.Hub(), []
    hub.listen("device.", lambda topic, message: heard.append((topic, message["n"])))
    hub.deliver("device.7", {"n": 1})
    hub.deliver("tenant.7", {"n": 2})
    hub.unlisten("device.")
    hub.deliver("device.8", {"n": 3})
    assert heard == [("device.7", 1)]
