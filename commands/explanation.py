"""Why a command is where it is, told in plain words. Plain Python: facts in, sentences out.

Each sentence carries a code, which programs may rely on, and the facts that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from commands import state_machine
from commands.explanation_facts import (
    Blocker,
    Explanation,
    Facts,
    Link,
    Sentence,
    Standing,
)
from commands.explanation_story import moment, told, who

_DOORS = {
    "api": "the API",
    "page": "the console",
    "socket": "a live connection",
    "admin": "the administration pages",
    "command": "the command line",
}


def explain(facts: Facts) -> Explanation:
    """Tell what has happened to a command, what it waits for, and the whole chain of causes."""
    story = tuple(told(move, facts) for move in facts.moves)
    waits_for = tuple(_waits(facts)) if facts.command.finished_at is None else ()
    return Explanation(
        summary=_summary(facts, story, waits_for),
        story=story,
        waits_for=waits_for,
        chain=tuple(_chain(facts)),
    )


def _summary(facts: Facts, story: Sequence[Sentence], waits: Sequence[Sentence]) -> Sentence:
    if waits:
        return waits[0]
    endings = [line for line in story if not line.code.startswith("late_ack_ignored")]
    if endings:
        return endings[-1]
    return Sentence(code=facts.command.state, text=f"It is {facts.command.state}.")


# What it waits for


def _waits(facts: Facts) -> Iterable[Sentence]:
    command = facts.command
    if command.state == state_machine.QUEUED:
        yield from _waits_to_be_sent(facts)
        code, unless = "expires", "it has gone out by then"
    else:
        yield from _waits_for_answer(facts)
        code, unless = "answer_until", "the device has answered by then"
    left = _length(command.expires_at - facts.now)
    yield Sentence(
        code=code,
        text=f"It is over at {moment(command.expires_at)}, in {left}, unless {unless}.",
        at=command.expires_at,
    )


def _waits_to_be_sent(facts: Facts) -> Iterable[Sentence]:
    if not facts.device.is_online:
        yield _offline(facts.device)
    if facts.blocker is not None:
        yield _behind(facts.blocker)
    elif facts.device.is_online:
        yield Sentence(
            code="next_look", text="Nothing holds it up: it goes out when the device next listens."
        )


def _waits_for_answer(facts: Facts) -> Iterable[Sentence]:
    command = facts.command
    if command.cancel_asked_at is not None:
        told = "It knows." if facts.is_cancel_sent else "It has not been told yet."
        yield Sentence(
            code="cancel_unanswered",
            text=f"The device must say whether it could still stop it. {told}",
            at=command.cancel_asked_at,
        )
    if command.state == state_machine.ACKED:
        yield Sentence(
            code="running",
            text=f"The device is at it{_how_far(command.progress)}.",
            at=command.acked_at,
            facts=dict(command.progress or {}),
        )
    elif command.state == state_machine.SENT:
        until = "" if facts.timeout_at is None else f"; it has until {moment(facts.timeout_at)}"
        yield Sentence(
            code="in_flight",
            text=f"It has been on its way since {moment(command.sent_at)}{until}.",
            at=command.sent_at,
        )
    else:
        yield _unknown(facts)
    if not facts.device.is_online:
        yield _offline(facts.device)


def _unknown(facts: Facts) -> Sentence:
    if facts.is_worn_out:
        then = "It is not sent again"
    elif facts.sends < facts.max_sends and facts.timeout_at is not None:
        then = "It is sent again under its id"
    else:
        then = "It is sent again only when the device connects anew"
    return Sentence(
        code="unanswered",
        text=f"It was sent {_times(facts.sends)} and no answer came. {then}; "
        "any answer until it expires settles it.",
        facts={"sends": facts.sends},
    )


def _offline(device: Standing) -> Sentence:
    if not device.is_paired:
        return Sentence(code="device_unpaired", text="The device is not paired any more.")
    if device.since is None:
        return Sentence(code="device_offline", text="The device has never been online.")
    return Sentence(
        code="device_offline",
        text=f"The device has been offline since {moment(device.since)}.",
        at=device.since,
    )


def _behind(blocker: Blocker) -> Sentence:
    if blocker.state == state_machine.QUEUED:
        code, why = "behind", "which waits too"
    else:
        code, why = "one_in_flight", f"on its way since {moment(blocker.sent_at)}"
    return Sentence(
        code=code,
        text=f"One command goes before it: {blocker.kind} {blocker.id}, {why}.",
        at=blocker.sent_at,
        facts={"command_id": blocker.id, "kind": blocker.kind, "state": blocker.state},
    )


# What led to what


def _chain(facts: Facts) -> Iterable[Link]:
    command = facts.command
    last = len(command.cause) - 1
    for place, cause in enumerate(command.cause):
        yield Link(
            role="trigger" if place == 0 else "requester" if place == last else "cause",
            kind=str(cause.get("kind", "")),
            id=str(cause.get("id", "")),
            text=_sentence_of(cause),
            facts={name: value for name, value in cause.items() if name not in {"kind", "id"}},
        )
    if facts.batch is not None:
        yield Link(
            role="batch",
            kind="batch",
            id=str(facts.batch["id"]),
            text=f"One of {facts.batch['total']} devices that were asked together.",
            facts=facts.batch,
        )
    yield Link(
        role="command",
        kind=command.kind,
        id=command.id,
        text=f"{command.kind} for device {command.device_uid}: {command.state}.",
        at=command.created_at,
    )
    for effect in facts.effects:
        yield Link(
            role="effect",
            kind=effect.code,
            id=str(effect.facts.get("id", "")),
            text=effect.text,
            at=effect.at,
            facts=effect.facts,
        )


def _sentence_of(cause: dict[str, Any]) -> str:
    door = _DOORS.get(str(cause.get("via", "")))
    name = who(cause)
    sentence = f"{name[:1].upper()}{name[1:]}"
    return f"{sentence}, through {door}." if door else f"{sentence}."


def _how_far(progress: dict[str, Any] | None) -> str:
    said = progress or {}
    percent = "" if said.get("percent") is None else f" {said['percent']} %"
    message = f': "{said["message"]}"' if said.get("message") else ""
    return f", it says{percent}{message}" if percent or message else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _length(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
