"""How devices stand to what is desired of them, for those who list devices."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from devices.choices import Sync
from devices.registry import SyncFacts, SyncSource
from twins.models import Twin
from twins.selectors.twins import sync_of

_NARROW = ("is_drifting", "drift_since", "desired_version")
_WIDE = tuple(
    f"twin__{field.name}"
    for field in Twin._meta.concrete_fields
    if field.name not in _NARROW and not field.primary_key
)


def _joined(devices: Any) -> Any:
    """The devices with what `_facts` reads, in the same query; never the documents."""
    return devices.select_related("twin").defer(*_WIDE)


def _facts(device: Any) -> SyncFacts:
    if not type(device).twin.is_cached(device):
        rows: Any = Twin.objects.unscoped("the twin of a device found within the caller's scope")
        twin = rows.filter(device_id=device.pk).only(*_NARROW).first()
    else:
        twin = getattr(device, "twin", None)
    if twin is None or not device.is_active:
        return SyncFacts(state=Sync.UNKNOWN, drift_since=None)
    return SyncFacts(state=sync_of(twin), drift_since=twin.drift_since)


def _narrowed(devices: Any, state: str) -> Any:
    if state == Sync.DRIFT:
        return devices.filter(twin__is_drifting=True)
    if state == Sync.IN_SYNC:
        return devices.filter(twin__is_drifting=False, twin__desired_version__gt=0)
    return devices.filter(Q(twin__isnull=True) | Q(twin__desired_version=0))


SOURCE = SyncSource(joined=_joined, facts=_facts, narrowed=_narrowed)
