"""What the ledger tells of a real command, through the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from commands import explaining
from commands.services import cancelling
from kernel.actors import Actor
from kernel.errors import NotFound
from tests.commands.ledger import START, answer, ask, at, hung_up, pull
from tests.factories.devices import Board, connected_device, switch
from tests.factories.users import actor_of, make_actor

pytestmark = pytest.mark.core


def why(owner: Actor, command_id: str, seconds: float = 10) -> Any:
    return explaining.explain_command(actor=owner, uid=uuid.UUID(command_id), now=at(seconds))


def test_from_the_wish_to_the_relay_and_the_audit_log(owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True, now=START).id
    pull(board, START)
    answer(board, asked, at(1), (0, True), state_seq=0)
    told = why(owner, asked)
    assert [line.code for line in told.story] == ["queued", "over", "succeeded"]
    assert [link.kind for link in told.chain] == [
        "user",
        "set_relay",
        "relay_switched",
        "relays.relay.switched",
    ]
    assert told.chain[2].text == "Relay 1 was switched on by it, and still is."
    assert told.chain[3].facts["after"] == {"relays": {"0": True}}
    later = switch(owner, board, 0, False, now=at(20)).id
    pull(board, at(20))
    answer(board, later, at(21), (0, False), state_seq=1)
    assert why(owner, asked).chain[2].kind == "relay_changed_since"


def test_what_waits_names_what_goes_first_and_who_took_it_back(owner: Actor, board: Board) -> None:
    first = ask(owner, board, "reboot", START)
    second = ask(owner, board, "run_diagnostics", at(1))
    pull(board, at(2))
    assert why(owner, second).summary.facts["command_id"] == first
    hung_up(board, at(3))
    assert [line.code for line in why(owner, second).waits_for] == [
        "device_offline",
        "one_in_flight",
        "expires",
    ]
    cancelling.cancel_command(command_uid=uuid.UUID(second), actor=owner, now=at(4))
    assert why(owner, second).summary.text == f"Cancelled by {owner.label}, never sent."


def test_nobody_learns_of_a_strangers_command(owner: Actor, board: Board) -> None:
    with pytest.raises(NotFound):
        why(make_actor(), ask(owner, board, "reboot", START))


def test_the_route_tells_the_same(api: Any, user: Any) -> None:
    owner = actor_of(user)
    board = connected_device(owner)
    asked = switch(owner, board, 0, True)
    told = api.get(f"/api/v1/commands/{asked.id}/explain")
    assert told.status_code == 200
    assert told.json()["summary"]["code"] == "next_look"
    assert [link["role"] for link in told.json()["chain"]] == ["trigger", "command"]
