"""What each channel is told, and what it is not."""

from __future__ import annotations

from typing import Any

import pytest

from devices.models import DevicePresence
from devices.services import flapping, maintenance, outages, unpairing
from kernel.actors import Actor
from notifications.models import Change, Channel
from notifications.services import channels
from notifications.types import ChannelWish
from tests.devices.connections import at
from tests.factories.devices import Board, connected_device, make_device
from tests.notifications.telling import (
    at_site,
    back,
    changes,
    fresh,
    lose,
    make_webhook,
    notices,
    sweep,
    tick,
    told,
)

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def board(owner: Actor) -> Board:
    """A connected device."""
    return connected_device(owner, now=at(0))


def test_a_device_that_stays_away_is_told_of_and_so_is_its_return(
    webhook: Channel, board: Board
) -> None:
    lose(board, 100)
    assert (tick(159), tick(189)) == (0, 0)
    assert tick(190) == 1
    back(board, 500)
    tick(501)
    assert tick(531) == 1
    assert told(webhook) == [["offline"], ["online"]]


def test_a_device_that_is_soon_back_is_never_told_of(webhook: Channel, board: Board) -> None:
    lose(board, 100)
    tick(101)
    back(board, 150)
    tick(151)
    tick(400)
    assert told(webhook) == []
    assert notices(webhook) == [("offline", "withdrawn", "came_back")]


def test_it_is_not_told_of_either_if_both_are_looked_at_together(
    webhook: Channel, board: Board
) -> None:
    lose(board, 100)
    back(board, 150)
    tick(400)
    assert told(webhook) == []


def test_an_absence_that_is_over_when_its_time_comes_is_not_told(
    webhook: Channel, board: Board
) -> None:
    lose(board, 100)
    tick(101)
    DevicePresence.objects.filter(pk=board.device_id).update(
        is_online=True, last_seen_at=at(180), offline_due_at=at(240)
    )
    tick(190)
    assert notices(webhook) == [("offline", "withdrawn", "not_so_any_more")]


def test_changes_within_the_window_go_into_one_message(owner: Actor, webhook: Channel) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(3)]
    for number, board in enumerate(boards):
        lose(board, 100 + 10 * number)
    assert (tick(189), tick(190)) == (0, 1)
    assert told(webhook) == [["offline"] * 3]


def test_later_changes_do_not_put_the_window_off(owner: Actor, webhook: Channel) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(3)]
    for board, moment in zip(boards, (100, 129, 131), strict=True):
        lose(board, moment)
    tick(190)
    assert told(webhook) == [["offline", "offline"]]


def test_a_device_that_flaps_is_told_of_once_until_it_is_calm(
    webhook: Channel, board: Board
) -> None:
    for number in range(20):
        lose(board, 100 + 10 * number)
        back(board, 105 + 10 * number)
        tick(106 + 10 * number)
    for moment in (400, 600):
        tick(moment)
    assert told(webhook) == [["flapping"]]
    flapping.settle(at(1000))
    tick(1000)
    tick(1040)
    assert told(webhook) == [["flapping"], ["flapping_ended"]]


def test_who_did_not_ask_for_flapping_hears_how_it_ended(owner: Actor, board: Board) -> None:
    channel = make_webhook(owner, topics=["offline"])
    for number in range(10):
        lose(board, 100 + 10 * number)
        back(board, 105 + 10 * number)
    lose(board, 200)
    tick(210)
    tick(300)
    assert told(channel) == []
    flapping.settle(at(900))
    tick(900)
    tick(1000)
    assert told(channel) == [["offline"]]


def test_an_outage_of_a_site_is_one_notice_and_its_devices_none(
    owner: Actor, webhook: Channel
) -> None:
    boards = at_site(owner, "store", 5)
    for board in boards:
        lose(board, 100)
    tick(101)
    assert outages.sweep(at(103)) == 1
    tick(104)
    tick(300)
    assert told(webhook) == [["site_outage"]]
    for board in boards[:4]:
        back(board, 400)
    outages.sweep(at(401))
    tick(402)
    tick(432)
    assert told(webhook) == [["site_outage"], ["site_outage_ended"]]
    # The one that stayed away is told by itself now that the outage is over.
    tick(500)
    assert told(webhook)[2:] == [["offline"]]


