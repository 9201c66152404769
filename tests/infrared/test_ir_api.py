"""Infrared codes over HTTP."""

from __future__ import annotations

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import DeviceCapability
from devices.services import sessions
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, connected_device

pytestmark = pytest.mark.django_db
PRONTO = "0000 006D 0002 0000 0156 00AC 0016 0689"


@pytest.fixture
def board(owner: Actor) -> Board:
    """An infrared hub of the owner's that is connected."""
    made = connected_device(owner)
    rows = DeviceCapability.objects.unscoped("tests look at everything")
    rows.filter(device_id=made.device_id).update(name="infrared")
    return made


@pytest.mark.parametrize("door", ["", "customer/"])
def test_a_code_is_kept_shown_changed_and_forgotten(
    api: APIClient, board: Board, door: str
) -> None:
    codes = f"/api/v1/{door}devices/{board.uid}/ir-codes"
    made = api.post(codes, {"name": "TV on", "pronto": PRONTO}, format="json")
    assert made.status_code == 201
    shown = made.json()
    assert (shown["pronto"], shown["timings"][0], shown["length"]) == (PRONTO, 8993, 4)
    code = f"{codes}/{shown['id']}"
    assert api.get(code).json() == shown
    listed = api.get(codes).json()["items"]
    assert listed == [{name: shown[name] for name in listed[0]}]
    assert "timings" not in listed[0]
    taken = api.post(codes, {"name": "TV on", "pronto": PRONTO}, format="json")
    assert_refused(taken, 409, "ir_code_exists")
    changed = api.patch(code, {"frequency_hz": 36_000, "timings": [889, 889]}, format="json").json()
    assert (changed["name"], changed["timings"]) == ("TV on", [889, 889])
    assert api.delete(code).status_code == 204
    assert api.get(code).status_code == 404


def test_a_wrong_signal_is_pointed_at(api: APIClient, board: Board) -> None:
    codes = f"/api/v1/devices/{board.uid}/ir-codes"
    raw = {"name": "TV", "frequency_hz": 38_000, "timings": [560, "x"]}
    wrong = api.post(codes, raw, format="json")
    assert list(assert_refused(wrong, 400, "validation_error")) == ["/timings/1"]
    wrong = api.post(codes, {"name": "TV", "pronto": "0100 006D 0001"}, format="json")
    assert assert_refused(wrong, 400, "validation_error") == {
        "/pronto": ["Word 1: 0100 is a signal without a carrier, and devices transmit with one."]
    }


@pytest.mark.parametrize("door", ["", "customer/"])
def test_learning_and_sending_are_commands(api: APIClient, board: Board, door: str) -> None:
    codes = f"/api/v1/{door}devices/{board.uid}/ir-codes"
    asked = api.post(f"{codes}/learn", {"name": "TV on", "wait": 0}, format="json")
    assert asked.status_code == 202
    assert asked["Location"] == f"/api/v1/commands/{asked.json()['id']}"
    assert (asked.json()["kind"], asked.json()["payload"]) == (
        "ir_learn",
        {"name": "TV on", "timeout_s": 30},
    )
    made = api.post(codes, {"name": "TV", "pronto": PRONTO, "repeat": 2}, format="json").json()
    sent = api.post(f"{codes}/{made['id']}/transmit", {"wait": 0}, format="json")
    assert (sent.status_code, sent.json()["payload"]["repeat"]) == (202, 2)
    again = api.post(f"{codes}/{made['id']}/transmit", {"wait": 0, "repeat": 3}, format="json")
    assert again.json()["payload"]["timings"] == made["timings"]
    for rest, body in (
        ("/learn", {"name": "TV", "timeout_s": 4}),
        (f"/{made['id']}/transmit", {"repeat": 21}),
    ):
        assert_refused(api.post(f"{codes}{rest}", body, format="json"), 400, "validation_error")


def test_a_device_that_is_away_learns_nothing(api: APIClient, owner: Actor, board: Board) -> None:

    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason="gone", now=timezone.now()
    )
    codes = f"/api/v1/devices/{board.uid}/ir-codes"
    asked = api.post(f"{codes}/learn", {"name": "TV on", "wait": 0}, format="json")
    assert_refused(asked, 409, "device_offline")
