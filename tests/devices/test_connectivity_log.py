"""The connectivity log: each beginning and end of a contact, once, whatever happens."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction

from devices.models import DeviceConnection, DevicePresence
from devices.services import claiming, connectivity, erasing, presence, sessions, unpairing
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.devices.connections import at, frames, heard_events, lines_of, told_of
from tests.factories.devices import Board, connected_device, make_device, provision, reconnected
from tests.factories.users import make_actor
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def live(owner: Actor) -> Board:
    return connected_device(owner, now=at(0))


def close(board: Board, reason: str, seconds: float) -> bool:
    return sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason=reason, now=at(seconds)
    )


def silent(seconds: float = 0) -> float:
    return settings.OFFLINE_AFTER_SECONDS + seconds


def test_a_session_leaves_its_beginning_and_its_end(live: Board) -> None:
    assert close(live, "connection_closed", 12.5)
    begun, ended = lines_of(live)
    assert (begun.kind, begun.reason, begun.session_epoch) == ("CONNECTED", "session_opened", 1)
    assert (ended.kind, ended.reason, ended.session_epoch) == (
        "DISCONNECTED",
        "connection_closed",
        1,
    )
    assert (ended.wire, ended.at, ended.duration_s) == ("websocket", at(12.5), 12.5)
    assert begun.tenant_id == ended.tenant_id == live.row().tenant_id


def test_a_close_that_is_tried_again_leaves_no_second_line(live: Board) -> None:
    assert close(live, "connection_closed", 1)
    assert not close(live, "connection_closed", 2)
    assert len(told_of(live)) == 2


def test_a_newer_session_ends_the_older_contact_without_a_change_of_presence(live: Board) -> None:
    told = len(frames("presence"))
    newer = reconnected(live, now=at(5))
    assert told_of(live) == [
        ("CONNECTED", "session_opened"),
        ("DISCONNECTED", "superseded"),
        ("CONNECTED", "took_over"),
    ]
    assert [line.session_epoch for line in lines_of(live)] == [1, 1, newer.epoch]
    assert len(frames("presence")) == told


def test_silence_and_the_return_of_the_same_session_are_two_contacts(live: Board) -> None:
    presence.sweep(at(silent()))
    presence.touch(device_ids=[live.device_id], now=at(silent(5)))
    presence.sweep(at(2 * silent(5)))
    assert told_of(live) == [
        ("CONNECTED", "session_opened"),
        ("DISCONNECTED", "silence"),
        ("CONNECTED", "heard_again"),
        ("DISCONNECTED", "silence"),
    ]
    assert [line.contact for line in lines_of(live)] == [1, 1, 2, 2]
    assert {line.session_epoch for line in lines_of(live)} == {live.epoch}
    assert lines_of(live)[1].duration_s == pytest.approx(silent(), abs=0.01)


def test_a_device_over_http_has_contacts_without_sessions(owner: Actor) -> None:
    board = make_device(owner, now=at(0))
    for seconds in (0, 30):
        with unit_of_work():
            presence.mark_online(device_id=board.device_id, now=at(seconds))
    presence.sweep(at(30 + silent()))
    begun, ended = lines_of(board)
    assert (begun.reason, begun.wire, begun.session_epoch) == ("heard", "http", None)
    assert (ended.reason, ended.wire, ended.session_epoch) == ("silence", "http", None)


def test_the_end_of_a_life_ends_its_contact(owner: Actor, live: Board) -> None:
    unpairing.unpair_device(device_uid=live.uid, actor=owner, now=at(9))
    assert told_of(live)[-1] == ("DISCONNECTED", "unpaired")
    assert lines_of(live)[-1].duration_s == pytest.approx(9, abs=0.01)
    unpairing.unpair_device(device_uid=live.uid, actor=owner, now=at(10))
    assert len(told_of(live)) == 2


def test_a_restart_of_the_server_is_called_so_on_both_sides(live: Board) -> None:
    sessions.close_orphans(now=at(3))
    reconnected(live, now=at(8))
    assert told_of(live)[1:] == [("DISCONNECTED", "server_restart"), ("CONNECTED", "after_restart")]


def test_what_was_logged_before_a_claim_goes_to_the_first_owner(owner: Actor) -> None:
    made = provision(now=at(0))
    sessions.open_session(device_id=made.device_id, address="192.0.2.9", now=at(0))
    assert made.claim_code
    claiming.claim_device(code=made.claim_code, actor=owner, now=at(1))
    lines = DeviceConnection.objects.visible_to(owner)
    assert [line.address for line in lines] == ["192.0.2.9"]


def test_the_database_itself_takes_no_line_twice(live: Board) -> None:
    (line,) = lines_of(live)
    line.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        line.save(force_insert=True)
    # What sweeps write in bulk passes over a line that is there.
    lines = DeviceConnection.objects.unscoped("tests look at everything")
    line.pk, line.kind, line.reason = None, "DISCONNECTED", "somebody else was quicker"
    line.save(force_insert=True)
    presence.sweep(at(silent()))
    assert lines.filter(kind="DISCONNECTED").count() == 1


def test_each_change_is_one_line_one_event_and_one_frame(
    owner: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    with heard_events(django_capture_on_commit_callbacks) as heard:
        boards = [connected_device(owner, now=at(0)) for _ in range(3)]
        presence.sweep(at(silent()))
    assert sorted(event.device_id for event in heard) == sorted(
        2 * [board.device_id for board in boards]
    )
    assert len(frames("presence")) == 6
    assert all(len(told_of(board)) == 2 for board in boards)


def test_many_of_a_tenant_are_told_in_one_frame(
    owner: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(11)]
    other = connected_device(make_actor(), now=at(0))
    with heard_events(django_capture_on_commit_callbacks) as heard:
        assert presence.sweep(at(silent())) == 12
    (frame,) = frames("presence_changed")
    assert frame["connectivity"] == "offline"
    assert sorted(frame["devices"]) == sorted(board.uid for board in boards)
    went = [told for told in frames("presence") if told["connectivity"] == "offline"]
    assert [told["device_uid"] for told in went] == [other.uid]
    assert len(heard) == 12


def test_sockets_that_break_together_are_told_in_one_frame(owner: Actor) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(11)]
    with unit_of_work():
        for board in boards:
            close(board, "connection_closed", 5)
    (frame,) = frames("presence_changed")
    assert sorted(frame["devices"]) == sorted(board.uid for board in boards)
    assert all(told_of(board)[-1] == ("DISCONNECTED", "connection_closed") for board in boards)


def test_what_was_online_before_there_was_a_log_begins_in_it(live: Board, owner: Actor) -> None:
    offline, never = connected_device(owner, now=at(1)), make_device(owner)
    close(offline, "gone", 2)
    DeviceConnection.objects.unscoped("as before the log").all().delete()
    DevicePresence.objects.update(contact=0, contact_at=None, changed_at=None, known_since=None)
    import_module("devices.migrations.0005_connectivity").begin_log(apps, None)
    assert told_of(live) == [("CONNECTED", "log_began")]
    assert told_of(offline) == told_of(never) == []
    close(live, "connection_closed", 30)
    assert lines_of(live)[-1].duration_s == 30
    known = [board.presence().known_since for board in (live, offline, never)]
    assert known == [at(0), at(1), None]


@pytest.mark.django_db(transaction=True)
def test_eight_sweepers_and_retries_at_once_log_each_end_once() -> None:
    owner = make_actor()
    boards = [connected_device(owner, now=at(0)) for _ in range(6)]

    def act(number: int) -> object:
        if number % 4 == 3:
            return [close(board, "connection_closed", silent()) for board in boards]
        return presence.sweep(at(silent()))

    outcomes = run_at_once(8, act)
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for board in boards:
        assert [kind for kind, _ in told_of(board)] == ["CONNECTED", "DISCONNECTED"]


def test_lines_are_kept_for_400_days_and_go_in_pieces(live: Board) -> None:
    for step in range(1, 4):
        live = reconnected(live, now=at(step))
    assert connectivity.forget_old(at(3) + timedelta(days=400), chunk=2) == 5
    assert connectivity.forget_old(at(3) + timedelta(days=400), chunk=2) == 0
    assert [line.at for line in lines_of(live)] == [at(3), at(3)]


def test_an_erasure_takes_the_addresses_and_leaves_the_times(owner: Actor) -> None:
    board = make_device(owner)
    sessions.open_session(device_id=board.device_id, address="192.0.2.77", now=at(0))
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(1))
    assert [line.address for line in lines_of(board)] == ["192.0.2.77"] * 2
    erasure = erasing.request_erasure(device_uid=board.uid, actor=owner, now=at(2))
    while erasing.run_erasures(at(3)):
        pass
    erasure.refresh_from_db()
    assert erasure.report is not None
    assert erasure.report["erased"]["connections"] == {"addresses_emptied": 2}
    assert [(line.address, line.at) for line in lines_of(board)] == [("", at(0)), ("", at(1))]
