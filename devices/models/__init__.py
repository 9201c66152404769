"""A device is one life of a piece of hardware; what changes often has a table of its own."""

from devices.models.broker_accounts import BrokerAccount
from devices.models.config import DeviceConfig, DeviceConfigRevision
from devices.models.connectivity import (
    LONGEST_TIMEOUT_S,
    SHORTEST_TIMEOUT_S,
    DeviceConnection,
    FlapEpisode,
    MaintenanceWindow,
    PresencePolicy,
    SiteOutage,
)
from devices.models.credentials import (
    ClaimCode,
    DeviceCredential,
    DeviceTransfer,
    ProvisioningKey,
)
from devices.models.device import (
    Device,
    DeviceCapability,
    DeviceEvent,
    DevicePresence,
    DeviceSession,
)
from devices.models.jobs import DeviceErasure, Enrolment, EnrolmentRow
from devices.models.sites import Site
from devices.models.tags import MAX_TAG_PART, DeviceTag

__all__ = [
    "LONGEST_TIMEOUT_S",
    "MAX_TAG_PART",
    "SHORTEST_TIMEOUT_S",
    "BrokerAccount",
    "ClaimCode",
    "Device",
    "DeviceCapability",
    "DeviceConfig",
    "DeviceConfigRevision",
    "DeviceConnection",
    "DeviceCredential",
    "DeviceErasure",
    "DeviceEvent",
    "DevicePresence",
    "DeviceSession",
    "DeviceTag",
    "DeviceTransfer",
    "Enrolment",
    "EnrolmentRow",
    "FlapEpisode",
    "MaintenanceWindow",
    "PresencePolicy",
    "ProvisioningKey",
    "Site",
    "SiteOutage",
]
