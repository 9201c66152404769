"""The same queue over three wires: what is handed out, when once more, and when never again."""

from __future__ import annotations

import pytest

from commands import selectors
from commands.services import sweeping
from devices.errors import DeviceUnpaired
from devices.services import unpairing
from edge.protocol.messages import AckStatus
from kernel.actors import Actor
from relays.services import switching
from tests.commands import ledger
from tests.commands.ledger import START, answer, ask, at, hung_up, ids, poll, pull, row_of
from tests.factories.devices import Board, make_device, reconnected, switch

pytestmark = pytest.mark.core
ACCEPTED = AckStatus.ACCEPTED


@pytest.fixture
def poller(owner: Actor) -> Board:
    """A device that has no socket."""
    return make_device(owner, now=START)


def test_a_fetched_command_is_leased_and_fetched_again_only_when_the_lease_is_over(
    owner: Actor, poller: Board
) -> None:
    asked = ask(owner, poller, "reboot", START)
    assert ids(poll(poller, at(1))) == [asked]
    row = row_of(asked)
    assert (row.state, row.wire, row.session_epoch, row.sends) == ("sent", "http", None, 1)
    assert row.timeout_at is not None
    assert poll(poller, at(2)) == []
    sweeping.sweep(row.timeout_at)
    assert ids(poll(poller, row.timeout_at)) == [asked]
    assert row_of(asked).sends == 2
    assert ledger.moves_of(asked)[-1] == ("timed_out", "sent_again:http")
    # While the second answer is due it is not handed out a third time.
    assert poll(poller, row.timeout_at) == []


def test_what_is_never_answered_is_handed_out_as_often_as_its_kind_says(
    owner: Actor, poller: Board
) -> None:
    asked = ask(owner, poller, "custom.spin", START, lane="")
    handed = []
    for minute in range(30):
        handed += ids(poll(poller, at(60 * minute)))
        sweeping.sweep(at(60 * minute + 59))
    assert handed == [asked] * 3
    assert row_of(asked).timeout_at is None
    assert selectors.devices_with_queued([poller.device_id]) == set()
    # A new connection is a new chance: it may have been the connection.
    assert ids(poll(poller, at(1801), wire="mqtt", greets=True)) == [asked]


def test_over_a_live_socket_silence_is_followed_by_the_same_command_again(
    owner: Actor, board: Board
) -> None:
    asked = switch(owner, board, 0, True, now=START)
    pull(board, START)
    assert pull(board, at(9)) == []
    sweeping.sweep(at(10))
    assert selectors.devices_with_queued([board.device_id]) == {board.device_id}
    assert ids(pull(board, at(10))) == [asked.id]
    assert answer(board, asked.id, at(11), (0, True))
    assert row_of(asked.id).state == "succeeded"


