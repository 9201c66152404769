"""Signs of life: in the store at once, in the rows now and then, and nobody gone who is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import OperationalError

from devices import presence_store, selectors
from devices.presence_store.in_redis import RedisStore
from devices.services import editing, lateness, presence, presence_rows, signs_of_life, timeouts
from devices.types import DeviceChanges
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.devices.connections import at, told_of
from tests.factories.devices import Board, connected_device
from tests.kernel.threads import run_at_once
from tests.server_process import free_port

pytestmark = [pytest.mark.core, pytest.mark.django_db]
SILENCE = settings.OFFLINE_AFTER_SECONDS


@pytest.fixture
def live(owner: Actor) -> Board:
    return connected_device(owner, now=at(0))


@pytest.fixture
def signs() -> signs_of_life.SignsOfLife:
    return signs_of_life.current()


@pytest.fixture
def store_goes_away(
    monkeypatch: pytest.MonkeyPatch, signs: signs_of_life.SignsOfLife
) -> Callable[[], None]:
    """From its call on, the store is a Redis that nobody runs; nobody waits for it any more."""

    def go_away() -> None:
        away = RedisStore(f"redis://127.0.0.1:{free_port()}/0", shows_keys=False)
        monkeypatch.setattr(presence_store, "current", lambda: away)
        monkeypatch.setattr(signs, "_store", away)

    return go_away


def hear(signs: signs_of_life.SignsOfLife, board: Board, second: float) -> None:
    signs.note(board.device_id)
    signs.flush(at(second))


def row_seen(board: Board) -> float:
    seen = board.presence().last_seen_at
    assert seen is not None
    return (seen - at(0)).total_seconds()


def test_the_row_of_a_device_that_speaks_often_is_written_seldom(
    live: Board, signs: signs_of_life.SignsOfLife
) -> None:
    every = timeouts.noted_every(None)
    times = []
    for second in range(1, 61):
        hear(signs, live, second)
        times.append(row_seen(live))
    assert len(set(times)) == pytest.approx(60 / every, abs=1)
    assert all(second - time <= every for second, time in enumerate(times, 1))


def test_a_device_is_gone_when_it_was_silent_for_long_enough_not_when_its_row_was(
    live: Board, signs: signs_of_life.SignsOfLife
) -> None:
    hear(signs, live, 1)
    hear(signs, live, 9)
    assert row_seen(live) == 1
    assert presence.sweep(at(1 + SILENCE)) == 0
    # What the sweep has learned is in the row now: the next one does not ask for nothing.
    assert row_seen(live) == 9
    assert presence.sweep(at(9 + SILENCE - 0.01)) == 0
    assert presence.sweep(at(9 + SILENCE)) == 1
    assert not live.presence().is_online


def test_a_sweep_that_comes_late_writes_down_when_the_device_was_heard_last(
    live: Board, signs: signs_of_life.SignsOfLife
) -> None:
    hear(signs, live, 1)
    hear(signs, live, 9)
    assert presence.sweep(at(200)) == 1
    assert row_seen(live) == 9


def test_one_statement_of_the_batch_read_has_the_fresher_time(
    live: Board, owner: Actor, signs: signs_of_life.SignsOfLife
) -> None:
    hear(signs, live, 1)
    hear(signs, live, 9)
    (status,) = selectors.statuses(actor=owner, uids=[live.uid], now=at(10))
    assert (status.last_seen_at, row_seen(live)) == (at(9), 1)


def test_a_device_with_a_short_timeout_is_written_more_often(
    live: Board, owner: Actor, signs: signs_of_life.SignsOfLife
) -> None:
    editing.update_device(
        device_uid=live.uid, changes=DeviceChanges(offline_after_s=10), actor=owner, now=at(0)
    )
    for second in range(1, 30):
        hear(signs, live, second)
        assert row_seen(live) == second


def test_a_device_that_was_swept_is_back_with_its_first_sign(
    live: Board, signs: signs_of_life.SignsOfLife
) -> None:
    hear(signs, live, 1)
    presence.sweep(at(1 + SILENCE))
    hear(signs, live, 70)
    assert live.presence().is_online
    assert told_of(live)[-1] == ("CONNECTED", "heard_again")


def test_a_sign_from_before_its_end_brings_no_device_back(
    live: Board, signs: signs_of_life.SignsOfLife
) -> None:
    presence.sweep(at(SILENCE))
    presence.note_signs(signs={live.device_id: at(SILENCE - 5)})
    assert not live.presence().is_online


def test_a_store_that_was_emptied_takes_nobody_offline_who_speaks(
    live: Board, signs: signs_of_life.SignsOfLife
) -> None:
    """The rows alone must do for whoever keeps to a heartbeat."""
    beat = presence.heartbeat_seconds()
    for second in range(1, 6 * beat, beat):
        hear(signs, live, second)
        presence_store.current().forget_before(at(10_000).timestamp())
        assert presence.sweep(at(second + beat - 1)) == 0
    assert told_of(live) == [("CONNECTED", "session_opened")]


def test_while_the_store_is_away_every_sign_is_in_the_row(
    live: Board, signs: signs_of_life.SignsOfLife, store_goes_away: Callable[[], None]
) -> None:
    hear(signs, live, 1)
    store_goes_away()
    for second in range(2, 6):
        hear(signs, live, second)
        assert row_seen(live) == second


def test_what_only_the_store_knew_is_written_when_it_goes_away(
    live: Board, owner: Actor, signs: signs_of_life.SignsOfLife, store_goes_away: Callable[[], None]
) -> None:
    other = connected_device(owner, now=at(0))
    hear(signs, live, 1)
    hear(signs, live, 9)
    store_goes_away()
    hear(signs, other, 12)
    # With the time at which it was heard, not the one at which that was written.
    assert row_seen(live) == 9


def test_nobody_is_gone_before_everybody_knows_that_the_store_is_away(
    live: Board, store_goes_away: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_goes_away()
    assert presence.sweep(at(SILENCE)) == 0
    monkeypatch.setattr(lateness, "HOLD_SECONDS", 0.0)
    assert presence.sweep(at(SILENCE)) == 1


def test_the_batch_read_does_without_the_store(
    live: Board, owner: Actor, store_goes_away: Callable[[], None]
) -> None:
    store_goes_away()
    (status,) = selectors.statuses(actor=owner, uids=[live.uid], now=at(1))
    assert (status.connectivity, status.last_seen_at) == ("online", at(0))


def test_a_time_that_lies_ahead_keeps_nobody_online(live: Board) -> None:
    """A server with a wrong clock must not make its devices immortal."""
    presence_store.current().write([live.device_id], at(100_000).timestamp())
    assert presence.sweep(at(SILENCE)) == 1


def test_signs_that_could_not_be_written_keep_the_time_at_which_they_were_heard(
    live: Board, owner: Actor, signs: signs_of_life.SignsOfLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the database was away: who died meanwhile is not shown as just heard."""
    other = connected_device(owner, now=at(0))
    with monkeypatch.context() as broken:
        broken.setattr(presence, "note_signs", _fails)
        for second in (15, 20):
            with pytest.raises(OperationalError):
                hear(signs, live, second)
    hear(signs, other, 55)
    assert (row_seen(live), row_seen(other)) == (20, 55)


