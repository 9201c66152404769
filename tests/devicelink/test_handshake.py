"""How a device gets in, and every way in which it does not."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from devicelink.websocket import policy
from devices.models import Device, DevicePresence
from devices.services import credentials, sessions
from tests.devicelink.household import Board, provision
from tests.devicelink.serving import LiveServer, eventually


def test_a_device_with_its_key_is_welcomed_and_online(server: LiveServer, board: Board) -> None:
    with server.device(board.uid, board.token) as device:
        welcome = device.hear()
        assert welcome["type"] == "welcome"
        assert welcome["session_epoch"] == 1
        assert welcome["heartbeat_s"] == 20
        assert board.session().is_live
    eventually(lambda: not board.session().is_live)
    assert board.session().close_reason == "connection_closed"


@pytest.mark.parametrize("path", ["/ws/device", "/ws/device/"])
def test_the_first_frame_may_bring_the_key(server: LiveServer, board: Board, path: str) -> None:
    with server.open(path) as device:
        device.say(type="auth", uid=board.uid, token=board.token)
        assert device.hear()["session_epoch"] == 1


def test_the_address_may_bring_the_key_where_that_is_switched_on(
    server: LiveServer, board: Board, settings: pytest.FixtureRequest
) -> None:
    path = f"/ws/device?uid={board.uid}&token={board.token}"
    with server.open(path) as device:
        assert device.hear()["code"] == "invalid_credentials"
        assert device.hear_close() == 4401
    settings.DEVICE_TOKEN_IN_QUERY = True  # type: ignore[attr-defined]
    with server.open(path) as device:
        assert device.hear()["type"] == "welcome"


def test_a_wrong_key_and_an_unknown_device_get_the_same_answer(
    server: LiveServer, board: Board
) -> None:
    for uid, token in ((board.uid, "wrong"), ("nobody", board.token)):
        with server.device(uid, token) as device:
            assert device.hear() == {
                "type": "error",
                "code": "invalid_credentials",
                "message": "The credentials are not valid.",
            }
            assert device.hear_close() == 4401


def test_half_a_pair_of_headers_is_refused(server: LiveServer, board: Board) -> None:
    headers = {"Authorization": f"Bearer {board.token}"}
    with server.open("/ws/device", additional_headers=headers) as device:
        assert device.hear_close() == 4401


def test_an_unpaired_device_is_told_so(server: LiveServer, board: Board) -> None:
    rows = Device.all_objects.unscoped("test")
    rows.filter(pk=board.device_id).update(
        is_active=False, pairing="unpaired", unpaired_at=timezone.now()
    )
    with server.device(board.uid, board.token) as device:
        assert device.hear_close() == 4403


def test_silence_before_the_credentials_ends_the_socket(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "AUTH_SECONDS", 0.2)
    with server.open("/ws/device") as device:
        assert device.hear()["code"] == "not_authenticated"
        assert device.hear_close() == 4408


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("nonsense", 4409),
        (b"\x00", 4409),
        ('{"type":"auth"}', 4409),
        ('{"type":"heartbeat"}', 4401),
        ("x" * 70_000, 4413),
    ],
)
def test_a_first_frame_that_is_no_auth_ends_the_socket(
    server: LiveServer, frame: str | bytes, code: int
) -> None:
    with server.open("/ws/device") as device:
        device.say_raw(frame)
        assert device.hear()["type"] == "error"
        assert device.hear_close() == code


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1"])
def test_no_page_of_any_origin_may_speak_as_a_device(
    server: LiveServer, board: Board, origin: str
) -> None:
    headers = {"Authorization": f"Bearer {board.token}", "X-Device-ID": board.uid}
    with pytest.raises(InvalidStatus) as refused:
        server.open("/ws/device", additional_headers=headers, origin=origin)
    assert refused.value.response.status_code == 403


def test_plain_sockets_from_afar_are_refused_where_https_is_enforced(
    server: LiveServer, board: Board, settings: pytest.FixtureRequest
) -> None:
    settings.ENFORCE_HTTPS = True  # type: ignore[attr-defined]
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]  # type: ignore[attr-defined]
    headers = {
        "Authorization": f"Bearer {board.token}",
        "X-Device-ID": board.uid,
        "X-Forwarded-For": "203.0.113.9",
    }
    with pytest.raises(InvalidStatus):
        server.open("/ws/device", additional_headers={**headers, "X-Forwarded-Proto": "http"})
    secure = {**headers, "X-Forwarded-Proto": "https"}
    with server.open("/ws/device", additional_headers=secure) as device:
        assert device.hear()["type"] == "welcome"
    assert board.session().address == "203.0.113.9"


def test_an_unknown_socket_address_closes_with_4404(server: LiveServer) -> None:
    for path in ("/ws/nothing", "/", "/ws/device/x"):
        with server.open(path) as peer:
            assert peer.hear_close() == 4404


def test_guessing_is_slowed_down_while_the_right_key_still_opens(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "FAILED_LOGINS_PER_MINUTE", 3)
    codes = []
    for _ in range(8):
        with server.device(board.uid, "wrong") as device:
            codes.append(device.hear_close())
    # Eight tries meet at most one turn of the minute.
    assert codes.count(4401) <= 6
    assert 4429 in codes
    with server.device(board.uid, board.token) as device:
        assert device.hear()["type"] == "welcome"


def test_a_full_server_asks_to_come_back_later(
    server: LiveServer, board: Board, settings: pytest.FixtureRequest
) -> None:
    settings.MAX_DEVICE_SOCKETS = 1  # type: ignore[attr-defined]
    with server.device(board.uid, board.token) as device:
        device.hear("welcome")
        other = provision()
        with server.device(other.uid, other.token) as late:
            error = late.hear()
            assert error["code"] == "unavailable"
            assert 5 <= error["retry_after"] <= 30
            assert late.hear_close() == 1013


def test_strangers_who_say_nothing_do_not_keep_devices_out(
    server: LiveServer, board: Board
) -> None:
    strangers = [server.open("/ws/device") for _ in range(64)]
    with server.open("/ws/device") as one_too_many:
        assert one_too_many.hear_close() == 1013
    with server.device(board.uid, board.token) as device:
        assert device.hear()["type"] == "welcome"
    for stranger in strangers:
        stranger.connection.close()


@pytest.mark.parametrize(
    "place", [(credentials, "authenticate_device"), (sessions, "open_session")]
)
def test_a_database_that_is_away_is_no_wrong_key(
    server: LiveServer, board: Board, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]
) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(*place, fail)
    with server.device(board.uid, board.token) as device:
        assert device.hear()["retry_after"] == 5
        assert device.hear_close() == 1013


def test_the_welcome_gives_the_heartbeat_of_the_devices_own_time(
    server: LiveServer, board: Board
) -> None:
    DevicePresence.objects.filter(device_id=board.device_id).update(offline_after_s=90)
    with server.device(board.uid, board.token) as device:
        assert device.hear()["heartbeat_s"] == 30
