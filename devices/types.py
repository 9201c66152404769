"""Frozen values about devices that other apps may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFacts:
    """What an authenticated device is."""

    device_id: int
    uid: str
    tenant_id: int | None
    pairing: str
    is_simulated: bool
    credential_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFacts:
    """A device and its present session, read under the device's lock."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    epoch: int
    is_live: bool
    is_active: bool
    relay_count: int
    is_online: bool
    last_seen_at: datetime | None
    observed_seq: int = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionCheck:
    """What a process that holds a device's socket must know now and then."""

    epoch: int
    is_active: bool
    credential_id: int | None


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
    claim_code: str = field(repr=False)
    claim_expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceChanges:
    """An edit of a device; what is None stays as it is."""

    name: str | None = None
    relay_names: dict[str, str] | None = None
    input_config: dict[str, Any] | None = None
    power_restore_mode: str | None = None
    tags: list[str] | None = None

    def given(self) -> dict[str, Any]:
        """Only the fields that are to change."""
        names = ("name", "relay_names", "input_config", "power_restore_mode", "tags")
        return {name: value for name in names if (value := getattr(self, name)) is not None}
