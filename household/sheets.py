"""One device of the app: what its page, its setup and its unpairing show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.permissions import has_role
from devices import selectors as devices
from household import arrangement, diary, homes
from household.tiles import Tile, tiles_of
from kernel import errors
from kernel.actors import Actor
from telemetry import selectors as telemetry


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A device with its story; `earlier_lives` are those the viewer may read."""

    tile: Tile
    model: str
    firmware_version: str
    hardware_id: str
    attributes: Sequence[tuple[str, str]]
    may_edit: bool
    may_manage: bool
    claimed_at: datetime | None
    unpaired_at: datetime | None
    unpaired_by: str
    end_reason: str
    earlier_lives: int
    next_life: str
    home: str
    rooms: Sequence[str]
    entries: Sequence[diary.Entry]


def sheet(*, actor: Actor, uid: str, now: datetime) -> Sheet:
    """One device of the viewer, living or not. Raises NotFound for a foreign one as for none."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    favourites = arrangement.read(actor=actor).favourites
    (tile,) = tiles_of([device], actor=actor, favourites=favourites, now=now)
    lives = list(devices.lives_visible_to(actor, device).values_list("epoch", "uid", "is_active"))
    return Sheet(
        tile=tile,
        model=device.model,
        firmware_version=device.firmware_version,
        hardware_id=device.hardware_id,
        attributes=[
            (each.name, each.value)
            for each in telemetry.sensors_of(actor=actor, device_uid=device.uid).attributes
        ],
        may_edit=device.is_active and has_role(actor, device.tenant_id, "operator"),
        may_manage=device.is_active and has_role(actor, device.tenant_id, "admin"),
        claimed_at=device.claimed_at,
        unpaired_at=device.unpaired_at,
        unpaired_by=device.unpaired_by,
        end_reason=str(device.end_reason),
        earlier_lives=sum(1 for epoch, _, _ in lives if epoch < device.epoch),
        next_life=next(
            (other for epoch, other, lives_on in lives if lives_on and epoch > device.epoch), ""
        ),
        home=device.tenant.name if device.tenant else "",
        rooms=_rooms(actor),
        entries=diary.diary_of(device=device, actor=actor, now=now).entries[:12],
    )


def managed_sheet(*, actor: Actor, uid: str, now: datetime, least: str = "admin") -> Sheet:
    """As `sheet`, for who may change the device. Raises NotFound, PermissionDenied."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    _require(actor, device, least)
    return sheet(actor=actor, uid=uid, now=now)


def _require(actor: Actor, device: Any, least: str) -> None:
    if not has_role(actor, device.tenant_id, least):
        raise errors.PermissionDenied(f"This needs the role {least} or more.")


def _rooms(actor: Actor) -> list[str]:
    mine = homes.rooms_of(actor)
    usual = [room for room in homes.rooms.USUAL if room not in mine]
    return [*mine, *usual]
