"""The words for what happens to devices: what the console and the API both say.

`static/homepot/js/words.js` repeats OUTCOMES for live updates; a test compares the two.
"""

from __future__ import annotations

# What became of a command, by reason first and by state otherwise.
OUTCOMES: dict[str, str] = {
    "queued": "Waiting to be sent.",
    "sent": "Sent, waiting for the device to answer.",
    "acked": "The device has the command.",
    "succeeded": "Confirmed by the device.",
    "failed": "The device tried and failed.",
    "rejected": "The device refused the command.",
    "expired": "The command expired before the device ran it.",
    "cancelled": "Cancelled before the device did it.",
    "cancelled_by_device": "The device gave it up.",
    "cancel_came_too_late": "Cancelling came too late: the device had answered.",
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

# Why a contact of a device began, and why it ended: what docs/presence.md lists.
BEGIN_REASONS: dict[str, str] = {
    "session_opened": "It connected.",
    "took_over": "It connected anew before the older connection was gone.",
    "heard_again": "It was heard again on the same connection.",
    "heard": "It called.",
    "greeted": "It connected to the MQTT broker.",
    "after_restart": "It connected again after the server was restarted.",
    "log_began": "It was online when the log began.",
}

END_REASONS: dict[str, str] = {
    "connection_closed": "The device or the network closed the connection.",
    "connection_lost": "The network lost the connection.",
    "superseded": "A newer connection of the device took its place.",
    "silence": "Nothing was heard of it for too long.",
    "idle": "Nothing was heard of it for too long.",
    "server_restart": "The server was restarted.",
    "unpaired": "Its life ended.",
    "credential_revoked": "Its key was revoked.",
    "protocol_errors": "It sent what nobody can read.",
    "frame_too_large": "It sent a message that was too large.",
    "too_many_messages": "It sent too many messages.",
    "unavailable": "The server could not do its part.",
}

BROKER_LOST = "The MQTT broker has lost its account. It asks for a new one when it is refused."
BROKER_STILL_THERE = (
    "Its account at the MQTT broker has ended, and the broker has not confirmed that yet."
)

WIRES: dict[str, str] = {"websocket": "WebSocket", "http": "HTTP", "mqtt": "MQTT"}

# Seconds of a unit and its name, then the next smaller one.
_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))

# A command whose payload was erased.
_ERASED_ACTIONS: dict[str, str] = {
    "set_relay": "Switch a relay",
    "set_all_relays": "Switch all relays",
}

# What the audit calls a change, where its name alone would not tell a person enough.
AUDIT_ACTIONS: dict[str, str] = {
    "devices.device.provisioned": "Device registered itself",
    "devices.device.registered": "Device registered at a site",
    "devices.device.claim_code_issued": "New claim code made",
    "devices.device.updated": "Settings changed",
    "telemetry.sensor.entered": "Sensor readings entered",
    "telemetry.set_aside.discarded": "Unusable payload thrown away",
    "telemetry.set_aside.replayed": "Unusable payload tried again",
    "devices.device.unpaired": "Device unpaired",
    "devices.device.released": "Device released for a new owner",
    "devices.device.transferred": "Device handed over to another owner",
    "devices.device.erasure_requested": "Erasing of personal data asked for",
    "devices.device.erased": "Personal data erased",
    "devices.transfer.offered": "Offered to another owner",
    "devices.transfer.accepted": "Transfer accepted",
    "devices.transfer.cancelled": "Offer taken back",
    "devices.transfer.expired": "Offer expired",
    "devices.credential.rotation_started": "New key made",
    "devices.credential.promoted": "New key used for the first time",
    "devices.credential.retired": "Old key ended",
    "devices.credential.revoked": "Key revoked",
    "devices.credential.reissued": "Key renewed by the device",
    "devices.maintenance_window.created": "Maintenance window made",
    "devices.maintenance_window.deleted": "Maintenance window taken back",
    "devices.maintenance_window.updated": "Maintenance window changed",
    "devices.presence_policy.created": "Presence policy made",
    "devices.presence_policy.deleted": "Presence policy removed",
    "devices.presence_policy.updated": "Presence policy changed",
    "devices.provisioning_key.created": "Provisioning key made",
    "devices.provisioning_key.revoked": "Provisioning key revoked",
    "devices.provisioning_key.used": "Provisioning key used",
    "devices.site.created": "Site created",
    "devices.site.updated": "Site changed",
    "devices.site.removed": "Site removed",
    "accounts.invitation.created": "Invitation sent",
    "accounts.invitation.accepted": "Invitation accepted",
    "accounts.invitation.revoked": "Invitation taken back",
    "accounts.membership.added": "Member joined",
    "accounts.membership.changed": "Member's role changed",
    "accounts.membership.removed": "Member removed",
    "accounts.tenant.handed_over": "Handed over to another owner",
    "accounts.session.opened": "Logged in",
    "accounts.session.ended": "Logged out",
    "accounts.user.erasure_requested": "Erasing of the account asked for",
    "accounts.user.erased": "Account erased",
}


def outcome(*, state: str, reason: str, error: str | None = None) -> str:
    """One sentence on what became of a command, with the device's own words if it gave some."""
    told = OUTCOMES.get(reason) or OUTCOMES.get(state) or state.replace("_", " ")
    return f"{told} It says: {error}" if error else told


def action(*, kind: str, payload: dict[str, object], relay_names: dict[int, str]) -> str:
    """What a command asks for, as a short sentence; of an erased one only its kind is known."""
    if not payload and kind in _ERASED_ACTIONS:
        return _ERASED_ACTIONS[kind]
    wanted = "on" if payload.get("is_on") else "off"
    if kind == "set_all_relays":
        return f"Turn all relays {wanted}"
    if kind == "set_relay":
        index = payload.get("relay_index")
        if not isinstance(index, int):
            return f"Turn a relay {wanted}"
        # People count the relays of a board from one, as its page does.
        return f"Turn {relay_names.get(index) or f'relay {index + 1}'} {wanted}"
    return kind.replace("_", " ").capitalize()


def audit_action(action: str) -> str:
    """`devices.device.claimed` as `Device claimed`."""
    if action in AUDIT_ACTIONS:
        return AUDIT_ACTIONS[action]
    subject, _, verb = action.partition(".")[2].rpartition(".")
    return f"{subject} {verb}".strip().replace("_", " ").capitalize() or action


def who(*, kind: str, label: str) -> str:
    """Who did something; a job of the platform has a name for logs only."""
    return "Homepot" if kind == "system" and "." in label and " " not in label else label


def plain(name: str) -> str:
    """A name of the code as words: `fields_emptied` as `fields emptied`."""
    return name.replace("_", " ")


def count_of(count: int, one: str, many: str = "") -> str:
    """`1 device`, `2 devices`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def connection_reason(reason: str, *, is_begin: bool) -> str:
    """Why a contact began or ended, as a sentence; a reason of a later release keeps its name."""
    known = (BEGIN_REASONS if is_begin else END_REASONS).get(reason)
    return known or f"{plain(reason).capitalize()}."


def lasting(seconds: float) -> str:
    """How long something lasts, in its two largest units: `2 d 3 h`, `5 min`, `40 s`."""
    whole = int(seconds)
    for size, unit, smaller, its_unit in _UNITS:
        if whole >= size:
            rest = whole % size // smaller
            # Beyond ten minutes nobody counts seconds.
            tells_rest = rest and (unit != "min" or whole < 600)
            return f"{whole // size} {unit}" + (f" {rest} {its_unit}" if tells_rest else "")
    return f"{whole} s"
