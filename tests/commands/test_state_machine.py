"""The ledger's state machine and lanes, as pure data and functions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import lanes, state_machine
from commands.choices import State

LANES = st.sampled_from(["", "all", "relay:0", "relay:1", "relay:2", "firmware"])


@dataclass(frozen=True)
class Waiting:
    number: int
    lane: str


QUEUES = st.lists(LANES, max_size=12).map(
    lambda names: [Waiting(number, lane) for number, lane in enumerate(names)]
)


def test_the_states_are_complete() -> None:
    assert state_machine.STATES == set(State.values) == set(state_machine.MOVES)
    assert set(state_machine.STATE_OF_ACK.values()) <= state_machine.STATES


def test_only_final_states_have_no_exit() -> None:
    dead_ends = {state for state, targets in state_machine.MOVES.items() if not targets}
    assert dead_ends == state_machine.FINAL


def test_every_open_state_reaches_an_end() -> None:
    ends = set(state_machine.FINAL)
    for _ in state_machine.STATES:
        ends |= {state for state, targets in state_machine.MOVES.items() if targets & ends}
    assert ends == state_machine.STATES


def test_every_state_but_the_first_can_be_reached() -> None:
    for state in state_machine.STATES - {state_machine.QUEUED}:
        assert state_machine.sources_of(state)
    assert not state_machine.sources_of(state_machine.QUEUED)


@given(st.lists(st.sampled_from(sorted(state_machine.STATES)), max_size=30))
def test_no_sequence_of_moves_leaves_a_final_state(wishes: list[str]) -> None:
    state, ended = state_machine.QUEUED, None
    for wish in wishes:
        if state_machine.can_move(state, wish):
            state_machine.require_move(state, wish)
            assert ended is None
            state = wish
        else:
            with pytest.raises(state_machine.IllegalMove):
                state_machine.require_move(state, wish)
        if state in state_machine.FINAL:
            ended = state
    assert state in state_machine.STATES


@given(LANES, LANES)
def test_exclusion_is_mutual(one: str, other: str) -> None:
    assert lanes.exclude(one, other) == lanes.exclude(other, one)


@given(LANES, LANES)
def test_only_what_excludes_can_supersede(newer: str, older: str) -> None:
    if lanes.supersedes(newer, older):
        assert lanes.exclude(newer, older)


def test_one_relay_does_not_make_a_wish_for_all_pointless() -> None:
    assert lanes.supersedes("all", "relay:3")
    assert not lanes.supersedes("relay:3", "all")


@given(QUEUES, QUEUES)
def test_no_two_commands_of_one_lane_travel_together(
    queued: list[Waiting], in_flight: list[Waiting]
) -> None:
    ready = lanes.deliverable(queued, in_flight)
    for command in ready:
        others = [other for other in ready if other is not command]
        assert not any(lanes.exclude(command.lane, other.lane) for other in [*others, *in_flight])


@given(QUEUES)
def test_nothing_overtakes_within_its_lane(queued: list[Waiting]) -> None:
    sent: list[Waiting] = []
    waiting = list(queued)
    while waiting:
        ready = lanes.deliverable(waiting, [])
        assert ready, "the first command of a queue can always go"
        sent += ready
        waiting = [command for command in waiting if command not in ready]
    for position, command in enumerate(sent):
        for later in sent[position:]:
            if lanes.exclude(command.lane, later.lane):
                assert command.number <= later.number
