"""The story of a command: a sentence for each line of its history. Plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from commands.explanation_facts import Facts, Move, Sentence

_WIRES = {"websocket": "the WebSocket", "mqtt": "MQTT", "http": "HTTP, when the device asked"}


def told(move: Move, facts: Facts) -> Sentence:
    """What one line of the history says."""
    code, _, detail = move.note.partition(":")
    tell = _BY_NOTE.get(code)
    if tell is None:
        code, tell = move.to_state, _BY_STATE[move.to_state]
    return Sentence(
        code=code, text=tell(move, facts, detail), at=move.at, facts=_named(code, detail)
    )


def _named(code: str, detail: str) -> dict[str, Any]:
    if not detail:
        return {}
    if code == "superseded_by":
        return {"command_id": detail}
    if code in {"over", "sent_again", "cancel_sent"}:
        wire, _, session = detail.partition(":")
        return {"wire": wire} | ({"session_epoch": int(session)} if session.isdigit() else {})
    if code == "late_ack_ignored":
        return {"state": detail}
    kind, _, who = detail.partition(":")
    return {"actor": {"kind": kind, "id": who}}


def _wire(detail: str) -> str:
    wire, _, session = detail.partition(":")
    name = _WIRES.get(wire, wire)
    return f"{name} (session {session})" if session else name


def _asked(move: Move, facts: Facts, detail: str) -> str:
    cause = facts.command.cause
    by = f" by {who(cause[-1])}" if cause else ""
    batch = f", as part of batch {facts.batch['id']}" if facts.batch else ""
    way = "to wait for the device" if facts.command.delivery == "queue" else "to go out at once"
    return f"Asked for{by}{batch}; it was {way}."


def _failed(move: Move, facts: Facts, detail: str) -> str:
    return f"The device tried and could not{_words(facts)}."


def _rejected(move: Move, facts: Facts, detail: str) -> str:
    return f"The device refused it{_words(facts)}."


def _words(facts: Facts) -> str:
    return f'; it says "{facts.command.error}"' if facts.command.error else ""


def _too_late(move: Move, facts: Facts, detail: str) -> str:
    ends = {
        "succeeded": "the device had done it already",
        "failed": f"the device had tried already and could not{_words(facts)}",
        "rejected": f"the device had refused it already{_words(facts)}",
    }
    return f"The wish to cancel it came too late: {ends.get(move.to_state, 'it had ended')}."


def _by(move: Move, detail: str) -> str:
    return move.by or detail.partition(":")[2] or "somebody"


_Tell = Callable[[Move, Facts, str], str]
_BY_STATE: dict[str, _Tell] = {
    "queued": _asked,
    "sent": lambda move, facts, detail: "Sent to the device.",
    "acked": lambda move, facts, detail: "The device has it and has begun.",
    "succeeded": lambda move, facts, detail: "The device said that it is done.",
    "failed": _failed,
    "rejected": _rejected,
    "expired": lambda move, facts, detail: "It expired.",
    "cancelled": lambda move, facts, detail: "It was cancelled.",
    "superseded": lambda move, facts, detail: "A newer command made it pointless.",
    "timed_out": lambda move, facts, detail: "No answer came: its outcome is unknown.",
}
_BY_NOTE: dict[str, _Tell] = {
    "over": lambda move, facts, detail: f"Sent to the device over {_wire(detail)}.",
    "sent_again": lambda move, facts, detail: (
        f"No answer had come, so it was sent once more, under its id, over {_wire(detail)}."
    ),
    "late_answer": lambda move, facts, detail: (
        "The device answered late; until then the outcome was unknown."
    ),
    "confirmed_by_state_report": lambda move, facts, detail: (
        "No answer came, but what the device reports of itself shows that it is done."
    ),
    "never_sent": lambda move, facts, detail: (
        f"It expired at {moment(facts.command.expires_at)} before it could be sent."
    ),
    "superseded_by": lambda move, facts, detail: (
        f"A newer command ({detail}) made it pointless before it was sent."
    ),
    "no_answer_yet": lambda move, facts, detail: (
        "The device did not answer in time: whether it did it is unknown for now."
    ),
    "outcome_unknown": lambda move, facts, detail: (
        f"Until it expired at {moment(facts.command.expires_at)} no answer came: "
        "whether the device did it stays unknown."
    ),
    "device_unpaired": lambda move, facts, detail: (
        "The device was unpaired, so nobody will carry it out or answer."
    ),
    "cancelled_by": lambda move, facts, detail: f"Cancelled by {_by(move, detail)}, never sent.",
    "cancel_asked_by": lambda move, facts, detail: (
        f"{_by(move, detail)} wanted it cancelled; the device may have had it by then."
    ),
    "cancel_sent": lambda move, facts, detail: f"The device was told so over {_wire(detail)}.",
    "cancelled": lambda move, facts, detail: "The device stopped it, or never began.",
    "cancelled_by_device": lambda move, facts, detail: "The device gave it up by itself.",
    "cancel_came_too_late": _too_late,
    "late_ack_ignored": lambda move, facts, detail: (
        f'After the end the device said "{detail}"; what had ended stays as it was.'
    ),
}


def who(cause: dict[str, Any]) -> str:
    """Whom a link of a cause chain names."""
    kind, label = cause.get("kind", ""), cause.get("label") or cause.get("id") or ""
    if kind == "user":
        return str(label)
    if kind == "system":
        return f"Homepot ({label})" if label else "Homepot"
    return f"{kind} {label}".strip() or "somebody"


def moment(at: datetime | None) -> str:
    """A time as sentences have it."""
    return "an unknown time" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