def _fails(**kwargs: object) -> None:
    raise OperationalError("the database is away")


@pytest.mark.production_only
@pytest.mark.django_db(transaction=True)
def test_signs_wait_for_no_row_that_another_transaction_holds(owner: Actor) -> None:
    """Whoever ends a life or changes a policy holds rows in an order of its own."""
    boards = [connected_device(owner, now=at(0)) for _ in range(3)]
    held, free = boards[1], (boards[0], boards[2])
    signs = {board.device_id: at(30) for board in boards}
    with unit_of_work():
        presence.mark_online(device_id=held.device_id, now=at(5))
        (fresh,) = run_at_once(1, lambda _: presence.note_signs(signs=signs))
        assert isinstance(fresh, dict)
        assert set(fresh) == {board.device_id for board in free}
    assert [row_seen(board) for board in boards] == [30, 5, 30]
    assert set(presence.note_signs(signs=signs)) == set(signs)
    assert row_seen(held) == 30


@pytest.mark.production_only
@pytest.mark.django_db(transaction=True)
def test_signs_and_ends_in_every_order_never_wait_for_each_other(owner: Actor) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(12)]
    keys = [board.device_id for board in boards]

    def work(number: int) -> int:
        for turn in range(15):
            now = at(1 + turn)
            if number % 2:
                presence.touch(device_ids=keys[::-1], now=now)
                continue
            with unit_of_work():
                # As a flush of mixed senders does: devices first, rows as they come.
                for key in keys[number % 4 :: 2]:
                    presence.mark_online(device_id=key, now=now)
        return number

    assert run_at_once(4, work) == [0, 1, 2, 3]


def test_many_rows_are_written_by_one_statement(owner: Actor) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(3)]
    signs = {board.device_id: at(10 + number) for number, board in enumerate(boards)}
    with unit_of_work():
        assert presence_rows.write(signs) == dict.fromkeys(signs)
        assert presence_rows.write(signs) == {}
    assert [row_seen(board) for board in boards] == [10, 11, 12]
    assert [board.presence().offline_due_at for board in boards] == [
        at(SILENCE + second) for second in (10, 11, 12)
    ]
