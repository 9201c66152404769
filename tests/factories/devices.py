"""Devices made by the real services, as their owners and their sessions come by them."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from commands.types import CommandView
from devices.models import Device, DevicePresence, DeviceSession
from devices.services import claiming, provisioning, sessions
from devices.types import DeviceRegistration, ProvisionedDevice
from kernel.actors import Actor
from relays.models import RelayState
from relays.services import switching

_addresses = itertools.count(1)


@dataclass(frozen=True)
class Board:
    """A relay board and the number of its present session (0 before the first)."""

    device_id: int
    uid: str
    token: str
    claim_code: str
    epoch: int = 0

    def row(self) -> Device:
        """Its row as it is now."""
        return Device.all_objects.unscoped("tests look at everything").get(pk=self.device_id)

    def session(self) -> DeviceSession:
        """Its session row as it is now."""
        return DeviceSession.objects.get(pk=self.device_id)

    def presence(self) -> DevicePresence:
        """Its presence row as it is now."""
        return DevicePresence.objects.get(pk=self.device_id)

    def positions(self) -> list[bool | None]:
        """What the server knows of its relays."""
        rows = RelayState.objects.unscoped("tests look at everything")
        return [row.is_on for row in rows.filter(device_id=self.device_id).order_by("index")]


def registration_of(hardware_id: str = "", *, relay_count: int = 4) -> DeviceRegistration:
    """What a relay board says of itself."""
    return DeviceRegistration(
        hardware_id=hardware_id or secrets.token_hex(8),
        device_class="relay_controller",
        model="HP-R4",
        firmware_version="1.0.0",
        capabilities=("relay",),
        relay_count=relay_count,
    )


def provision(
    hardware_id: str = "", *, relay_count: int = 4, now: datetime | None = None
) -> ProvisionedDevice:
    """A device that nobody has claimed; each comes from an address of its own."""
    return provisioning.register_device(
        registration=registration_of(hardware_id, relay_count=relay_count),
        provision_key=settings.DEVICE_PROVISION_KEY,
        address=f"test-{next(_addresses)}",
        now=now or timezone.now(),
    )


def make_device(
    owner: Actor, *, hardware_id: str = "", relay_count: int = 4, now: datetime | None = None
) -> Board:
    """A device of the owner's, which has never connected."""
    made = provision(hardware_id, relay_count=relay_count, now=now)
    claiming.claim_device(code=made.claim_code, actor=owner, now=now or timezone.now())
    return Board(made.device_id, made.device_uid, made.device_token, made.claim_code)


def connected_device(owner: Actor, *, relay_count: int = 4, now: datetime | None = None) -> Board:
    """A device of the owner's with an open session."""
    return reconnected(make_device(owner, relay_count=relay_count, now=now), now=now)


def reconnected(board: Board, *, now: datetime | None = None) -> Board:
    """The same device with its next session."""
    facts = sessions.open_session(
        device_id=board.device_id, address=None, now=now or timezone.now()
    )
    return Board(board.device_id, board.uid, board.token, board.claim_code, facts.epoch)


def switch(
    owner: Actor, board: Board, relay_index: int, is_on: bool, *, now: datetime | None = None
) -> CommandView:
    """Ask for a relay to be switched."""
    return switching.switch_relay(
        device_uid=board.uid,
        relay_index=relay_index,
        is_on=is_on,
        actor=owner,
        now=now or timezone.now(),
    )
