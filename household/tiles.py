"""Devices as the app shows them: what a person wants to see and switch, nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from accounts.permissions import has_role
from devices import selectors as devices
from household import rooms
from kernel.actors import Actor
from ops.selectors import sensor_cards
from relays import selectors as relays
from telemetry import selectors as telemetry

if TYPE_CHECKING:
    from ops.selectors import SensorCard
    from relays.types import RelayView

SENSORS_ON_TILE: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One device with its switches and sensors; `room` and `site` may be empty."""

    uid: str
    name: str
    device_class: str
    room: str
    site: str
    connectivity: str
    pairing: str
    epoch: int
    is_simulated: bool
    last_seen_at: datetime | None
    sync: str
    relays: Sequence[RelayView]
    sensors: Sequence[SensorCard]
    may_switch: bool
    is_favourite: bool

    @property
    def is_archived(self) -> bool:
        """Whether its life has ended: everything can be read, nothing changes."""
        return self.pairing == "unpaired"

    @property
    def is_locked(self) -> bool:
        """Whether its switches only show."""
        return self.is_archived or not self.may_switch

    @property
    def few_sensors(self) -> Sequence[SensorCard]:
        """As many of its sensors as a tile has room for, those that call for somebody first."""
        return self.sensors[:SENSORS_ON_TILE]


def tiles_of(
    rows: Sequence[Any], *, actor: Actor, favourites: Collection[str] = (), now: datetime
) -> list[Tile]:
    """These devices, which the viewer was found to see, in their order; with three queries."""
    states = relays.relay_states({device.pk: device.relay_names for device in rows})
    said = telemetry.sensor_states([device.pk for device in rows])
    return [
        Tile(
            uid=device.uid,
            name=device.name or device.device_id or device.uid,
            device_class=device.device_class,
            room=rooms.room_of(device.tags),
            site=device.site.name if device.site else "",
            connectivity=devices.connectivity(device, now),
            pairing=device.pairing,
            epoch=device.epoch,
            is_simulated=device.is_simulated,
            last_seen_at=device.presence.last_seen_at,
            sync=devices.sync_facts(device).state,
            relays=states.get(device.pk, ()),
            sensors=sensor_cards(said.get(device.pk, ())),
            may_switch=has_role(actor, device.tenant_id, "operator"),
            is_favourite=device.uid in favourites,
        )
        for device in rows
    ]
