"""Whether devices are as they are desired; what is known of that is a higher app's."""

from __future__ import annotations

from devices import registry
from devices.models import Device
from devices.querysets import DeviceQuerySet

_KNOWN = "sync_known"


def with_sync(devices: DeviceQuerySet) -> DeviceQuerySet:
    """The devices with what `sync_facts` reads, in one query for all of them."""
    found: DeviceQuerySet = registry.sync_source().joined(devices)
    return found


def in_sync_state(devices: DeviceQuerySet, state: str) -> DeviceQuerySet:
    """Only the devices in that state (`choices.Sync`)."""
    found: DeviceQuerySet = registry.sync_source().narrowed(devices, state)
    return found


def sync_facts(device: Device) -> registry.SyncFacts:
    """Whether the device is as desired; one query, or none for those of `with_sync`."""
    known: registry.SyncFacts | None = getattr(device, _KNOWN, None)
    if known is None:
        known = registry.sync_source().facts(device)
        setattr(device, _KNOWN, known)
    return known
