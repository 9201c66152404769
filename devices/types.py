"""Frozen values about devices that other apps may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from devices.session_types import Contact as Contact
from devices.session_types import HeldSession as HeldSession
from devices.session_types import KnownCaller as KnownCaller
from devices.session_types import KnownPublisher as KnownPublisher
from devices.session_types import SessionCheck as SessionCheck
from devices.session_types import SessionFacts as SessionFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFacts:
    """What an authenticated device is."""

    device_id: int
    uid: str
    tenant_id: int | None
    pairing: str
    is_simulated: bool
    credential_id: int
    # When it was last heard; None while it counts as offline.
    heard_at: datetime | None = None


class DeviceOwner(NamedTuple):
    """Whose a life is, and whether it goes on; without an owner the tenant is None."""

    device_id: int
    tenant_id: int | None
    is_active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceRegistration:
    """What a device says of itself when it is provisioned."""

    hardware_id: str
    device_class: str
    device_type: str = ""
    model: str = ""
    firmware_version: str = ""
    capabilities: tuple[str, ...] = ()
    relay_count: int = 0
    is_simulated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvisionedDevice:
    """The answer to a provisioning; the token is shown this once."""

    device_id: int
    device_uid: str
    device_token: str = field(repr=False)
    # None for a device that has its owner already: nobody needs to claim it.
    claim_code: str | None = field(default=None, repr=False)
    claim_expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceChanges:
    """An edit of a device; what is None stays as it is. An empty `site`: it stands at none."""

    name: str | None = None
    site: str | None = None
    relay_names: dict[str, str] | None = None
    input_config: dict[str, Any] | None = None
    power_restore_mode: str | None = None
    tags: list[str] | None = None
    # Seconds; 0: as the device's class or the installation has it.
    offline_after_s: int | None = None
    poll_interval_s: int | None = None

    def given(self) -> dict[str, Any]:
        """Only the fields that are to change."""
        names = (
            "name", "site", "relay_names", "input_config", "power_restore_mode", "tags",
            "offline_after_s", "poll_interval_s",
        )  # fmt: skip
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where on earth a site is, in degrees; two of None: nobody said."""

    latitude: Decimal | None = None
    longitude: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSite:
    """A site to be made; without a `site_id` it gets one out of its name."""

    name: str
    site_id: str = ""
    address: str = ""
    time_zone: str = "UTC"
    position: Position = Position()


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteChanges:
    """An edit of a site; what is None stays as it is."""

    name: str | None = None
    address: str | None = None
    time_zone: str | None = None
    position: Position | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteView:
    """A site as every interface shows it, with how many living devices it has."""

    site_id: str
    name: str
    address: str
    time_zone: str
    latitude: Decimal | None
    longitude: Decimal | None
    created_at: datetime
    tenant_uid: str
    tenant_name: str
    device_count: int
    online_count: int
    # Without simulated ones: these are the figures that count.
    real_count: int
    real_online_count: int
    simulated_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovedSite:
    """What went with a site."""

    site_id: str
    devices_unpaired: int
    devices_moved: int
    moved_to: str | None
    keys_revoked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteDevice:
    """A device as its installer describes it; `device_id` is what the site calls it."""

    device_id: str
    name: str = ""
    device_type: str = ""
    ip_address: str | None = None
    device_class: str = "other"
    model: str = ""
    capabilities: tuple[str, ...] = ()
    relay_count: int = 0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFacts:
    """How a device's keys stand (`choices.KeyState`), without any of them."""

    state: str
    created_at: datetime | None = None
    rotation_started_at: datetime | None = None
    old_key_retires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyView:
    """One key of a device, without the key: what it is for, and when and where it was used.

    `last_used_at` is noted once an hour at most, and at once from another address.
    """

    role: str
    created_at: datetime
    first_used_at: datetime | None
    last_used_at: datetime | None
    last_used_over: str
    last_address: str
    retires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RotatedKey:
    """A new key that waits for its first use until `expires_at`; it is shown this once."""

    device_uid: str
    device_id: str
    api_key: str = field(repr=False)
    grace_seconds: int
    revoke_old: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerKey:
    """What hardware shows of a former life: the name it had there and its key."""

    device_uid: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchKeyFacts:
    """The provisioning key that a device came in with, its use counted."""

    key_id: int
    uid: str
    name: str
    tenant_id: int
    site_id: int | None
    used: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferView:
    """A transfer as one side may see it; `device_uid` is that side's life of the device."""

    uid: str
    direction: str
    state: str
    device_uid: str
    giver: str
    receiver: str | None
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    offered_by: str | None
    decided_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """A time in which the server itself heard nobody: its silences are no device's."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it was."""
        return self.until - self.since


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A device that has just come online or gone; `previous_at` is when it last did so."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    is_online: bool
    reason: str
    at: datetime
    last_seen_at: datetime | None = None
    previous_at: datetime | None = None
    is_flapping: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceStatus:
    """How a device stands, and since when."""

    uid: str
    connectivity: str
    last_seen_at: datetime | None
    since: datetime | None
    is_flapping: bool


class LifeFacts(NamedTuple):
    """One life of a piece of hardware as the database has it, and its presence."""

    uid: str
    device_id: int
    hardware_id: str
    epoch: int
    is_active: bool
    is_simulated: bool
    is_online: bool | None
    last_seen_at: datetime | None
    offline_after_s: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """What higher apps may tell of: a change of a device's presence, or an outage of a site.

    `kind` is one of `offline`, `online`, `flapping`, `flapping_ended`, `site_outage`,
    `site_outage_ended`, `drift` and `drift_ended`; `count` are the changes or the devices that it is about.
    """

    kind: str
    tenant_id: int
    at: datetime
    device_id: int | None = None
    site_pk: int | None = None
    is_online: bool | None = None
    reason: str = ""
    count: int = 0
    total: int = 0
    began_at: datetime | None = None


class DeviceName(NamedTuple):
    """What a device is called and where it stands, and whether it is there."""

    device_id: int
    uid: str
    tenant_id: int | None
    is_active: bool
    is_simulated: bool
    device_class: str
    name: str
    model: str
    site_pk: int | None
    site_id: str | None
    site_name: str | None
    is_online: bool | None

    @property
    def title(self) -> str:
        """What people call it, as `Device.title`."""
        return self.name or f"{self.model or self.device_class} {self.uid}"


class SiteName(NamedTuple):
    """What a site is called, and whether anything but simulated devices stands there."""

    site_pk: int
    site_id: str
    name: str
    has_real_devices: bool
