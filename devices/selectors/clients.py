"""Reads about MQTT clients of devices: which of them are there to be told something."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from devices.models import Device

# Who fetches its commands over HTTP is told there, whatever client of it is still connected.
_POLLED_LATELY = timedelta(seconds=35)


def mqtt_clients(device_ids: Collection[int], now: datetime) -> dict[int, str]:
    """The public ids of those of the devices that are reached over MQTT."""
    return dict(_clients(now).filter(pk__in=device_ids).values_list("pk", "uid"))


def mqtt_clients_named(uids: Collection[str], now: datetime) -> dict[int, str]:
    """The same for devices known by their public ids."""
    return dict(_clients(now).filter(uid__in=uids).values_list("pk", "uid"))


def next_mqtt_clients(*, after: int, limit: int, now: datetime) -> dict[int, str]:
    """The next of all devices that are reached over MQTT, by their keys."""
    found = _clients(now).filter(pk__gt=after).order_by("pk")
    return dict(found.values_list("pk", "uid")[:limit])


def _clients(now: datetime) -> QuerySet[Device]:
    rows: Any = Device.objects.unscoped("whoever is connected to the broker, of whatever tenant")
    polled_at = "session__polled_at"
    found: QuerySet[Device] = rows.filter(
        Q(**{f"{polled_at}__isnull": True}) | Q(**{f"{polled_at}__lt": now - _POLLED_LATELY}),
        is_active=True,
        session__is_live=False,
        presence__is_online=True,
        presence__client_lost_at__isnull=True,
    ).exclude(presence__client_session="")
    return found
