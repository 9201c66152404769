"""What other apps may ask of devices in their queries, as conditions for a queryset of devices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Left

from devices.choices import Connectivity, Pairing
from devices.models import Device, DeviceCapability, DeviceTag
from devices.querysets import DeviceQuerySet
from devices.selectors.devices import stale_after
from kernel.portable_functions import AsciiLower

_WHY = "narrowed to the devices of the outer query"


def connectivity_is(connectivity: str, now: datetime) -> Q:
    """Devices whose connectivity at that time is this one; exactly one of the four fits each."""
    if connectivity == Connectivity.NEVER:
        return Q(presence__last_seen_at__isnull=True)
    heard = Q(presence__last_seen_at__isnull=False)
    if connectivity == Connectivity.OFFLINE:
        return heard & Q(presence__is_online=False)
    online = heard & Q(presence__is_online=True)
    side = "lt" if connectivity == Connectivity.STALE else "gte"
    usual = now - stale_after(None)
    # The few with a time of their own; the sum is left out for all others, who have none.
    own = ExpressionWrapper(
        F("presence__offline_after_s") * Value(2) / Value(3) * Value(timedelta(seconds=1)),
        output_field=DurationField(),
    )
    return online & (
        Q(presence__offline_after_s__isnull=True, **{f"presence__last_seen_at__{side}": usual})
        | Q(
            presence__offline_after_s__isnull=False,
            **{f"presence__last_seen_at__{side}": Value(now) - own},
        )
    )


def status_is(status: str) -> Q:
    """Devices of that status in the seed's three words: online, offline, unpaired."""
    if status == "unpaired":
        return Q(pairing=Pairing.UNPAIRED)
    living = ~Q(pairing=Pairing.UNPAIRED)
    if status == "online":
        return living & Q(presence__is_online=True)
    return living & (Q(presence__is_online=False) | Q(presence__isnull=True))


def tagged(key: str, value: str = "") -> Exists:
    """Devices with a tag of that key, and with that value of it where one is given."""
    rows = _tags().filter(key=key)
    return Exists(rows.filter(value=value) if value else rows)


def tagged_at_all(beginning: str = "") -> Exists:
    """Devices with a tag whose key begins so, A to Z as a to z; without a beginning, with any."""
    if not beginning:
        return Exists(_tags())
    key = Left(AsciiLower("key"), len(beginning))
    return Exists(_tags().annotate(beginning=key).filter(beginning=beginning))


def able_to(names: tuple[str, ...]) -> Exists:
    """Devices with one of these capabilities; without names, with any."""
    rows = DeviceCapability.objects.unscoped(_WHY).filter(device_id=OuterRef("pk"))
    return Exists(rows.filter(name__in=names) if names else rows)


def lives_by_key(device_ids: Any) -> DeviceQuerySet:
    """The lives with these keys, also the ended ones, whoever owns them: the caller has chosen."""
    devices: DeviceQuerySet = Device.all_objects.unscoped("the caller names the devices")
    return devices.filter(pk__in=device_ids)


def tags_by_device(device_ids: Any) -> dict[int, dict[str, str]]:
    """The tags of each of these devices, by key."""
    found: dict[int, dict[str, str]] = {}
    rows = DeviceTag.objects.unscoped("the caller names the devices")
    for device_id, key, value in rows.filter(device_id__in=device_ids).values_list(
        "device_id", "key", "value"
    ):
        found.setdefault(device_id, {})[key] = value
    return found


def _tags() -> Any:
    return DeviceTag.objects.unscoped(_WHY).filter(device_id=OuterRef("pk"))
