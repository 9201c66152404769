"""`manage.py mqtt_ingest` is killed at a named place; what it had not finished comes again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from django.db import connection

from telemetry.models import IngestProcess, SetAsidePayload
from tests.devicelink.household import Board
from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest, telemetry
from tests.devicelink.readings_over_http import stored
from tests.devicelink.serving import eventually
from tests.server_process import LOOPBACK, free_port
from tests.services import ROOT, with_database

pytestmark = [
    pytest.mark.mosquitto,
    # A process of its own cannot share the embedded database of a test.
    pytest.mark.production_only,
    pytest.mark.django_db(transaction=True),
]
START_SECONDS = 40.0


class Process:
    """One `manage.py mqtt_ingest` on the database of this test."""

    def __init__(self, broker: FieldBroker, failpoint: str = "") -> None:
        database = str(connection.settings_dict["NAME"])
        environment = {
            **os.environ,
            "DATABASE_URL": with_database(os.environ["DATABASE_URL"], database),
            "MQTT_URL": broker.url_of(broker.ingest),
            "HOMEPOT_FAILPOINT": failpoint,
        }
        command = [sys.executable, str(ROOT / "manage.py"), "mqtt_ingest"]
        self.metrics_port = free_port()
        self.process = subprocess.Popen(
            [*command, "--metrics-port", str(self.metrics_port)],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        eventually(self._is_connected, START_SECONDS)

    def _is_connected(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.end()[-4000:])
        return IngestProcess.objects.filter(is_connected=True).exists()

    def metrics(self) -> str:
        """What it tells Prometheus."""
        with urlopen(f"http://{LOOPBACK}:{self.metrics_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def end(self) -> str:
        """Kill it if it still runs; returns what it wrote."""
        self.process.kill()
        output, _ = self.process.communicate()
        return output.decode(errors="replace")


def started(broker: FieldBroker, failpoint: str = "") -> Iterator[Process]:
    process = Process(broker, failpoint)
    try:
        yield process
    finally:
        process.end()


@pytest.fixture
def doomed(request: Any, broker: FieldBroker, board: Board) -> Iterator[Process]:
    """An ingest that dies at the place the test names."""
    yield from started(broker, f"{request.param}:kill")


@pytest.fixture
def running(broker: FieldBroker, board: Board) -> Iterator[Process]:
    """An ingest that is well."""
    yield from started(broker)


@pytest.mark.parametrize(
    ("doomed", "left"),
    [("devicelink.readings.written", []), ("devicelink.readings.committed", [("b1", 1)])],
    indirect=["doomed"],
)
def test_a_kill_around_the_commit_loses_and_doubles_nothing(
    doomed: Process, left: list[Any], broker: FieldBroker, board: Board, settings: Any
) -> None:
    settings.MQTT_URL = broker.url_of(broker.ingest)
    with Field(broker) as field:
        field.publish(board.uid, "telemetry", telemetry(1))
        doomed.process.wait(20)
        assert field.acked(board.uid) == -1
        assert stored() == left
        with Ingest():
            # What was never acknowledged to it, the device sends again.
            field.publish(board.uid, "telemetry", telemetry(1))
            eventually(lambda: field.acked(board.uid) == 1)
    assert stored() == [("b1", 1)]


@pytest.mark.parametrize("doomed", ["devicelink.aside.committed"], indirect=True)
def test_poison_is_kept_before_it_is_acknowledged(
    doomed: Process, broker: FieldBroker, board: Board, settings: Any
) -> None:
    settings.MQTT_URL = broker.url_of(broker.ingest)
    with Field(broker) as field:
        field.publish(board.uid, "telemetry", b"{")
        doomed.process.wait(20)
        rows = SetAsidePayload.objects.unscoped("tests look at everything")
        assert list(rows.values_list("reason", "count")) == [("malformed", 1)]


def test_told_to_stop_it_signs_off_and_ends_well(
    running: Process, broker: FieldBroker, board: Board
) -> None:
    with Field(broker) as field:
        field.publish(board.uid, "telemetry", telemetry(1))
        eventually(lambda: field.acked(board.uid) == 1)
    # One for each channel that devices publish on, and one that tells them.
    eventually(lambda: "homepot_mqtt_connections 8.0" in running.metrics())
    shown = running.metrics()
    assert 'homepot_mqtt_messages_total{outcome="settled",type="telemetry"} 1.0' in shown
    running.process.terminate()
    assert running.process.wait(15) == 0
    assert IngestProcess.objects.count() == 0
