"""Why a command is where it is, in plain words: facts in, sentences out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from commands import explanation, state_machine
from commands.explanation_facts import Blocker, Explanation, Facts, Move, Standing
from commands.types import CommandView, Effect
from tests.commands.ledger import START, at

ONLINE = Standing(is_online=True, is_paired=True, since=START)
ADA = {"kind": "user", "id": "u-1", "label": "Ada", "via": "page"}
RULE = {"kind": "system", "id": "rules.frost", "label": "rules.frost", "via": "system"}


def view(**given: Any) -> CommandView:
    told: dict[str, Any] = {
        "id": "c-1",
        "device_uid": "till-7",
        "kind": "reboot",
        "payload": {},
        "state": "queued",
        "reason": "",
        "result": None,
        "error": None,
        "cause": [RULE, ADA],
        "delivery": "queue",
        "created_at": START,
        "sent_at": None,
        "acked_at": None,
        "finished_at": None,
        "expires_at": START + timedelta(hours=1),
    }
    return CommandView(**told | given)


def explained(*moves: tuple[str, str], **given: Any) -> Explanation:
    """The story of a command whose last move is its present one."""
    command = {name: given.pop(name) for name in list(given) if name in CommandView.__slots__}
    state = moves[-1][0] if moves else "queued"
    if state in state_machine.FINAL:
        command.setdefault("finished_at", at(9))
    told = [Move(to_state="queued", note="", at=START)]
    told += [Move(to_state=to, note=note, at=at(1), by="Ada") for to, note in moves]
    facts: dict[str, Any] = {"device": ONLINE, "now": at(10)} | given
    return explanation.explain(
        Facts(command=view(**{"state": state} | command), moves=told, **facts)
    )


def texts(told: Explanation) -> list[str]:
    return [line.text for line in told.story]


def waits(told: Explanation) -> list[str]:
    return [line.code for line in told.waits_for]


def test_what_waits_for_an_absent_device_says_since_when_and_until_when() -> None:
    away = Standing(is_online=False, is_paired=True, since=at(-600))
    told = explained(device=away)
    assert waits(told) == ["device_offline", "expires"]
    assert told.summary.text == "The device has been offline since 2026-03-01 11:50:00 UTC."
    assert told.waits_for[1].text == (
        "It is over at 2026-03-01 13:00:00 UTC, in 59 min, unless it has gone out by then."
    )
    never = explained(device=replace(away, since=None))
    assert never.summary.text == "The device has never been online."


def test_what_waits_behind_another_names_it() -> None:
    first = Blocker(id="c-0", kind="ota_install", state="sent", sent_at=at(-5))
    told = explained(blocker=first)
    assert told.summary.code == "one_in_flight"
    assert told.summary.facts == {"command_id": "c-0", "kind": "ota_install", "state": "sent"}
    assert waits(explained(blocker=replace(first, state="queued", sent_at=None)))[0] == "behind"
    assert waits(explained()) == ["next_look", "expires"]


def test_what_runs_says_how_far_it_is() -> None:
    told = explained(
        ("sent", "over:mqtt"), ("acked", ""), progress={"percent": 40, "message": "copying"}
    )
    assert told.summary.text == 'The device is at it, it says 40 %: "copying".'
    assert waits(told) == ["running", "answer_until"]


def test_a_wish_to_cancel_waits_for_the_word_of_the_device() -> None:
    told = explained(
        ("sent", "over:websocket:7"),
        ("sent", "cancel_asked_by:user:u-1"),
        ("sent", "cancel_sent:websocket:7"),
        cancel_asked_at=at(1),
        is_cancel_sent=True,
        timeout_at=at(20),
    )
    assert texts(told)[1:] == [
        "Sent to the device over the WebSocket (session 7).",
        "Ada wanted it cancelled; the device may have had it by then.",
        "The device was told so over the WebSocket (session 7).",
    ]
    assert told.story[2].facts == {"actor": {"kind": "user", "id": "u-1"}}
    assert waits(told) == ["cancel_unanswered", "in_flight", "answer_until"]


def test_silence_says_whether_it_is_tried_again() -> None:
    moves = (("sent", "over:http"), ("timed_out", "no_answer_yet"))
    again = explained(*moves, sends=1, max_sends=3, timeout_at=at(5))
    assert "It is sent again under its id" in again.summary.text
    spent = explained(*moves, sends=3, max_sends=3, timeout_at=None)
    assert "It was sent 3 times" in spent.summary.text
    assert "only when the device connects anew" in spent.summary.text
    worn_out = explained(*moves, sends=5, max_sends=3, timeout_at=None, is_worn_out=True)
    assert "It is not sent again" in worn_out.summary.text


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (("expired", "never_sent"), "It expired at 2026-03-01 13:00:00 UTC before it could be"),
        (("superseded", "superseded_by:c-2"), "A newer command (c-2) made it pointless"),
        (("cancelled", "cancelled_by:user:u-1"), "Cancelled by Ada, never sent."),
        (("cancelled", "cancelled"), "The device stopped it, or never began."),
        (("succeeded", "cancel_came_too_late"), "the device had done it already"),
        (("succeeded", "confirmed_by_state_report"), "what the device reports of itself"),
        (("failed", ""), 'The device tried and could not; it says "stuck".'),
        (("rejected", ""), 'The device refused it; it says "stuck".'),
    ],
)
def test_the_end_is_the_summary(move: tuple[str, str], words: str) -> None:
    told = explained(("sent", "over:mqtt"), move, ("timed_out", "no_answer_yet"))
    assert words not in told.summary.text
    ended = explained(("sent", "over:mqtt"), move, error="stuck")
    assert words in ended.summary.text
    assert ended.waits_for == ()


def test_what_is_said_after_the_end_is_not_the_summary() -> None:
    told = explained(("succeeded", ""), ("succeeded", "late_ack_ignored:failed"))
    assert told.summary.text == "The device said that it is done."
    assert told.story[-1].facts == {"state": "failed"}


def test_the_chain_goes_from_the_first_trigger_to_the_last_effect() -> None:
    effect = Effect(code="relay_switched", text="Relay 0 was switched on.", facts={"id": "e"})
    told = explained(("succeeded", ""), effects=[effect], batch={"id": "b-1", "total": 40})
    assert [(link.role, link.id) for link in told.chain] == [
        ("trigger", "rules.frost"),
        ("requester", "u-1"),
        ("batch", "b-1"),
        ("command", "c-1"),
        ("effect", "e"),
    ]
    assert [link.text for link in told.chain[:2]] == [
        "Homepot (rules.frost).",
        "Ada, through the console.",
    ]
    assert texts(told)[0] == (
        "Asked for by Ada, as part of batch b-1; it was to wait for the device."
    )


def test_every_state_and_every_note_of_the_ledger_has_words() -> None:
    for state in state_machine.STATES:
        assert explained((state, "")).story[-1].text.endswith(".")
