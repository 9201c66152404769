"""What devices prove themselves with; the keys themselves are known to nobody here."""

from __future__ import annotations

from django.contrib import admin

from devices.models import (
    BrokerAccount,
    ClaimCode,
    DeviceCredential,
    DeviceTransfer,
    ProvisioningKey,
)
from kernel.admin.base import Figure, ReadOnlyAdmin


@admin.register(DeviceCredential)
class DeviceCredentialAdmin(ReadOnlyAdmin):
    """Keys of devices: since when, in which role, until when."""

    list_display = (
        "id", "device", "role", "created_at", "first_used_at", "retires_at", "revoked_at",
    )  # fmt: skip
    list_filter = ("role", ("revoked_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("device__uid", "device__name")
    figures = (
        Figure(
            label="Keys being replaced",
            narrow=lambda rows, now: rows.filter(
                revoked_at__isnull=True, role__in=("pending", "retiring")
            ),
            query="role__exact=retiring&revoked_at__isempty=1",
        ),
    )


@admin.register(ClaimCode)
class ClaimCodeAdmin(ReadOnlyAdmin):
    """Codes by which devices are claimed."""

    list_display = ("id", "device", "source", "expires_at", "used_at")
    list_filter = (("used_at", admin.EmptyFieldListFilter), "expires_at")
    search_fields = ("device__uid",)


@admin.register(ProvisioningKey)
class ProvisioningKeyAdmin(ReadOnlyAdmin):
    """Keys that let a number of devices in."""

    list_display = (
        "uid", "name", "tenant", "site", "device_class", "used", "max_devices", "expires_at",
        "revoked_at",
    )  # fmt: skip
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "expires_at")
    search_fields = ("uid", "name")
    audited_as = ("provisioning_key", "uid")


@admin.register(BrokerAccount)
class BrokerAccountAdmin(ReadOnlyAdmin):
    """Accounts of devices at the MQTT broker."""

    list_display = (
        "username", "device", "generation", "issued_at", "applied_at", "revoked_at", "removed_at",
        "lost_at",
    )  # fmt: skip
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "issued_at")
    search_fields = ("username", "device__uid")


@admin.register(DeviceTransfer)
class DeviceTransferAdmin(ReadOnlyAdmin):
    """Offers to hand a device to another tenant, as its giver sees them."""

    list_display = (
        "uid", "device", "tenant", "state", "created_at", "offered_by", "expires_at", "decided_at",
    )  # fmt: skip
    list_filter = ("state", "created_at")
    search_fields = ("uid", "device__uid")
    # The life at the next owner is theirs.
    hidden = ("new_device",)
