"""An unpaired device is gone from every socket within a second, and nothing it says counts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from audit.models import AuditEntry
from commands.models import Command
from devicelink import inbound
from devicelink.inbound import Pull
from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival
from devicelink.websocket import supervisor
from devices.errors import DeviceUnpaired
from devices.models import DeviceEvent
from devices.services import releasing, unpairing
from edge.protocol import messages
from relays import selectors as relay_selectors
from telemetry.models import Reading
from tests.devicelink.household import Board, Resident, install, provision, switch
from tests.devicelink.serving import LiveServer, Peer, eventually

# What counts for the sockets of an unpaired device, with and without a hint.
GONE_WITHIN_S = 1.0


@pytest.fixture
def hints(request: pytest.FixtureRequest) -> None:
    """Lets hints get through, or loses every one."""
    if request.param == "are_lost":
        request.getfixturevalue("no_hints")


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    """A server as in production but for the slow supervision, which may not be what helps."""
    with LiveServer(supervise_s=60) as live_server:
        yield live_server


def enter(server: LiveServer, board: Board) -> Peer:
    device = server.device(board.uid, board.token)
    device.hear("welcome")
    return device


def unpair(resident: Resident, board: Board) -> float:
    """Unpair, and the moment it was done."""
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    return time.monotonic()


@pytest.mark.parametrize("hints", ["arrive", "are_lost"], indirect=True)
def test_the_socket_closes_with_4403_within_a_second(
    server: LiveServer, resident: Resident, hints: None
) -> None:
    for _ in range(3):
        board = install(resident)
        with enter(server, board) as device:
            done = unpair(resident, board)
            assert device.hear_close(timeout_s=5) == 4403
            assert time.monotonic() - done < GONE_WITHIN_S
        assert (board.session().is_live, board.session().close_reason) == (False, "unpaired")


@pytest.mark.parametrize("hints", ["arrive", "are_lost"], indirect=True)
def test_a_released_device_is_sent_to_enrol_again(
    server: LiveServer, resident: Resident, board: Board, hints: None
) -> None:
    with enter(server, board) as device:
        releasing.release_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
        done = time.monotonic()
        assert device.hear_close(timeout_s=5) == 4403
        assert time.monotonic() - done < GONE_WITHIN_S


@pytest.mark.usefixtures("no_hints")
def test_a_clock_that_is_ten_seconds_late_keeps_no_socket_open(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with enter(server, board) as device:
        late = timezone.now() - timedelta(seconds=10)
        unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=late)
        done = time.monotonic()
        assert device.hear_close(timeout_s=5) == 4403
        assert time.monotonic() - done < GONE_WITHIN_S


@pytest.mark.usefixtures("no_hints")
def test_a_look_that_failed_is_made_up_for_by_the_next(
    server: LiveServer, resident: Resident, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, failures = supervisor._ended_since, iter([True, False])

    def fail_once(moment: datetime) -> set[int]:
        if next(failures, False):
            raise OperationalError("away")
        return look(moment)

    with enter(server, board) as device:
        monkeypatch.setattr(supervisor, "_ended_since", fail_once)
        unpair(resident, board)
        assert device.hear_close(timeout_s=5) == 4403


def test_the_former_key_is_answered_with_4403_each_time(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    unpair(resident, board)
    for _ in range(3):
        with server.device(board.uid, board.token) as device:
            assert device.hear("error")["code"] == "device_unpaired"
            assert device.hear_close() == 4403


def test_the_sockets_of_others_stay_open(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with enter(server, install(resident)) as other:
        unpair(resident, board)
        other.hear_nothing(for_s=1.2)


@pytest.mark.usefixtures("no_hints")
def test_nothing_the_former_life_says_is_handled(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with enter(server, board) as device:
        asked = switch(resident, board, 0, True)
        unpair(resident, board)
        with contextlib.suppress(ConnectionClosed):
            device.say(type="telemetry", boot_id="b", seq=1, metrics={"a": 1})
            device.say(type="ack", command_id=asked.id, status="succeeded")
            device.say(type="input_event", input_index=0, kind="press", event_id="e")
        assert device.hear_close(timeout_s=5) == 4403
    said: list[messages.UpMessage] = [
        messages.StateReport(relays=(messages.RelayReading(0, True),)),
        messages.InputEvent(input_index=0, kind="press", event_id="f"),
        messages.Ack(asked.id, messages.AckStatus.SUCCEEDED),
    ]
    telemetry = messages.Telemetry("b", (messages.Reading(2, None, {"a": 1.0}),))
    for epoch in (1, 2, 3):
        sender = board.held(epoch, resident.tenant_id)
        (verdict,) = flushing.store([Arrival(sender=sender, telemetry=telemetry, size=1)])
        assert isinstance(verdict, DeviceUnpaired)
        for message in said:
            outcome = inbound.handle(
                sender=sender, said=[message], pull=Pull.QUEUED, now=timezone.now()
            )
            assert isinstance(outcome.ending, DeviceUnpaired)
            assert outcome.replies == []
    assert relay_selectors.known_position(device_id=board.device_id, relay_index=0) is None
    assert DeviceEvent.objects.unscoped("test").count() == 0
    assert Reading.objects.unscoped("test").count() == 0
    command = Command.objects.unscoped("test").get(uid=asked.id)
    # The socket's first pull may have come for it before the end.
    assert command.state in {"cancelled", "timed_out"}
    assert command.reason == "device_unpaired"
    assert command.finished_at is not None


def test_the_end_of_an_open_session_is_in_the_audit_once(
    server: LiveServer, resident: Resident, board: Board
) -> None:
    with enter(server, board) as device:
        unpair(resident, board)
        assert device.hear_close(timeout_s=5) == 4403
    eventually(lambda: not board.session().is_live)
    entries = AuditEntry.objects.unscoped("test").filter(target_id=board.uid)
    (entry,) = entries.filter(action="devices.device.unpaired")
    assert entry.before is not None
    assert entry.before["session"]["is_live"] is True
    assert entry.before["connectivity"]["is_online"] is True


def test_hardware_comes_back_with_a_new_key_while_the_old_socket_closes(
    server: LiveServer, resident: Resident
) -> None:
    board = install(resident, "hardware")
    with enter(server, board) as old:
        unpair(resident, board)
        again = provision("hardware")
        with enter(server, again) as device:
            assert old.hear_close(timeout_s=5) == 4403
            device.say(type="telemetry", boot_id="b", seq=1, metrics={"a": 1})
            assert device.hear("telemetry_ack")["acked_seq"] == 1
            device.hear_nothing(for_s=1.0)
