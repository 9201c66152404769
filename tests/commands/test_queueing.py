"""Writing commands into the ledger and handing them to the device."""

from __future__ import annotations

import pytest

from commands.models import CommandEvent
from commands.services import sweeping
from devices.errors import DeviceOffline, SessionFenced
from devices.services import presence, sessions
from kernel.actors import Actor
from kernel.errors import NotFound, ValidationFailed
from relays.errors import NoSuchRelay
from relays.services import switching
from tests.commands import ledger
from tests.commands.ledger import START, answer, at, commands_of, pull, row_of
from tests.factories.devices import Board, make_device, reconnected, switch
from tests.factories.users import make_actor, tenant_of

pytestmark = pytest.mark.core


def test_a_command_is_in_the_ledger_before_it_is_on_the_wire(owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True, now=START)
    assert row_of(asked.id).state == "queued"
    handed = pull(board, at(1))
    assert [message.command_id for message in handed] == [asked.id]
    assert ledger.moves_of(asked.id) == [("queued", ""), ("sent", "over:websocket:1")]
    assert pull(board, at(2)) == []


@pytest.mark.parametrize("how", ["never connected", "closed", "silent"])
def test_nothing_is_written_for_a_device_that_is_not_there(
    owner: Actor, board: Board, how: str
) -> None:
    if how == "never connected":
        board = make_device(owner, now=START)
    elif how == "closed":
        sessions.close_session(
            device_id=board.device_id, epoch=board.epoch, reason="gone", now=START
        )
    else:
        assert presence.sweep(at(3600)) == 1
    events, kinds = CommandEvent.objects.count(), ledger.live_kinds(tenant_of(owner))
    with pytest.raises(DeviceOffline) as refused:
        switch(owner, board, 0, True, now=at(3601))
    assert refused.value.details["device_uid"] == board.uid
    assert commands_of(board) == []
    assert CommandEvent.objects.count() == events
    assert ledger.live_kinds(tenant_of(owner)) == kinds


def test_a_stranger_cannot_tell_the_device_from_a_missing_one(board: Board) -> None:
    stranger = make_actor()
    with pytest.raises(NotFound) as foreign:
        switch(stranger, board, 0, True)
    with pytest.raises(NotFound) as missing:
        switching.switch_relay(
            device_uid="nobody", relay_index=0, is_on=True, actor=stranger, now=START
        )
    assert foreign.value.message == missing.value.message
    assert commands_of(board) == []


def test_a_relay_the_board_does_not_have_is_refused(owner: Actor, board: Board) -> None:
    with pytest.raises(NoSuchRelay):
        switch(owner, board, 4, True, now=START)


@pytest.mark.parametrize(("is_on", "toggle"), [(None, False), (True, True)])
def test_a_switch_wants_a_position_or_a_toggle(
    owner: Actor, board: Board, is_on: bool | None, toggle: bool
) -> None:
    with pytest.raises(ValidationFailed):
        switching.switch_relay(
            device_uid=board.uid, relay_index=0, is_on=is_on, toggle=toggle, actor=owner, now=START
        )


def test_a_newer_wish_supersedes_the_one_that_waits(owner: Actor, board: Board) -> None:
    on_its_way = switch(owner, board, 0, True, now=START)
    pull(board, START)
    waiting = switch(owner, board, 0, False, now=at(1))
    newest = switch(owner, board, 0, True, now=at(2))
    assert row_of(on_its_way.id).state == "sent"
    assert row_of(waiting.id).state == "superseded"
    assert row_of(waiting.id).reason == f"superseded_by:{newest.id}"
    assert row_of(newest.id).state == "queued"


def test_a_relay_has_one_command_on_its_way_and_the_next_follows_its_answer(
    owner: Actor, board: Board
) -> None:
    first = switch(owner, board, 0, True, now=START)
    pull(board, START)
    second = switch(owner, board, 0, False, now=at(1))
    other = switch(owner, board, 1, True, now=at(1))
    assert [message.command_id for message in pull(board, at(1))] == [other.id]
    answer(board, first.id, at(2), (0, True))
    assert [message.command_id for message in pull(board, at(2))] == [second.id]


def test_all_relays_and_one_relay_wait_for_each_other(owner: Actor, board: Board) -> None:
    one = switch(owner, board, 0, True, now=START)
    pull(board, START)
    everything = switching.switch_all(device_uid=board.uid, is_on=False, actor=owner, now=at(1))
    after = switch(owner, board, 2, True, now=at(2))
    assert pull(board, at(2)) == []
    answer(board, one.id, at(3), (0, True))
    assert [message.command_id for message in pull(board, at(3))] == [everything.id]
    assert pull(board, at(3)) == []
    answer(board, everything.id, at(4), *((index, False) for index in range(4)))
    assert [message.command_id for message in pull(board, at(4))] == [after.id]
    assert board.positions() == [False] * 4


def test_a_toggle_is_resolved_once_against_what_will_be(owner: Actor, board: Board) -> None:
    def toggled() -> bool:
        command = switching.switch_relay(
            device_uid=board.uid, relay_index=0, is_on=None, toggle=True, actor=owner, now=START
        )
        return bool(command.payload["is_on"])

    assert [toggled(), toggled(), toggled()] == [True, False, True]


def test_unanswered_commands_come_again_under_their_old_ids(owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True, now=START)
    pull(board, START)
    again = reconnected(board, now=at(1))
    assert [message.command_id for message in pull(again, at(1), reconnect=True)] == [asked.id]
    assert pull(again, at(2), reconnect=True) == []
    assert len(commands_of(board)) == 1


def test_what_has_expired_is_not_sent_again(owner: Actor, board: Board) -> None:
    switch(owner, board, 0, True, now=START)
    pull(board, START)
    again = reconnected(board, now=at(31))
    assert pull(again, at(31), reconnect=True) == []


def test_an_older_wish_does_not_come_again_after_a_newer_one(owner: Actor, board: Board) -> None:
    """The device may never have got the first: it must not run it after the second."""
    lost = switch(owner, board, 0, True, now=START)
    pull(board, START)
    sweeping.sweep(at(11))
    assert row_of(lost.id).state == "timed_out"
    newer = switch(owner, board, 0, False, now=at(12))
    pull(board, at(12))
    answer(board, newer.id, at(13), (0, False))
    again = reconnected(board, now=at(14))
    assert pull(again, at(14), reconnect=True) == []


def test_an_older_wish_does_not_come_again_beside_a_newer_one(owner: Actor, board: Board) -> None:
    switch(owner, board, 0, True, now=START)
    pull(board, START)
    sweeping.sweep(at(11))
    newer = switch(owner, board, 0, False, now=at(12))
    again = reconnected(board, now=at(13))
    assert [message.command_id for message in pull(again, at(13), reconnect=True)] == [newer.id]


def test_a_replaced_session_is_handed_nothing(owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True, now=START)
    reconnected(board, now=at(1))
    with pytest.raises(SessionFenced):
        pull(board, at(2))
    assert row_of(asked.id).state == "queued"


def test_the_cause_of_a_command_is_a_chain_that_does_not_grow_for_ever(
    owner: Actor, board: Board
) -> None:
    led_to_it = [{"kind": "system", "id": f"rule-{n}", "label": "", "via": "x"} for n in range(20)]
    command = switching.switch_relay(
        device_uid=board.uid, relay_index=0, is_on=True, cause=led_to_it, actor=owner, now=START
    )
    assert command.cause[-1] == owner.as_cause()
    assert command.cause[-2]["id"] == "rule-19"
    assert len(command.cause) == 8
