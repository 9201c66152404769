"""The plain words of the console for states, reasons and kinds.

Words for what happened are in `timeline.definitions`: the API says them too.
"""

from __future__ import annotations

from dataclasses import dataclass

from timeline.definitions import AUDIT_ACTIONS as AUDIT_ACTIONS
from timeline.definitions import BEGIN_REASONS as BEGIN_REASONS
from timeline.definitions import END_REASONS as END_REASONS
from timeline.definitions import OUTCOMES as OUTCOMES
from timeline.definitions import STATE_TONES as STATE_TONES
from timeline.definitions import WIRES as WIRES
from timeline.definitions import action as action
from timeline.definitions import audit_action as audit_action
from timeline.definitions import connection_reason as connection_reason
from timeline.definitions import count_of as count_of
from timeline.definitions import lasting as lasting
from timeline.definitions import outcome as outcome
from timeline.definitions import plain as plain
from timeline.definitions import who as who

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

CONNECTIVITY_LABELS: dict[str, str] = {
    "online": "Online",
    "stale": "Stale",
    "offline": "Offline",
    "never_connected": "Never connected",
}

# What a list does with simulated devices; without a choice it shows both.
SIMULATED_CHOICES: dict[str, str] = {"hide": "Without simulated", "only": "Simulated only"}

PAIRING_LABELS: dict[str, str] = {
    "paired": "Paired",
    "unclaimed": "Unclaimed",
    "unpaired": "Unpaired",
}

# Why a life ended, as the chip of an archived device says it.
END_LABELS: dict[str, str] = {
    "unpaired": "Unpaired",
    "released": "Released",
    "transferred": "Handed over",
    "site_removed": "Site removed",
    "account_erased": "Account erased",
}

# And as a sentence; who did it stands behind it.
END_SENTENCES: dict[str, str] = {
    "unpaired": "It was unpaired",
    "released": "It was released for a new owner",
    "transferred": "It was handed over to another owner",
    "site_removed": "Its site was removed, and it went with it",
    "account_erased": "The account of its owner was erased",
}

# How a life began; who did it stands behind it.
BEGIN_SENTENCES: dict[str, str] = {
    "claim": "Claimed with its code",
    "site": "Registered at a site",
    "batch_key": "Came in with a provisioning key",
    "bulk": "Enrolled in bulk",
    "transfer": "Taken over from another owner",
}

KEY_LABELS: dict[str, str] = {
    "current": "In use",
    "rotation_pending": "New key waiting for its first use",
    "old_key_in_use": "New key in use, the old one still good",
    "none": "None: the device cannot sign in",
}

TRANSFER_LABELS: dict[str, str] = {
    "offered": "Open",
    "accepted": "Accepted",
    "cancelled": "Taken back",
    "expired": "Expired",
}

TRANSFER_TONES: dict[str, str] = {"offered": "busy", "accepted": "good", "expired": "warn"}

ERASURE_LABELS: dict[str, str] = {
    "queued": "Waiting to begin",
    "running": "Running",
    "done": "Done",
}

ENROLMENT_LABELS: dict[str, str] = {
    "checked": "Checked",
    "queued": "Waiting to begin",
    "running": "Running",
    "done": "Done",
    "cancelled": "Cancelled",
}

ENROLMENT_TONES: dict[str, str] = {"queued": "busy", "running": "busy", "done": "good"}

ROW_LABELS: dict[str, str] = {
    "waiting": "Ready",
    "invalid": "Not valid",
    "enrolled": "Enrolled",
    "failed": "Failed",
    "skipped": "Skipped",
}

ROW_TONES: dict[str, str] = {"invalid": "bad", "failed": "bad", "enrolled": "good"}

# Whether devices still come in with a provisioning key.
BATCH_KEY_LABELS: dict[str, str] = {
    "active": "Active",
    "expired": "Expired",
    "revoked": "Revoked",
    "used_up": "Used up",
}

# Why a device joined a group, or left it.
MEMBERSHIP_CAUSES: dict[str, str] = {
    "edited": "Edited.",
    "group_created": "The group was made.",
    "query_changed": "The query was changed.",
    "device_new": "The device is new here.",
    "facts_changed": "Something is otherwise at the device.",
    "device_gone": "The life of the device ended.",
}

BATCH_LABELS: dict[str, str] = {
    "running": "Running",
    "paused": "Paused",
    "done": "Done",
    "aborted": "Stopped itself",
    "cancelled": "Cancelled",
}

BATCH_TONES: dict[str, str] = {
    "running": "busy",
    "paused": "warn",
    "done": "good",
    "aborted": "bad",
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


def hardware(hardware_id: str) -> str:
    """What a piece of hardware is called; of an erased life nobody can tell any more."""
    return "Erased" if hardware_id.startswith("erased~") else hardware_id


def grouped(code: str) -> str:
    """A code in groups of four, as people read and type it: `ABCD-1234`."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def clock(skew_s: float) -> str:
    """How far a clock is from the server's; what a message takes on its way is no fault of it."""
    if abs(skew_s) < 1:
        return "In time"
    return f"{lasting(abs(skew_s))} {'ahead' if skew_s > 0 else 'behind'}"


def percent(value: float | None) -> str:
    """A share with two digits that is never rounded up to all: `99.99 %` is not `100 %`."""
    if value is None:
        return "–"
    if value >= 100:
        return "100 %"
    return f"{int(value * 100) / 100:.2f} %"
