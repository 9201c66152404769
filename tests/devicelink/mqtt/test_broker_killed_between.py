"""The process that unpaired a device is killed before it could tell the broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from devicelink.mqtt import accounts
from devices.models import Device
from tests.devicelink.household import Board
from tests.devicelink.mqtt.broker_clients import is_let_in, login_of, standing
from tests.services import ROOT, MosquittoServer, with_database

pytestmark = [pytest.mark.mosquitto, pytest.mark.core, pytest.mark.django_db(transaction=True)]

_UNPAIR = """
import sys, time
import django
django.setup()
from django.utils import timezone
from devices.choices import LifeEnd
from devices.services import unpairing
from kernel import row_security
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
with row_security.platform_scope("tests"), unit_of_work():
    unpairing.end_life(device_id=int(sys.argv[1]), reason=LifeEnd.UNPAIRED,
                       actor=Actor.system("tests"), now=timezone.now())
time.sleep(30)
"""


def run_and_die(board: Board, broker: MosquittoServer, folder: Path) -> int:
    """Unpair the device in a process that dies when it is about to tell the broker."""
    name = str(connection.settings_dict["NAME"])
    environment = os.environ | broker.environment()
    environment |= {"HOMEPOT_FAILPOINT": "mqtt.account.removal:kill", "PYTHONPATH": str(ROOT)}
    if connection.vendor == "sqlite":
        # The child finds the test's database where it looks for its own.
        (folder / "homepot.sqlite3").symlink_to(name)
        environment["HOMEPOT_DATA_DIR"] = str(folder)
    else:
        environment["DATABASE_URL"] = with_database(os.environ["DATABASE_URL"], name)
    done = subprocess.run(
        [sys.executable, "-c", _UNPAIR, str(board.device_id)],
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode


def test_the_job_of_another_process_throws_the_device_out(
    mqtt_broker: MosquittoServer, board: Board, tmp_path: Path
) -> None:
    login = login_of(board)

    assert run_and_die(board, mqtt_broker, tmp_path) == -signal.SIGKILL

    assert not Device.all_objects.unscoped("the test's own").get(pk=board.device_id).is_active
    assert is_let_in(mqtt_broker, login)
    removed, is_out = standing(mqtt_broker, login, lambda: accounts.remove_due(timezone.now()))
    assert (removed, is_out) == (1, True)
    assert not is_let_in(mqtt_broker, login)
