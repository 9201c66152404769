"""What the broker has is brought to what the rows say, and its file can be made from them."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devicelink.mqtt import accounts, broker, dynsec, repairs
from devicelink.mqtt.repairs import Found
from devices.models import BrokerAccount
from kernel.broker_accounts import digest_password, username_of
from tests.devicelink.household import Board
from tests.devicelink.mqtt.broker_clients import ROUTE, Login, api_of, is_let_in, login_of
from tests.services import ROOT, MosquittoServer

pytestmark = [pytest.mark.mosquitto, pytest.mark.django_db(transaction=True)]


def tell(server: MosquittoServer, *commands: dict[str, Any]) -> None:
    control = broker.control_at(server.url_of(server.admin))
    assert [answer.error for answer in control.tell(commands, within_s=5)] == [""] * len(commands)


def clients_of(server: MosquittoServer) -> dict[str, Any]:
    """Clients in the broker's own file."""
    content = json.loads(server.accounts_path.read_text(encoding="utf-8"))
    return {client["username"]: client for client in content["clients"]}


def test_a_broker_that_is_as_it_should_be_is_left_alone(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login = login_of(board)
    accounts.reconcile(timezone.now())
    before = mqtt_broker.accounts_path.stat().st_mtime_ns

    different = accounts.reconcile(timezone.now())

    assert (different.commands, different.missing) == ([], [])
    assert mqtt_broker.accounts_path.stat().st_mtime_ns == before
    assert is_let_in(mqtt_broker, login)


def test_a_stranger_named_like_a_device_goes_and_other_names_stay(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login = login_of(board)
    create = {"command": "createClient", "password": "x"}
    tell(
        mqtt_broker,
        create | {"username": "device-forged"},
        create | {"username": "home-assistant"},
        repairs.create_role("device-forged", dynsec.own_rules("forged")),
    )

    different = accounts.reconcile(timezone.now())

    assert "device-forged" in different.strangers
    assert not is_let_in(mqtt_broker, Login("device-forged", "x", "forged"))
    assert is_let_in(mqtt_broker, Login("home-assistant", "x", "anything"))
    assert is_let_in(mqtt_broker, login)
    assert accounts.compare().commands == []
    tell(mqtt_broker, repairs.delete_client("home-assistant"))


def test_rights_that_were_widened_at_the_broker_are_taken_back(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login_of(board)
    name = username_of(board.uid)
    wide = repairs.create_role(name, (dynsec.Rule("subscribePattern", "#"),))
    tell(
        mqtt_broker,
        wide | {"command": "modifyRole"},
        {"command": "modifyClient", "username": name, "clientid": "", "roles": []},
        {
            "command": "setDefaultACLAccess",
            "acls": [{"acltype": "subscribe", "allow": True}],
        },
        repairs.create_role(dynsec.DEVICE_ROLE, ()) | {"command": "modifyRole"},
    )

    accounts.reconcile(timezone.now())

    assert accounts.compare().commands == []
    client = clients_of(mqtt_broker)[name]
    assert client["clientid"] == board.uid
    assert [role["rolename"] for role in client["roles"]] == [dynsec.DEVICE_ROLE, name]


def test_the_role_of_a_removed_account_is_swept_away(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login_of(board)
    api_of(board).delete(ROUTE)
    assert accounts.keeper.wait(10.0)

    different = accounts.reconcile(timezone.now())

    assert {"command": "deleteRole", "rolename": username_of(board.uid)} in different.sweeping
    assert accounts.compare().sweeping == []


def test_an_account_the_broker_lost_is_noted_until_its_device_asks_again(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    lost = login_of(board)
    tell(mqtt_broker, repairs.delete_client(username_of(board.uid)))

    assert accounts.reconcile(timezone.now()).missing == [username_of(board.uid)]

    assert BrokerAccount.objects.get().lost_at is not None
    assert not is_let_in(mqtt_broker, lost)
    assert is_let_in(mqtt_broker, login_of(board))
    assert BrokerAccount.objects.get().lost_at is None
    assert accounts.compare().missing == []


def test_the_ingest_password_of_the_settings_is_brought_to_the_broker(
    mqtt_broker: MosquittoServer, settings: Any
) -> None:
    fresh = "another-password-of-the-server"
    old = mqtt_broker.passwords[mqtt_broker.ingest]
    settings.MQTT_URL = settings.MQTT_URL.replace(old, fresh)

    accounts.reconcile(timezone.now())

    assert is_let_in(mqtt_broker, Login(mqtt_broker.ingest, fresh, "any"))
    assert not is_let_in(mqtt_broker, Login(mqtt_broker.ingest, old, "any"))
    mqtt_broker.passwords[mqtt_broker.ingest] = fresh


def test_a_lost_file_is_made_again_from_the_rows_and_the_same_passwords_hold(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login = login_of(board)
    mqtt_broker.stop()
    mqtt_broker.accounts_path.unlink()

    call_command("mqtt_accounts", "--write", str(mqtt_broker.accounts_path))
    mqtt_broker.start()

    assert mqtt_broker.accounts_path.stat().st_mode & 0o777 == 0o600
    assert is_let_in(mqtt_broker, login)
    call_command("mqtt_accounts", "--check", stdout=io.StringIO())


def test_the_check_names_what_differs_and_changes_nothing(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login_of(board)
    accounts.reconcile(timezone.now())
    tell(mqtt_broker, {"command": "createClient", "username": "device-forged", "password": "x"})
    told = io.StringIO()

    with pytest.raises(CommandError):
        call_command("mqtt_accounts", "--check", stdout=told)

    assert "device-forged" in told.getvalue()
    assert "device-forged" in clients_of(mqtt_broker)
    accounts.reconcile(timezone.now())


def test_a_broker_made_by_the_first_start_script_becomes_the_same(
    mqtt_broker: MosquittoServer, settings: Any, tmp_path: Path
) -> None:
    """What deploy/mosquitto/first-start.sh makes and one reconciliation is what the tests run."""
    mqtt_broker.stop()
    kept = mqtt_broker.accounts_path.read_bytes()
    mqtt_broker.accounts_path.unlink()
    secret = tmp_path / "control-password"
    secret.write_text(mqtt_broker.passwords[mqtt_broker.admin] + "\n", encoding="utf-8")
    subprocess.run(
        ["sh", str(ROOT / "deploy" / "mosquitto" / "first-start.sh")],
        env={
            "PATH": os.environ["PATH"],
            "MQTT_ACCOUNTS": str(mqtt_broker.accounts_path),
            "MQTT_CONTROL_PASSWORD_FILE": str(secret),
        },
        check=True,
        capture_output=True,
        timeout=30,
    )
    mqtt_broker.start()

    accounts.reconcile(timezone.now())

    assert accounts.compare().commands == []
    ingest = Login(mqtt_broker.ingest, mqtt_broker.passwords[mqtt_broker.ingest], "any")
    assert is_let_in(mqtt_broker, ingest)
    assert set(clients_of(mqtt_broker)) == {mqtt_broker.admin, mqtt_broker.ingest}
    mqtt_broker.stop()
    mqtt_broker.accounts_path.write_bytes(kept)
    mqtt_broker.start()


def test_what_is_on_its_way_to_the_broker_is_no_stranger() -> None:
    found = Found.read(
        clients=[{"username": "device-A", "clientid": "A", "roles": []}], roles=[], access=[]
    )

    different = repairs.repairs(found=found, confirmed=[], living=["device-A"])

    assert different.strangers == []
    assert not [c for c in different.commands if c.get("username") == "device-A"]


def test_a_document_of_many_devices_gives_each_its_own_topics_only() -> None:
    digest = digest_password("x")
    content = json.loads(
        dynsec.document(dynsec.device_account(uid=uid, digest=digest) for uid in ("A", "B"))
    )

    roles = {role["rolename"]: role["acls"] for role in content["roles"]}
    assert {acl["topic"] for acl in roles["device-A"]} == {"homepot/v1/A/#"}
    assert content["defaultACLAccess"]["publishClientReceive"] is False
    assert [client["clientid"] for client in content["clients"]] == ["A", "B"]
