"""Devices prove themselves over HTTP, and each call is a sign of life."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device
from devices.services import contacts, credentials, presence, rotation, unpairing
from kernel.actors import Actor
from kernel.errors import InvalidCredentials
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device, provision

pytestmark = [pytest.mark.core, pytest.mark.django_db]
SELF = "/api/v1/devices/self"


def call(uid: str, key: str, *, address: str = "192.0.2.50", **headers: str) -> Any:
    shown = {"X-Device-ID": uid, "X-API-Key": key} | headers
    wanted = {name: value for name, value in shown.items() if value}
    return APIClient().get(SELF, headers=wanted, REMOTE_ADDR=address)


def test_a_device_learns_who_it_is(board: Board) -> None:
    answer = call(board.uid, board.token)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told.pop("server_time") and told["credential"].pop("created_at")
    assert told == {
        "uid": board.uid,
        "device_id": "",
        "name": "",
        "pairing": "paired",
        "site": None,
        "epoch": 1,
        "heartbeat_s": presence.heartbeat_seconds(),
        "credential": {
            "state": "current",
            "rotation_started_at": None,
            "old_key_retires_at": None,
        },
    }


def test_a_device_that_nobody_has_claimed_learns_so() -> None:
    made = provision()
    assert call(made.device_uid, made.device_token).json()["pairing"] == "unclaimed"


def test_the_key_may_come_as_on_the_socket(board: Board) -> None:
    answer = call(board.uid, "", Authorization=f"Bearer {board.token}")
    assert answer.json()["uid"] == board.uid


def test_a_device_may_go_by_what_its_site_calls_it(board: Board) -> None:
    Device.objects.unscoped("test").filter(pk=board.device_id).update(device_id="till-1")
    answer = call("till-1", board.token)
    assert (answer.json()["uid"], answer.json()["device_id"]) == (board.uid, "till-1")


def test_the_first_call_with_a_new_key_proves_it(owner: Actor, board: Board) -> None:
    new = rotation.rotate_token(device_uid=board.uid, actor=owner, now=timezone.now()).api_key
    assert call(board.uid, board.token).json()["credential"]["state"] == "rotation_pending"
    assert call(board.uid, new).json()["credential"]["state"] == "old_key_in_use"


def test_every_wrong_pair_gets_the_same_answer(owner: Actor, board: Board) -> None:
    other = make_device(owner)
    bodies = []
    for uid, key in (
        (board.uid, "wrong"),
        (board.uid, other.token),
        ("unknown", board.token),
        ("unknown", "wrong"),
        (board.uid, ""),
        ("", board.token),
    ):
        answer = call(uid, key)
        assert_refused(answer, 401, "invalid_credentials")
        bodies.append({**answer.json(), "request_id": ""})
    assert all(body == bodies[0] for body in bodies)
    both = call(board.uid, board.token, Authorization=f"Bearer {board.token}")
    assert_refused(both, 401, "invalid_credentials")


def test_no_credentials_at_all_are_asked_for() -> None:
    assert_refused(call("", ""), 401, "not_authenticated")


def test_people_are_no_devices(api: APIClient) -> None:
    assert_refused(api.get(SELF), 401, "invalid_credentials")


def test_a_device_key_opens_no_route_of_people(board: Board) -> None:
    headers = {"X-Device-ID": board.uid, "X-API-Key": board.token}
    answer = APIClient().get(f"/api/v1/devices/{board.uid}", headers=headers)
    assert_refused(answer, 401, "not_authenticated")


def test_only_the_holder_of_the_former_key_learns_that_the_device_was_unpaired(
    owner: Actor, board: Board
) -> None:
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    assert_refused(call(board.uid, board.token), 401, "device_unpaired")
    assert_refused(call(board.uid, "wrong"), 401, "invalid_credentials")


def test_guessing_is_slowed_down_while_the_right_key_still_opens(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = timezone.now().replace(second=1)
    monkeypatch.setattr(timezone, "now", lambda: noon)
    for _ in range(30):
        assert_refused(call(board.uid, "wrong"), 401, "invalid_credentials")
    refused = call(board.uid, "wrong")
    assert_refused(refused, 429, "rate_limited")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert call(board.uid, board.token).status_code == 200
    assert_refused(call(board.uid, "wrong", address="192.0.2.51"), 401, "invalid_credentials")


def contact(board: Board, now: datetime) -> None:
    contacts.admit_device(device_uid=board.uid, key=board.token, address=None, now=now)


def test_a_call_brings_the_device_online_and_silence_takes_it_off(board: Board) -> None:
    start = timezone.now()
    contact(board, start)
    assert board.presence().is_online and board.presence().last_seen_at == start
    assert not board.session().is_live
    silence = timedelta(seconds=settings.OFFLINE_AFTER_SECONDS)
    contact(board, start + silence / 2)
    assert presence.sweep(start + silence) == 0
    assert presence.sweep(start + silence * 3 / 2) == 1
    assert not board.presence().is_online
    contact(board, start + silence * 2)
    assert board.presence().is_online


def test_calls_in_quick_succession_write_nothing(board: Board) -> None:
    start = timezone.now()
    contact(board, start)
    with CaptureQueriesContext(connection) as captured:
        contact(board, start + timedelta(seconds=1))
    assert len(captured) == 1, [query["sql"] for query in captured]
    contact(board, start + timedelta(seconds=6))
    assert board.presence().last_seen_at == start + timedelta(seconds=6)


def test_a_void_key_is_refused_although_it_was_remembered(owner: Actor, board: Board) -> None:
    assert call(board.uid, board.token).status_code == 200
    credentials.revoke_credential(device_uid=board.uid, actor=owner, now=timezone.now())
    assert_refused(call(board.uid, board.token), 401, "invalid_credentials")


def test_a_device_that_comes_back_costs_one_query_and_less_than_a_millisecond(
    owner: Actor,
) -> None:
    boards = [make_device(owner) for _ in range(20)]

    def connect_all() -> None:
        for board in boards:
            credentials.authenticate_device(
                device_uid=board.uid, token=board.token, now=timezone.now()
            )

    connect_all()
    with CaptureQueriesContext(connection) as captured:
        connect_all()
    assert len(captured) == len(boards)
    spent = min(_cpu(connect_all) for _ in range(5))
    assert spent / len(boards) < 0.001


def _cpu(work: Any) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


@pytest.mark.parametrize("key", ["x" * 10_000, "\x7f", "k\xe9y"])
def test_any_other_key_is_wrong(board: Board, key: str) -> None:
    with pytest.raises(InvalidCredentials):
        contacts.admit_device(
            device_uid=board.uid, key=key, address="192.0.2.52", now=timezone.now()
        )
