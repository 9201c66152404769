"""The plain words of the console for states, reasons and kinds.

`static/homepot/js/words.js` repeats OUTCOMES for live updates; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

# What became of a command, by reason first and by state otherwise.
OUTCOMES: dict[str, str] = {
    "queued": "Waiting to be sent.",
    "sent": "Sent, waiting for the device to answer.",
    "acked": "The device has the command.",
    "succeeded": "Confirmed by the device.",
    "failed": "The device tried and failed.",
    "rejected": "The device refused the command.",
    "expired": "The command expired before the device ran it.",
    "cancelled": "Cancelled before it was sent.",
    "superseded": "A newer command replaced this one.",
    "timed_out": "No answer yet: outcome unknown.",
    "device_offline": "The device is offline, so nothing was sent.",
    "device_unpaired": "The device is no longer paired.",
    "no_answer_yet": "No answer yet: outcome unknown.",
    "outcome_unknown": "The device never answered: outcome unknown.",
    "never_sent": "The command expired before it could be sent.",
    "confirmed_by_state_report": "Confirmed by the device's own report.",
    "permission_denied": "Your role does not allow switching here.",
    "rate_limited": "Too many actions at once. Wait a moment.",
    "not_authenticated": "Your session has ended. Log in again.",
    "unavailable": "The server is busy. Try again.",
    "unreachable": "The server cannot be reached: outcome unknown.",
}

STATE_LABELS: dict[str, str] = {
    "queued": "Queued",
    "sent": "Sent",
    "acked": "Received",
    "succeeded": "Confirmed",
    "failed": "Failed",
    "rejected": "Rejected",
    "expired": "Expired",
    "cancelled": "Cancelled",
    "superseded": "Replaced",
    "timed_out": "Unknown",
}

STATE_TONES: dict[str, str] = {
    "queued": "busy",
    "sent": "busy",
    "acked": "busy",
    "succeeded": "good",
    "failed": "bad",
    "rejected": "bad",
    "expired": "warn",
    "timed_out": "warn",
}

CONNECTIVITY_LABELS: dict[str, str] = {
    "online": "Online",
    "stale": "Stale",
    "offline": "Offline",
    "never_connected": "Never connected",
}

PAIRING_LABELS: dict[str, str] = {
    "paired": "Paired",
    "unclaimed": "Unclaimed",
    "unpaired": "Unpaired",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A device class as people call it, with its icon."""

    label: str
    icon: str


DEVICE_CLASSES: dict[str, Kind] = {
    "relay_controller": Kind(label="Relay controller", icon="relay"),
    "ir_hub": Kind(label="Infrared hub", icon="infrared"),
    "sensor_hub": Kind(label="Sensor hub", icon="sensor"),
    "hybrid": Kind(label="Hybrid", icon="hybrid"),
    "server": Kind(label="Server", icon="server"),
    "pos_terminal": Kind(label="POS terminal", icon="terminal-pos"),
    "other": Kind(label="Other", icon="devices"),
}


def device_class(value: str) -> Kind:
    """The words for a device class; one this release does not know keeps its own name."""
    known = DEVICE_CLASSES.get(value)
    return known or Kind(label=value.replace("_", " ").capitalize(), icon="devices")


def outcome(*, state: str, reason: str, error: str | None = None) -> str:
    """One sentence on what became of a command, with the device's own words if it gave some."""
    told = OUTCOMES.get(reason) or OUTCOMES.get(state) or state.replace("_", " ")
    return f"{told} It says: {error}" if error else told


def action(*, kind: str, payload: dict[str, object], relay_names: dict[int, str]) -> str:
    """What a command asks for, as a short sentence."""
    wanted = "on" if payload.get("is_on") else "off"
    if kind == "set_all_relays":
        return f"Turn all relays {wanted}"
    if kind == "set_relay":
        index = payload.get("relay_index")
        name = relay_names.get(index) if isinstance(index, int) else None
        return f"Turn {name or f'relay {index}'} {wanted}"
    return kind.replace("_", " ").capitalize()


def audit_action(action: str) -> str:
    """`devices.device.claimed` as `Device claimed`."""
    subject, _, verb = action.partition(".")[2].rpartition(".")
    return f"{subject} {verb}".strip().replace("_", " ").capitalize() or action
