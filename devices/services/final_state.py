"""What is kept of a life: everything that was known of the device the moment before it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from devices import registry, selectors
from devices.config_types import ConfigView
from devices.models import Device
from devices.selectors.config import FREE, configs_of, document_of


def final_states(devices: Sequence[Device], now: datetime) -> dict[int, dict[str, Any]]:
    """Each device as it stands, as JSON values, with what the higher apps know of it.

    Within the caller's unit of work, under the devices' locks, before anything is changed.
    """
    keys = [device.pk for device in devices]
    known = registry.snapshots(keys)
    configs = configs_of(keys)
    return {
        device.pk: known[device.pk] | _own_state(device, configs[device.pk], now)
        for device in devices
    }


def _own_state(device: Device, kept: ConfigView, now: datetime) -> dict[str, Any]:
    session, presence = device.session, device.presence
    return {
        "device": _identity(device),
        "site": None if device.site is None else device.site.site_id,
        "tags": list(device.tags),
        "config": document_of(device, kept.document.get(FREE, {}))
        | {"version": kept.version, "applied_version": kept.applied_version},
        "firmware_version": device.firmware_version,
        "connectivity": {
            "state": str(selectors.connectivity(device, now)),
            "is_online": presence.is_online,
            "last_seen_at": _iso(presence.last_seen_at),
        },
        "session": {
            "epoch": session.epoch,
            "is_live": session.is_live,
            "wire": str(session.wire),
            "opened_at": _iso(session.opened_at),
        },
    }


def _identity(device: Device) -> dict[str, Any]:
    return {
        "uid": device.uid,
        "hardware_id": device.hardware_id,
        "epoch": device.epoch,
        "pairing": str(device.pairing),
        "device_id": device.device_id,
        "name": device.name,
        "device_class": str(device.device_class),
        "device_type": device.device_type,
        "model": device.model,
        "capabilities": list(device.capabilities),
        "relay_count": device.relay_count,
        "ip_address": device.ip_address,
        "is_simulated": device.is_simulated,
        "created_at": _iso(device.created_at),
        "claimed_at": _iso(device.claimed_at),
        "claimed_by": device.claimed_by,
        "enrolled_by": str(device.enrolled_by),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
