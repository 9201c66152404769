"""What proves a device, takes one in, or hands one on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from devices.choices import DeviceClass, KeyRole, TransferState
from kernel.scoping import TenantManager


class DeviceCredential(models.Model):
    """A device's key, stored as bcrypt; revoking it empties the hash.

    `lookup` is a digest of the key: it finds the row in one step and stays after the end, so
    that who holds the key of a former life can be told so, and nobody else. A key that replaces
    another waits as `pending` for its first use; the one it replaces is then `retiring` until
    `retires_at`, which for a pending one is the end of waiting.
    """

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="credentials"
    )
    key_hash = models.CharField(max_length=80, blank=True)
    lookup = models.CharField(max_length=64, blank=True, default="", db_index=True)
    role = models.CharField(max_length=8, choices=KeyRole.choices, default=KeyRole.CURRENT)
    created_at = models.DateTimeField()
    first_used_at = models.DateTimeField(null=True)
    # How long the key before this one stays good after this one's first use.
    grace_seconds = models.PositiveIntegerField(default=0)
    retires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Noted once an hour at most (`services.key_uses`): who still uses an old key is seen by it.
    last_used_at = models.DateTimeField(null=True)
    last_used_over = models.CharField(max_length=10, blank=True, default="")
    last_address = models.CharField(max_length=45, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "role"],
                condition=Q(revoked_at__isnull=True),
                name="one_live_credential",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(key_hash=""), name="revoked_has_no_hash"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["retires_at"],
                condition=Q(revoked_at__isnull=True, retires_at__isnull=False),
                name="credential_by_deadline",
            )
        ]

    def __str__(self) -> str:
        return f"credential {self.pk} of device {self.device_id}"


class ClaimCode(models.Model):
    """A code that makes its finder the owner of an unclaimed device, once.

    A device may have several: what it prints itself, and what its last owner handed on with it.
    """

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="claim_codes"
    )
    # "device": printed by the hardware, replaced whenever it registers; "owner": handed on.
    source = models.CharField(max_length=6, default="device")
    code_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"claim code of device {self.device_id}"


class ProvisioningKey(models.Model):
    """A key for a batch of devices of one tenant: bounded in number and time, revocable."""

    uid = models.CharField(max_length=16, unique=True)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey("devices.Site", on_delete=models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=100)
    # Empty: devices of any class.
    device_class = models.CharField(
        max_length=32, choices=DeviceClass.choices, blank=True, default=""
    )
    key_digest = models.CharField(max_length=64, unique=True)
    max_devices = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used__lte=F("max_devices")), name="batch_key_within_its_count"
            )
        ]

    def __str__(self) -> str:
        return f"provisioning key {self.name} ({self.uid})"


class DeviceTransfer(models.Model):
    """A device offered to another tenant: who holds the code and accepts becomes its owner."""

    uid = models.CharField(max_length=16, unique=True)
    device = models.ForeignKey("devices.Device", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    to_tenant = models.ForeignKey(
        "accounts.Tenant", on_delete=models.PROTECT, null=True, related_name="+"
    )
    new_device = models.ForeignKey(
        "devices.Device", on_delete=models.PROTECT, null=True, related_name="+"
    )
    code_digest = models.CharField(max_length=64, unique=True)
    state = models.CharField(
        max_length=10, choices=TransferState.choices, default=TransferState.OFFERED
    )
    created_at = models.DateTimeField()
    offered_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True, default="")

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(state=TransferState.OFFERED),
                name="one_open_transfer",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state=TransferState.OFFERED),
                name="transfer_open_by_expiry",
            )
        ]

    def __str__(self) -> str:
        return f"transfer {self.uid} of device {self.device_id} ({self.state})"
