"""Facts about devices, published on commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class DeviceProvisioned(DomainEvent):
    """A device registered itself, or took a new token."""

    name: ClassVar[str] = "devices.device.provisioned.v1"
    device_id: int
    is_new_life: bool


@dataclass(frozen=True, kw_only=True)
class DeviceClaimed(DomainEvent):
    """A tenant became the owner of a device."""

    name: ClassVar[str] = "devices.device.claimed.v1"
    device_id: int
    tenant_id: int


@dataclass(frozen=True, kw_only=True)
class DeviceUnpaired(DomainEvent):
    """A life of a device ended, for a `choices.LifeEnd`; a tenant of None: it had no owner."""

    name: ClassVar[str] = "devices.device.unpaired.v1"
    device_id: int
    device_uid: str
    tenant_id: int | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class DeviceUpdated(DomainEvent):
    """Somebody changed a device's name, relays, inputs, restore mode or tags."""

    name: ClassVar[str] = "devices.device.updated.v1"
    device_id: int
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ConfigChanged(DomainEvent):
    """A device is to work by a new version of its configuration."""

    name: ClassVar[str] = "devices.config.changed.v1"
    device_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class ConfigConfirmed(DomainEvent):
    """A device said that it works by a version of its configuration, or that it cannot."""

    name: ClassVar[str] = "devices.config.confirmed.v1"
    device_id: int
    version: int
    is_applied: bool


@dataclass(frozen=True, kw_only=True)
class SessionOpened(DomainEvent):
    """A device connected; sessions of a lower epoch are fenced."""

    name: ClassVar[str] = "devices.session.opened.v1"
    device_id: int
    epoch: int


@dataclass(frozen=True, kw_only=True)
class SessionClosed(DomainEvent):
    """The present session of a device ended."""

    name: ClassVar[str] = "devices.session.closed.v1"
    device_id: int
    epoch: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class CredentialRevoked(DomainEvent):
    """One key of a device is void from now on; others of it may be good."""

    name: ClassVar[str] = "devices.credential.revoked.v1"
    device_id: int
    credential_id: int


@dataclass(frozen=True, kw_only=True)
class BrokerAccountsRevoked(DomainEvent):
    """These devices' accounts at the MQTT broker are void and to be removed there."""

    name: ClassVar[str] = "devices.broker_accounts.revoked.v1"
    device_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PresenceChanged(DomainEvent):
    """A device went online or offline."""

    name: ClassVar[str] = "devices.presence.changed.v1"
    device_id: int
    is_online: bool


@dataclass(frozen=True, kw_only=True)
class InputEventRecorded(DomainEvent):
    """A device reported something at one of its inputs."""

    name: ClassVar[str] = "devices.input_event.recorded.v1"
    device_id: int
    event_id: str
    input_index: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class SiteCreated(DomainEvent):
    """A tenant has a new site."""

    name: ClassVar[str] = "devices.site.created.v1"
    site_pk: int
    tenant_id: int


@dataclass(frozen=True, kw_only=True)
class SiteUpdated(DomainEvent):
    """Somebody changed a site's name, address, time zone or position."""

    name: ClassVar[str] = "devices.site.updated.v1"
    site_pk: int
    tenant_id: int
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SiteRemoved(DomainEvent):
    """A site is gone; its devices were unpaired, or moved to another of the tenant's sites."""

    name: ClassVar[str] = "devices.site.removed.v1"
    site_pk: int
    tenant_id: int
    moved_to: int | None


@dataclass(frozen=True, kw_only=True)
class TransferChanged(DomainEvent):
    """A device was offered to another tenant, or such an offer ended (`choices.TransferState`)."""

    name: ClassVar[str] = "devices.transfer.changed.v1"
    device_id: int
    transfer_uid: str
    state: str


@dataclass(frozen=True, kw_only=True)
class DeviceErased(DomainEvent):
    """The personal data of an archived device was removed."""

    name: ClassVar[str] = "devices.device.erased.v1"
    device_id: int
    erasure_uid: str


@dataclass(frozen=True, kw_only=True)
class FlappingBegan(DomainEvent):
    """A device changes so often that its changes are not told one by one any more."""

    name: ClassVar[str] = "devices.presence.flapping_began.v1"
    device_id: int
    count: int


@dataclass(frozen=True, kw_only=True)
class FlappingEnded(DomainEvent):
    """A device that flapped has been calm; this is how it stands."""

    name: ClassVar[str] = "devices.presence.flapping_ended.v1"
    device_id: int
    is_online: bool


@dataclass(frozen=True, kw_only=True)
class SiteOutageBegan(DomainEvent):
    """Nearly all devices of a site were lost within a minute."""

    name: ClassVar[str] = "devices.site.outage_began.v1"
    outage_id: int
    site_pk: int
    tenant_id: int
    lost: int
    total: int


@dataclass(frozen=True, kw_only=True)
class SiteOutageEnded(DomainEvent):
    """At least half of the devices that a site had lost are back."""

    name: ClassVar[str] = "devices.site.outage_ended.v1"
    outage_id: int
    site_pk: int
    tenant_id: int
