"""Rotation of a device's key, as its sockets live through it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.services import rotation
from tests.devicelink.household import Board, Resident
from tests.devicelink.serving import LiveServer, Peer

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


def rotate(board: Board, resident: Resident, *, grace_seconds: int) -> str:
    return rotation.rotate_token(
        device_uid=board.uid,
        grace_seconds=grace_seconds,
        actor=resident.actor,
        now=timezone.now(),
    ).api_key


def open_with(server: LiveServer, **headers: str) -> Peer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.open("/ws/device", additional_headers=named)


def test_the_key_may_come_as_over_http(server: LiveServer, board: Board) -> None:
    with open_with(server, X_Device_ID=board.uid, X_API_Key=board.token) as device:
        assert device.hear()["type"] == "welcome"


def test_two_keys_or_half_a_pair_are_refused(server: LiveServer, board: Board) -> None:
    bearer = f"Bearer {board.token}"
    for headers in (
        {"X_API_Key": board.token},
        {"X_Device_ID": board.uid},
        {"X_Device_ID": board.uid, "X_API_Key": board.token, "Authorization": bearer},
        {"X_Device_ID": board.uid, "Authorization": f"Basic {board.token}"},
    ):
        with open_with(server, **headers) as device:
            assert device.hear()["code"] == "invalid_credentials"
            assert device.hear_close() == 4401


def test_a_rotation_leaves_the_open_socket_alone_until_the_new_key_is_used(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as old:
        old.hear("welcome")
        key = rotate(board, resident, grace_seconds=3600)
        old.hear_nothing(for_s=0.6)
        with server.device(board.uid, key) as new:
            new.hear("welcome")
            assert old.hear_close() == 4001
            # Supervised several times meanwhile: it stands on a key that is good.
            new.hear_nothing(for_s=0.6)


def test_a_socket_on_an_old_key_closes_when_its_grace_ends(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    key = rotate(board, resident, grace_seconds=60)
    with server.device(board.uid, key) as new:
        new.hear("welcome")
    with server.device(board.uid, board.token) as old:
        old.hear("welcome")
        old.hear_nothing(for_s=0.6)
        assert rotation.sweep(timezone.now() + timedelta(seconds=61)) == 1
        assert old.hear_close(timeout_s=5) == 4401
    with server.device(board.uid, key) as new:
        assert new.hear()["type"] == "welcome"


def test_revoking_now_closes_the_socket_at_once(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with server.device(board.uid, board.token) as old:
        old.hear("welcome")
        rotation.rotate_token(
            device_uid=board.uid, revoke_old="now", actor=resident.actor, now=timezone.now()
        )
        assert old.hear_close(timeout_s=5) == 4401
