"""The ledger against a model device, through any sequence of wishes, losses and delays.

The device is true to the protocol: it keeps its ring, numbers its words, and its relays are the
truth. Between it and the services lie queues whose frames come late, twice, or never.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from commands import lanes
from commands.errors import CommandFinished
from commands.models import Command
from commands.services import cancelling, delivery, results, sweeping
from devices.errors import DeviceOffline, SessionFenced
from devices.services import presence, sessions
from edge.protocol import duties
from edge.protocol.duties import CommandRing, Decision
from edge.protocol.messages import Ack, AckStatus, Cancel, StateReport
from kernel.actors import Actor
from relays.services import reporting, switching
from tests.commands.ledger import START, commands_of
from tests.factories.devices import Board, connected_device, reconnected
from tests.factories.users import make_actor
from tests.rounds import rounds

RELAYS = 2
INDEX = st.integers(0, RELAYS - 1)


@dataclass(frozen=True)
class Said:
    """A frame of the device that is on its way up."""

    epoch: int | None
    message: Ack | StateReport


class Ledger(RuleBasedStateMachine):
    """Everything that can happen between an owner, the ledger and one device."""

    owner: ClassVar[Actor]
    stranger: ClassVar[Board]

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = START
        self.board = connected_device(self.owner, relay_count=RELAYS, now=self.now)
        self.relays: tuple[bool, ...] = (False,) * RELAYS
        self.ring = CommandRing()
        self.is_connected = True
        self.state_seq = 0
        self.down: list[Any] = []
        self.up: list[Said] = []
        self.handed: set[str] = set()
        self.believed: list[bool | None] = [None] * RELAYS
        self.believed_seq = -1
        self.ended: dict[str, tuple[Any, ...]] = {}
        self.ran: list[str] = []

    # The owner

    @rule(index=INDEX, is_on=st.booleans())
    def wish_for_one(self, index: int, is_on: bool) -> None:
        self._wish(relay_index=index, is_on=is_on, call=switching.switch_relay)

    @rule(is_on=st.booleans())
    def wish_for_all(self, is_on: bool) -> None:
        self._wish(is_on=is_on, call=switching.switch_all)

    def _wish(self, *, call: Any, **wanted: Any) -> None:
        before = len(commands_of(self.board))
        try:
            call(device_uid=self.board.uid, actor=self.owner, now=self.now, **wanted)
        except DeviceOffline:
            assert not self.is_connected
            assert len(commands_of(self.board)) == before
        else:
            assert self.is_connected

    @precondition(lambda self: bool(commands_of(self.board)))
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        command = data.draw(st.sampled_from(commands_of(self.board)[-3:]))
        try:
            cancelling.cancel_command(command_uid=command.uid, actor=self.owner, now=self.now)
        except CommandFinished:
            assert command.finished_at is not None

    # The server

    @rule(limit=st.sampled_from([None, 1]))
    def pull(self, limit: int | None) -> None:
        """Over its socket, or over HTTP while it has none."""
        before = {str(row.uid): row for row in commands_of(self.board)}
        handed = self._claimed(reconnect=False, limit=limit)
        assert limit is None or len(handed) <= limit
        for message in handed:
            if message.command_id in self.handed and not isinstance(message, Cancel):
                self._was_lost(before[message.command_id])
        self._hand(handed)

    def _was_lost(self, row: Command) -> None:
        """Nothing comes a second time while its first answer may still be on its way."""
        assert row.timeout_at is not None
        is_orphan = row.session_epoch is not None and not self.is_connected
        assert row.timeout_at <= self.now or (row.state == "sent" and is_orphan)

    @rule()
    def sweep(self) -> None:
        sweeping.sweep(self.now)

    @rule(seconds=st.sampled_from([0.5, 3, 11, 40]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self.is_connected:
            presence.touch(device_ids=[self.board.device_id], now=self.now)

    # The device

    @precondition(lambda self: self.down)
    @rule(is_slow=st.booleans())
    def device_acts(self, is_slow: bool) -> None:
        command = self.down.pop(0)
        if isinstance(command, Cancel):
            self._keep(duties.decide_cancel(command, relays=self.relays, ring=self.ring))
            return
        if is_slow and self.ring.recall(command.command_id) is None:
            self._say(Ack(command_id=command.command_id, status=AckStatus.ACCEPTED))
        decision = duties.decide(command, relays=self.relays, ring=self.ring, server_now=self.now)
        if decision.relays is not None:
            self.relays = decision.relays
            self.ran.append(command.command_id)
        self._keep(decision)

    def _keep(self, decision: Decision) -> None:
        kept = decision.ack if decision.relays is not None else decision.keep
        if kept is not None:
            self.ring = self.ring.remembering(kept)
        self._say(decision.ack)

    @rule(index=INDEX)
    def button(self, index: int) -> None:
        moved = list(self.relays)
        moved[index] = not moved[index]
        self.relays = tuple(moved)
        if self.is_connected:
            self._say(StateReport(relays=duties.readings_of(self.relays)))

    # The wire

    @precondition(lambda self: self.up)
    @rule(data=st.data(), stays=st.booleans())
    def frame_arrives(self, data: st.DataObject, stays: bool) -> None:
        """Any frame, in any order; with `stays` the same one comes again."""
        place = data.draw(st.integers(0, len(self.up) - 1))
        said = self.up[place] if stays else self.up.pop(place)
        if said.epoch is None and self.is_connected:
            # Over HTTP, by the way: it settles commands and tells nothing of the relays.
            believed = self.board.positions()
            self._receive(said)
            assert self.board.positions() == believed
        elif said.epoch not in {None, self.board.epoch}:
            rows = self._rows()
            with pytest.raises(SessionFenced):
                self._receive(said)
            assert self._rows() == rows
        else:
            known = self._is_known(said)
            self._receive(said)
            if known:
                self._believe(said)

    @rule()
    def connection_breaks(self) -> None:
        if not self.is_connected:
            return
        self.down.clear()
        self.is_connected = False
        sessions.close_session(
            device_id=self.board.device_id, epoch=self.board.epoch, reason="gone", now=self.now
        )

    @rule()
    def device_connects(self) -> None:
        self.down.clear()
        # What it asked for over HTTP is over by then.
        self.up = [said for said in self.up if said.epoch is not None]
        self.board = reconnected(self.board, now=self.now)
        self.is_connected, self.state_seq, self.believed_seq = True, 0, -1
        self._hand(self._claimed(reconnect=True))
        self._say(StateReport(relays=duties.readings_of(self.relays)))

    @rule()
    def another_device_answers(self) -> None:
        for command in commands_of(self.board)[-2:]:
            ack = Ack(str(command.uid), AckStatus.SUCCEEDED, state_seq=0)
            assert not results.record_ack(
                device_id=self.stranger.device_id,
                epoch=self.stranger.epoch,
                ack=ack,
                now=self.now,
            )

    # What always holds

    @invariant()
    def the_server_knows_what_it_was_last_rightly_told(self) -> None:
        assert self.board.positions() == self.believed

    @invariant()
    def a_relay_has_at_most_one_command_on_its_way(self) -> None:
        on_the_way = [
            command
            for command in commands_of(self.board)
            # One that has expired is dead on either side, whether the sweep has been here or not.
            if command.is_on_its_way(self.now) and command.expires_at > self.now
        ]
        for command in on_the_way:
            others = [other for other in on_the_way if other is not command]
            assert not any(lanes.exclude(command.lane, other.lane) for other in others)

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        rows = {row[0]: row for row in self._rows() if row[2] is not None}
        assert {uid: rows.get(uid) for uid in self.ended} == self.ended
        self.ended = rows

    @invariant()
    def nothing_runs_twice_and_nothing_runs_that_was_cancelled(self) -> None:
        assert len(self.ran) == len(set(self.ran))
        rows = {str(row.uid): row.state for row in commands_of(self.board)}
        assert not any(rows[command_id] == "cancelled" for command_id in self.ran)

    @invariant()
    def what_was_handed_out_is_in_the_ledger(self) -> None:
        assert self.handed <= {str(command.uid) for command in commands_of(self.board)}

    def teardown(self) -> None:
        """In the end every command has ended and the server knows the truth."""
        self.now += timedelta(seconds=31)
        sweeping.sweep(self.now)
        sweeping.sweep(self.now)
        assert all(command.finished_at is not None for command in commands_of(self.board))
        self.device_connects()
        assert not self.down
        self._receive(self.up[-1])
        assert self.board.positions() == list(self.relays)

    def _claimed(self, *, reconnect: bool, limit: int | None = None) -> list[Any]:
        return delivery.claim_deliverable(
            device_id=self.board.device_id,
            epoch=self.board.epoch if self.is_connected else None,
            wire="websocket" if self.is_connected else "http",
            now=self.now,
            reconnect=reconnect,
            limit=limit,
        )

    def _hand(self, messages: list[Any]) -> None:
        self.down += messages
        self.handed |= {message.command_id for message in messages}

    def _say(self, message: Ack | StateReport) -> None:
        epoch = self.board.epoch if self.is_connected else None
        self.up.append(Said(epoch, replace(message, state_seq=self.state_seq)))
        self.state_seq += 1

    def _receive(self, said: Said) -> None:
        common: dict[str, Any] = {
            "device_id": self.board.device_id,
            "epoch": said.epoch,
            "now": self.now,
        }
        if isinstance(said.message, Ack):
            results.record_ack(ack=said.message, **common)
        else:
            reporting.apply_state_report(report=said.message, **common)

    def _is_known(self, said: Said) -> bool:
        if isinstance(said.message, StateReport):
            return True
        return said.message.command_id in {str(row.uid) for row in commands_of(self.board)}

    def _believe(self, said: Said) -> None:
        assert said.message.state_seq is not None
        if said.message.state_seq <= self.believed_seq:
            return
        self.believed_seq = said.message.state_seq
        for relay in said.message.relays or ():
            self.believed[relay.relay_index] = relay.is_on

    def _rows(self) -> list[tuple[Any, ...]]:
        return [
            (str(row.uid), row.state, row.finished_at, row.reason, row.result, row.error)
            for row in commands_of(self.board)
        ]


@pytest.mark.core
@pytest.mark.django_db
@pytest.mark.timeout(rounds(120, full=900))
def test_the_ledger_keeps_its_word() -> None:
    Ledger.owner = make_actor()
    Ledger.stranger = connected_device(make_actor(), now=START)
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=rounds(40, full=600),
            stateful_step_count=30,
            deadline=None,
            # A failure is told at once, with its steps; making them fewer takes minutes.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
