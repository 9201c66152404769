"""A presence row, read under its device's lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from devices.models import DevicePresence
from devices.types import Contact
from kernel.compiled import Select, Slot

_STATE = Select(
    lambda: DevicePresence.objects.filter(device_id=Slot("device_id")).values_list(
        "device_id",
        "device__uid",
        "device__tenant_id",
        "device__is_active",
        "is_online",
        "last_seen_at",
        "contact",
        "contact_at",
        "changed_at",
        "known_since",
        "is_flapping",
        "offline_after_s",
        "wire",
        "address",
        "client_session",
        "client_lost_at",
    )
)


@dataclass(frozen=True, slots=True)
class State:
    """A presence row as it is under the device's lock, in the order of `_STATE`."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    is_active: bool
    is_online: bool
    last_seen_at: datetime | None
    contact: int
    contact_at: datetime | None
    changed_at: datetime | None
    known_since: datetime | None
    is_flapping: bool
    offline_after_s: int | None
    wire: str
    address: str
    client_session: str
    client_lost_at: datetime | None

    @property
    def sessionless(self) -> Contact:
        """How it is heard where no session holds it."""
        return Contact(wire=self.wire, address=self.address, client_session=self.client_session)

    @property
    def greeter(self) -> str:
        """The connection of its MQTT client that greeted last, unless that one was lost."""
        return "" if self.client_lost_at else self.client_session


def read(device_id: int) -> State | None:
    """How the device stands; None where there is no such device."""
    found = _STATE.first(device_id=device_id)
    return None if found is None else State(*found)


def row(device_id: int) -> QuerySet[DevicePresence]:
    """The row, to be changed."""
    return DevicePresence.objects.filter(device_id=device_id)
