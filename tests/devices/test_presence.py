"""Presence: online by any traffic, offline by silence, each change told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from devices.services import presence, sessions
from kernel.actors import Actor
from kernel.models import LiveEvent
from tests.factories.devices import Board, connected_device, reconnected
from tests.factories.users import make_actor
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def silence(seconds: float = 0) -> datetime:
    return at(settings.OFFLINE_AFTER_SECONDS + seconds)


def told(board: Board) -> list[str]:
    """What browsers were told of the device's connectivity, in order."""
    events = LiveEvent.objects.filter(kind="presence").order_by("seq")
    return [
        event.payload["connectivity"]
        for event in events
        if event.payload["device_uid"] == board.uid
    ]


@pytest.fixture
def live(owner: Actor) -> Board:
    return connected_device(owner, now=START)


def test_a_silent_device_goes_offline_when_it_is_due_and_not_before(live: Board) -> None:
    assert presence.sweep(silence(-0.001)) == 0
    assert presence.sweep(silence()) == 1
    assert presence.sweep(silence(60)) == 0
    assert told(live) == ["online", "offline"]
    assert (live.session().is_live, live.session().close_reason) == (False, "silence")


def test_a_device_that_is_heard_is_never_offline(live: Board) -> None:
    for step in range(1, 20):
        presence.touch(device_ids=[live.device_id], now=at(step * 30))
        assert presence.sweep(at(step * 30 + 29)) == 0
    assert told(live) == ["online"]


def test_a_late_batch_of_signs_does_not_shorten_the_life(live: Board) -> None:
    presence.touch(device_ids=[live.device_id], now=at(50))
    presence.touch(device_ids=[live.device_id], now=at(10))
    assert live.presence().last_seen_at == at(50)
    assert presence.sweep(silence(10)) == 0


def test_a_device_taken_for_gone_comes_back_with_its_session(live: Board) -> None:
    presence.sweep(silence())
    presence.touch(device_ids=[live.device_id], now=silence(1))
    assert live.presence().is_online and live.session().is_live
    assert live.session().epoch == live.epoch
    assert told(live) == ["online", "offline", "online"]


def test_a_sign_of_life_does_not_revive_a_session_that_was_closed(live: Board) -> None:
    sessions.close_session(device_id=live.device_id, epoch=live.epoch, reason="gone", now=at(1))
    presence.touch(device_ids=[live.device_id], now=at(2))
    assert not live.presence().is_online
    assert told(live) == ["online", "offline"]


def test_the_end_of_an_old_session_does_not_touch_the_new_one(live: Board) -> None:
    current = reconnected(live, now=at(1))
    closed = sessions.close_session(
        device_id=live.device_id, epoch=live.epoch, reason="gone", now=at(2)
    )
    assert not closed
    assert current.presence().is_online and current.session().is_live
    assert told(live) == ["online"]


def test_a_start_of_the_only_process_ends_the_sessions_it_cannot_hold(live: Board) -> None:
    assert sessions.close_orphans(now=at(1)) == 1
    assert sessions.close_orphans(now=at(1)) == 0
    assert told(live) == ["online", "offline"]


def test_many_devices_go_in_one_sweep(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "SWEEP_CHUNK", 3)
    boards = [connected_device(owner, now=START) for _ in range(8)]
    assert presence.sweep(silence()) == 8
    assert [told(board) for board in boards] == [["online", "offline"]] * 8


@pytest.mark.django_db(transaction=True)
def test_eight_sweepers_at_once_tell_each_change_once() -> None:
    owner = make_actor()
    boards = [connected_device(owner, now=START) for _ in range(6)]
    swept = run_at_once(8, lambda _: presence.sweep(silence()))
    assert all(isinstance(count, int) for count in swept), swept
    assert sum(count for count in swept if isinstance(count, int)) == len(boards)
    assert [told(board) for board in boards] == [["online", "offline"]] * len(boards)


@pytest.mark.django_db(transaction=True)
def test_a_device_heard_while_it_is_swept_ends_up_online() -> None:
    live = connected_device(make_actor(), now=START)

    def act(number: int) -> object:
        if number % 2:
            return presence.touch(device_ids=[live.device_id], now=silence(1))
        return presence.sweep(silence())

    outcomes = run_at_once(8, act)
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert live.presence().is_online and live.session().is_live
    assert told(live) in (["online"], ["online", "offline", "online"])