def test_a_device_lost_during_the_outage_stands_behind_it_too(
    owner: Actor, webhook: Channel
) -> None:
    boards = at_site(owner, "store", 5)
    for board in boards[:4]:
        lose(board, 100)
    outages.sweep(at(103))
    tick(104)
    lose(boards[4], 110)
    tick(300)
    assert told(webhook) == [["site_outage"]]


def test_a_short_outage_is_never_told(owner: Actor, webhook: Channel) -> None:
    boards = at_site(owner, "store", 5)
    for board in boards:
        lose(board, 100)
    outages.sweep(at(103))
    tick(104)
    for board in boards:
        back(board, 120)
    outages.sweep(at(121))
    tick(122)
    tick(400)
    assert told(webhook) == []


def test_maintenance_holds_a_notice_back_until_it_is_over(
    owner: Actor, webhook: Channel, board: Board
) -> None:
    maintenance.create_window(
        starts_at=at(0), ends_at=at(1000), device_uid=board.uid, actor=owner, now=at(0)
    )
    lose(board, 100)
    for moment in (101, 190, 900):
        tick(moment)
    assert told(webhook) == []
    tick(1001)
    tick(1031)
    assert told(webhook) == [["offline"]]


def test_a_device_that_is_back_before_maintenance_ends_is_never_told_of(
    owner: Actor, webhook: Channel, board: Board
) -> None:
    maintenance.create_window(starts_at=at(0), ends_at=at(1000), actor=owner, now=at(0))
    lose(board, 100)
    tick(200)
    back(board, 500)
    tick(1100)
    assert told(webhook) == []


def test_a_restart_of_ours_gives_devices_time_to_come_back(webhook: Channel, board: Board) -> None:
    lose(board, 100, reason="server_restart")
    tick(195)
    assert told(webhook) == []
    tick(250)
    assert told(webhook) == [["offline"]]


def test_the_end_of_a_life_is_no_loss(owner: Actor, webhook: Channel, board: Board) -> None:
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(100))
    tick(300)
    assert notices(webhook) == []


def test_a_device_that_is_let_go_meanwhile_is_not_told_of(
    owner: Actor, webhook: Channel, board: Board
) -> None:
    lose(board, 100)
    tick(101)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(120))
    tick(300)
    assert notices(webhook) == [("offline", "withdrawn", "not_so_any_more")]


def test_quiet_hours_put_everything_into_one_message_afterwards(owner: Actor, board: Board) -> None:
    # The test's time begins at noon.
    channel = make_webhook(owner, quiet_hours={"from": "11:00", "to": "13:00", "time_zone": "UTC"})
    other = connected_device(owner, now=at(0))
    lose(board, 100)
    lose(other, 600)
    for moment in (200, 700, 3000):
        tick(moment)
    assert told(channel) == []
    tick(3601)
    assert told(channel) == [["offline", "offline"]]


def test_what_waited_for_more_than_a_day_is_not_told(owner: Actor, board: Board) -> None:
    channel = make_webhook(owner, quiet_hours={"from": "11:00", "to": "10:59", "time_zone": "UTC"})
    lose(board, 100)
    tick(200)
    tick(86_300)
    assert notices(channel) == [("offline", "waiting", "")]
    tick(86_700)
    assert notices(channel) == [("offline", "withdrawn", "too_late")]


@pytest.mark.parametrize(
    ("wish", "is_told"),
    [
        ({"device_classes": ["relay_controller"]}, True),
        ({"device_classes": ["server"]}, False),
        ({"topics": ["online"]}, False),
        ({"topics": ["offline"]}, True),
    ],
)
def test_a_channel_hears_what_it_asked_for(
    owner: Actor, board: Board, wish: dict[str, Any], is_told: bool
) -> None:
    channel = make_webhook(owner, **wish)
    lose(board, 100)
    tick(190)
    assert bool(told(channel)) is is_told


