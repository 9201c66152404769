"""What a message says, for machines and for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from notifications.types import Attempt

LISTED: Final = 50
TYPE_CHANGED: Final = "devices.status_changed"
TYPE_TEST: Final = "notifications.test"
_CONTROL = dict.fromkeys((*range(32), 127, 133, 8232, 8233), " ")


def webhook_body(attempt: Attempt) -> bytes:
    """The JSON of a webhook; the same bytes however often it is tried."""
    is_test = attempt.purpose == "test"
    data: dict[str, Any] = {
        "tenant": attempt.tenant_uid,
        "channel": attempt.channel_uid,
        "changes": list(attempt.changes),
    }
    message = {
        "type": TYPE_TEST if is_test else TYPE_CHANGED,
        "timestamp": attempt.created_at.isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def subject(attempt: Attempt) -> str:
    """The subject of a mail: one line, whatever things are called."""
    if attempt.purpose == "changes":
        text = _summary(attempt)
    else:
        text = {
            "test": "This is a test",
            "confirm": "Do you want to hear of devices?",
            "disabled": f"The channel {attempt.channel_name} has stopped",
        }[attempt.purpose]
    return _line(f"[{attempt.tenant_name}] {text}")[:200]


def text(attempt: Attempt, *, confirm: str = "", unsubscribe: str = "") -> str:
    """The text of a mail."""
    if attempt.purpose == "confirm":
        body = (
            f"{attempt.tenant_name} wants to tell this address when devices come and go.\n\n"
            f"To agree, open this page:\n{confirm}\n\n"
            "If you do nothing, you will hear nothing."
        )
    elif attempt.purpose == "disabled":
        body = (
            f"The channel {_line(attempt.channel_name)} of {attempt.tenant_name} could not be "
            f"reached and is told nothing more ({attempt.state_reason}).\n\n"
            "Once its receiver works again, switch the channel on again on the page "
            "Notifications."
        )
    elif attempt.purpose == "test":
        body = f"This is a test of the channel {_line(attempt.channel_name)}. It works."
    else:
        body = _changes(attempt)
    if unsubscribe and attempt.purpose in {"changes", "test"}:
        body += f"\n\n-- \nTo hear no more of this: {unsubscribe}"
    return body + "\n"


def sentence(change: dict[str, Any]) -> str:
    """One change in one line."""
    device, site = change.get("device"), change.get("site")
    at_site = f" at {site['name']}" if site else ""
    name = device["name"] if device else ""
    lost = f"{change.get('lost', 0)} of {change.get('total', 0)} devices"
    said = {
        "offline": f"{name}{at_site} is offline",
        "online": f"{name}{at_site} is back online",
        "flapping": f"{name}{at_site} comes and goes; you hear of it again when it is calm",
        "flapping_ended": f"{name}{at_site} is calm again and {change.get('connectivity')}",
        "site_outage": f"Outage{at_site}: {lost} were lost",
        "site_outage_ended": f"The outage{at_site} is over",
        "drift": f"{name}{at_site} is other than desired since {_since(change)}",
    }[change["kind"]]
    return _line(said)


def _summary(attempt: Attempt) -> str:
    if attempt.count == 1 and attempt.changes:
        return sentence(attempt.changes[0])
    counts: dict[str, int] = {}
    for change in attempt.changes:
        counts[change["kind"]] = counts.get(change["kind"], 0) + 1
    words = {
        "site_outage": "site outages",
        "site_outage_ended": "outages over",
        "offline": "offline",
        "flapping": "unsteady",
        "flapping_ended": "calm again",
        "online": "back online",
        "drift": "other than desired",
    }
    parts = [f"{counts[kind]} {word}" for kind, word in words.items() if kind in counts]
    return ", ".join(parts)


def _changes(attempt: Attempt) -> str:
    lines = [f"{_clock(change['at'])}  {sentence(change)}" for change in _listed(attempt.changes)]
    more = attempt.count - len(lines)
    if more > 0:
        lines.append(f"… and {more} more changes: {_summary(attempt)} in all.")
    return "\n".join(lines)


def _since(change: dict[str, Any]) -> str:
    began_at = change.get("began_at")
    return _clock(began_at) if began_at else "long ago"


def _listed(changes: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    return changes[:LISTED]


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at.replace('Z', '+00:00')):%Y-%m-%d %H:%M:%S} UTC"


def _line(said: str) -> str:
    return " ".join(said.translate(_CONTROL).split())