def test_nothing_is_handed_out_elsewhere_while_a_socket_is_live(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", START)
    assert poll(board, at(1)) == []
    assert poll(board, at(1), wire="mqtt", greets=True) == []
    assert ids(pull(board, at(1))) == [asked]


def test_a_device_that_changes_wire_gets_what_it_never_answered_once_more(
    owner: Actor, board: Board
) -> None:
    asked = ask(owner, board, "reboot", START)
    assert ids(pull(board, START)) == [asked]
    without = hung_up(board, at(1))
    assert ids(poll(without, at(2))) == [asked]
    assert poll(without, at(3)) == []
    assert answer(without, asked, at(4))
    again = reconnected(board, now=at(5))
    assert pull(again, at(5), reconnect=True) == []
    assert row_of(asked).state == "succeeded"


def test_a_device_that_changes_wire_does_not_get_again_what_it_has_begun(
    owner: Actor, board: Board
) -> None:
    asked = ask(owner, board, "run_diagnostics", START)
    pull(board, START)
    answer(board, asked, at(1), status=ACCEPTED)
    without = hung_up(board, at(2))
    assert poll(without, at(3)) == []
    assert poll(without, at(3), wire="mqtt", greets=True) == []
    # Over the wire it was begun on, a new connection asks what has become of it.
    again = reconnected(board, now=at(4))
    assert ids(pull(again, at(4), reconnect=True)) == [asked]


def test_a_greeting_over_mqtt_hands_out_what_the_last_connection_left(
    owner: Actor, poller: Board
) -> None:
    asked = ask(owner, poller, "reboot", START)
    assert ids(poll(poller, at(1), wire="mqtt")) == [asked]
    assert poll(poller, at(2), wire="http") == []
    assert ids(poll(poller, at(3), wire="mqtt", greets=True)) == [asked]


def test_a_short_hand_out_keeps_the_order(owner: Actor, poller: Board) -> None:
    asked = [ask(owner, poller, "custom.step", at(n), lane="") for n in range(5)]
    assert ids(poll(poller, at(9), limit=2)) == asked[:2]
    assert ids(poll(poller, at(9), limit=2)) == asked[2:4]
    sweeping.sweep(at(100))
    assert ids(poll(poller, at(100), limit=3)) == asked[:3]
    assert ids(poll(poller, at(100), limit=3)) == [asked[3], asked[4]]


def test_in_a_lane_that_keeps_its_order_the_lost_one_comes_first(
    owner: Actor, poller: Board
) -> None:
    lost = ask(owner, poller, "reboot", START)
    second = ask(owner, poller, "run_diagnostics", START)
    assert ids(poll(poller, START)) == [lost]
    sweeping.sweep(at(60))
    assert ids(poll(poller, at(60))) == [lost]
    assert poll(poller, at(61)) == []
    answer(hung_up(poller, at(61)), lost, at(62))
    assert ids(poll(poller, at(62))) == [second]


def test_a_lost_wish_for_all_relays_does_not_hold_up_a_newer_one(
    owner: Actor, board: Board
) -> None:
    lost = switching.switch_all(device_uid=board.uid, is_on=True, actor=owner, now=START)
    pull(board, START)
    sweeping.sweep(at(10))
    newer = switch(owner, board, 0, False, now=at(11))
    assert ids(pull(board, at(11))) == [newer.id]
    assert row_of(lost.id).timeout_at is None


def test_what_the_device_may_have_forgotten_does_not_come_again(owner: Actor, board: Board) -> None:
    """Its ring holds 64: after as many others it would do the first ones a second time."""
    asked = [ask(owner, board, "custom.step", START, lane="") for _ in range(40)]
    assert ids(pull(board, START)) == asked
    again = reconnected(board, now=at(1))
    assert ids(pull(again, at(1), reconnect=True)) == asked[8:]


def test_a_kind_that_nobody_knows_any_more_stops_nothing(owner: Actor, poller: Board) -> None:
    old = ask(owner, poller, "reboot", START, lane="")
    type(row_of(old)).objects.unscoped("a row of another release").filter(uid=old).update(
        kind="of_a_later_release"
    )
    known = ask(owner, poller, "reboot", START)
    assert ids(poll(poller, START)) == [known]
    sweeping.sweep(at(3600))
    assert row_of(old).state == "expired"


def test_who_is_unpaired_is_handed_nothing(owner: Actor, poller: Board) -> None:
    ask(owner, poller, "reboot", START)
    unpairing.unpair_device(device_uid=poller.uid, actor=owner, now=at(1))
    with pytest.raises(DeviceUnpaired):
        poll(poller, at(2))


def test_what_comes_by_the_way_settles_the_command_and_is_not_taken_for_news(
    owner: Actor, board: Board
) -> None:
    """An answer over HTTP while a socket is live: its number is not one of the socket's."""
    asked = switch(owner, board, 0, True, now=START)
    pull(board, START)
    assert answer(replace_epoch(board), asked.id, at(1), (0, True), state_seq=99)
    assert row_of(asked.id).state == "succeeded"
    assert board.positions() == [None] * 4
    ledger.report(board, [True] * 4, at(2), state_seq=0)
    assert board.positions() == [True] * 4


def replace_epoch(board: Board) -> Board:
    """The device as it speaks without a session."""
    return Board(board.device_id, board.uid, board.token, board.claim_code, None)  # type: ignore[arg-type]


def test_a_device_that_forgets_is_not_restarted_each_time_it_comes(
    owner: Actor, board: Board
) -> None:
    asked = ask(owner, board, "reboot", START)
    handed = ids(pull(board, START))
    for second in range(1, 9):
        board = reconnected(board, now=at(second))
        handed += ids(pull(board, at(second), reconnect=True))
    assert handed == [asked] * 5
    assert row_of(asked).state == "sent"


def test_a_device_that_comes_and_goes_fills_no_history(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "custom.spin", START, lane="")
    pull(board, START)
    for second in range(1, 60):
        board = reconnected(board, now=at(second))
        assert ids(pull(board, at(second), reconnect=True)) == [asked]
    assert row_of(asked).sends == 60
    assert len(ledger.moves_of(asked)) == 51


def test_one_that_cannot_be_put_into_words_keeps_no_other_from_the_device(
    owner: Actor, board: Board
) -> None:
    odd = ask(owner, board, "set_relay", START, lane="")
    asked = ask(owner, board, "run_diagnostics", START)
    assert ids(pull(board, at(1))) == [asked]
    assert row_of(odd).state == "sent"