def test_who_asks_for_returns_only_hears_of_those_from_a_real_absence(
    owner: Actor, board: Board
) -> None:
    channel = make_webhook(owner, topics=["online"])
    lose(board, 100)
    tick(101)
    back(board, 130)
    tick(200)
    assert told(channel) == []
    lose(board, 300)
    tick(301)
    tick(400)
    back(board, 500)
    tick(501)
    tick(531)
    assert told(channel) == [["online"]]


def test_a_channel_that_cannot_be_bundled_keeps_no_other_waiting(
    owner: Actor, webhook: Channel, board: Board
) -> None:
    broken = make_webhook(owner)
    gone = {"from": "22:00", "to": "06:00", "time_zone": "Mars/Olympus"}
    rows = Channel.objects.unscoped("a time zone that is known no more")
    # The first to be looked at.
    rows.filter(pk=broken.pk).update(quiet_hours=gone, after_s=0)
    lose(board, 100)
    tick(190)
    assert (told(broken), told(webhook)) == ([], [["offline"]])


def test_a_change_that_cannot_be_told_of_keeps_no_other_waiting(
    webhook: Channel, board: Board
) -> None:
    lose(board, 100)
    change = Change.objects.unscoped("what a newer version may write").earliest("pk")
    change.pk, change.kind = change.pk - 1, "of_tomorrow"
    change.save(force_insert=True)
    tick(190)
    assert (changes(), told(webhook)) == (0, [["offline"]])


def test_a_paused_channel_hears_nothing_and_starts_afresh(
    owner: Actor, webhook: Channel, board: Board
) -> None:
    lose(board, 100)
    tick(101)
    _pause(owner, webhook, True)
    tick(190)
    back(board, 300)
    _pause(owner, webhook, False)
    lose(board, 400)
    tick(401)
    tick(490)
    assert told(webhook) == [["offline"]]


def test_what_happens_to_nobody_who_listens_leaves_no_row(board: Board) -> None:
    lose(board, 100)
    assert changes() == 0


def test_the_intent_is_a_row_of_the_transaction_of_the_change(
    webhook: Channel, board: Board, django_capture_on_commit_callbacks: Any
) -> None:
    tick(1)
    assert changes() == 0
    # Nothing that runs after COMMIT is run: as if the process had died there.
    with django_capture_on_commit_callbacks(execute=False):
        lose(board, 100)
    assert changes() == 1
    tick(190)
    assert told(webhook) == [["offline"]]


def test_a_change_that_is_rolled_back_is_not_told(
    monkeypatch: pytest.MonkeyPatch, webhook: Channel, board: Board
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("after the intent was written")

    tick(1)
    monkeypatch.setattr("devices.services.announcing.show_all", fail)
    with pytest.raises(RuntimeError):
        lose(board, 100)
    assert changes() == 0
    assert fresh(webhook).state == "active"


def test_a_sweep_tells_of_each_device_once_however_often_it_is_planned(
    owner: Actor, webhook: Channel
) -> None:
    for _ in range(4):
        connected_device(owner, now=at(0))
    tick(1)
    assert changes() == 0
    sweep(200)
    sweep(202)
    # What happened to many in the same moment is one row.
    assert changes() == 1
    for moment in (203, 204, 300, 301, 400):
        tick(moment)
    assert told(webhook) == [["offline"] * 4]


def test_a_device_that_was_never_there_is_not_told_of(owner: Actor, webhook: Channel) -> None:
    board = make_device(owner)
    back(board, 100)
    tick(200)
    assert told(webhook) == []


def _pause(owner: Actor, channel: Channel, is_paused: bool) -> None:
    channels.update_channel(
        channel_uid=channel.uid, wish=ChannelWish(is_paused=is_paused), actor=owner, now=at(120)
    )
