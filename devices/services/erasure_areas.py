"""What each table of devices gives up when a device is erased.

Each function does one bounded piece of its area, within the caller's unit of work and under the
device's lock, and returns its counts; it is called again until it returns none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import CharField, Q, Value
from django.db.models.functions import Cast, Concat

from devices.models import (
    Device,
    DeviceConfig,
    DeviceConfigRevision,
    DeviceConnection,
    DeviceCredential,
    DeviceEvent,
    DevicePresence,
    DeviceSession,
    DeviceTag,
    DeviceTransfer,
    EnrolmentRow,
    MaintenanceWindow,
)
from devices.services import lives

CHUNK = 500

_IDENTITY_KEPT = (
    "uid", "epoch", "pairing", "device_class", "device_type", "model", "capabilities",
    "relay_count", "is_simulated", "created_at", "claimed_at", "enrolled_by",
)  # fmt: skip
# Parts of the final state that hold facts of ours only.
_WHOLE = ("firmware_version", "connectivity", "session")
# Parts that other apps gave, whose names of members are theirs and no person's; anything else goes.
_NUMBERS = ("relays", "telemetry")


def erase_device(device_id: int, now: datetime) -> dict[str, int]:
    """Empty what people wrote about the device, and take the hardware's id away."""
    devices = Device.all_objects.unscoped("the device whose lock is held")
    device: Device = devices.get(pk=device_id)
    blank: dict[str, Any] = {
        "name": "", "device_id": "", "relay_names": {}, "input_config": {}, "tags": [],
        "ip_address": None, "claimed_by": "", "unpaired_by": "",
        "hardware_id": lives.erased_hardware_id(device.hardware_id),
        "final_state": impersonal(device.final_state),
    }  # fmt: skip
    changed = [field for field, value in blank.items() if getattr(device, field) != value]
    for field in changed:
        setattr(device, field, blank[field])
    if "tags" in changed:
        rows = DeviceTag.objects.unscoped("tags of the device whose lock is held")
        rows.filter(device_id=device_id).delete()
    if changed:
        device.save(update_fields=changed)
    return {"fields_emptied": len(changed)} if changed else {}


def impersonal(state: dict[str, Any] | None) -> dict[str, Any] | None:
    """What of a final state tells of the product and of nobody: no text that people wrote."""
    if state is None:
        return None
    kept: dict[str, Any] = {name: state[name] for name in _WHOLE if name in state}
    identity = state.get("device") or {}
    kept["device"] = {name: identity[name] for name in _IDENTITY_KEPT if name in identity}
    mode = (state.get("config") or {}).get("power_restore_mode")
    kept["config"] = {"power_restore_mode": mode}
    return kept | {name: _numbers_of(state[name]) for name in _NUMBERS if name in state}


def erase_config(device_id: int, now: datetime) -> dict[str, int]:
    """Empty its configuration and forget its versions; their numbers and times stay."""
    rows = DeviceConfig.objects.unscoped("the configuration of the device whose lock is held")
    left = rows.filter(device_id=device_id).exclude(document={}, changed_by="", error="")
    emptied = left.update(document={}, changed_by="", error="")
    versions = DeviceConfigRevision.objects.unscoped("versions of that configuration")
    chunk = list(versions.filter(device_id=device_id).values_list("pk", flat=True)[:CHUNK])
    removed = versions.filter(pk__in=chunk).delete()[0]
    return _counted("rows_emptied", emptied) | _counted("versions_removed", removed)


def erase_session(device_id: int, now: datetime) -> dict[str, int]:
    """Forget the addresses it last connected from, and the name of its MQTT connection."""
    sessions = DeviceSession.objects.filter(device_id=device_id).exclude(address="")
    presences = DevicePresence.objects.filter(device_id=device_id).exclude(
        address="", client_session=""
    )
    keys = DeviceCredential.objects.filter(device_id=device_id).exclude(last_address="")
    emptied = sessions.update(address="") + presences.update(address="", client_session="")
    emptied += keys.update(last_address="")
    return _counted("addresses_emptied", emptied)


def erase_connections(device_id: int, now: datetime) -> dict[str, int]:
    """Forget the addresses that the log of its connections has; when it came and went stays."""
    lines = DeviceConnection.objects.unscoped("lines of the device whose lock is held")
    left = lines.filter(device_id=device_id).exclude(address="")
    chunk = list(left.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    return _counted("addresses_emptied", lines.filter(pk__in=chunk).update(address=""))


def erase_maintenance(device_id: int, now: datetime) -> dict[str, int]:
    """Forget who agreed on windows for it, and what they wrote as the reason."""
    rows = MaintenanceWindow.objects.unscoped("windows of the device whose lock is held")
    told = rows.filter(device_id=device_id).filter(~Q(reason="") | ~Q(created_by=""))
    return _counted("rows_emptied", told.update(reason="", created_by=""))


def erase_input_events(device_id: int, now: datetime) -> dict[str, int]:
    """Replace the ids that the device made up for its events by numbers of ours."""
    rows = DeviceEvent.objects.unscoped("events of the device whose lock is held")
    # No device may send an id with this sign in it.
    ours = Concat(Value("~"), Cast("pk", CharField()), output_field=CharField())
    left = rows.filter(device_id=device_id).exclude(event_id__startswith="~")
    chunk = list(left.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    return _counted("ids_replaced", rows.filter(pk__in=chunk).update(event_id=ours))


def erase_enrolment_rows(device_id: int, now: datetime) -> dict[str, int]:
    """Empty the rows of the lists with which it was enrolled."""
    rows = EnrolmentRow.objects.unscoped("rows of the device whose lock is held")
    left = rows.filter(device_id=device_id).exclude(
        given={}, problems__isnull=True, sealed_secret__isnull=True
    )
    return _counted("rows_emptied", left.update(given={}, problems=None, sealed_secret=None))


def erase_transfers(device_id: int, now: datetime) -> dict[str, int]:
    """Forget which of the giver's people offered it, and who took that back."""
    rows = DeviceTransfer.objects.unscoped("offers of the device whose lock is held")
    named = rows.filter(device_id=device_id).filter(~Q(offered_by="") | ~Q(decided_by=""))
    return _counted("rows_emptied", named.update(offered_by="", decided_by=""))


def _counted(name: str, count: int) -> dict[str, int]:
    return {name: count} if count else {}


def _numbers_of(value: Any) -> Any:
    """The same structure without its texts."""
    if isinstance(value, dict):
        parts = {name: _numbers_of(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, list):
        return [_numbers_of(part) for part in value]
    return value if isinstance(value, (bool, int, float)) else None


OWN: dict[str, Callable[[int, datetime], dict[str, int]]] = {
    "device": erase_device,
    "config": erase_config,
    "session": erase_session,
    "connections": erase_connections,
    "maintenance_windows": erase_maintenance,
    "input_events": erase_input_events,
    "enrolments": erase_enrolment_rows,
    "transfers": erase_transfers,
}
