"""A device is one life of a piece of hardware; what changes often has a table of its own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from devices.choices import DeviceClass, Pairing, PowerRestoreMode, Wire
from devices.querysets import AllDeviceManager, DeviceManager
from kernel.scoping import TenantManager


class Device(models.Model):
    """One life of a piece of hardware, unclaimed or of one tenant."""

    uid = models.CharField(max_length=64, unique=True)
    hardware_id = models.CharField(max_length=128)
    epoch = models.PositiveIntegerField(default=1)
    tenant = models.ForeignKey(
        "accounts.Tenant", on_delete=models.PROTECT, null=True, related_name="+"
    )
    name = models.CharField(max_length=100, blank=True)
    device_class = models.CharField(max_length=32, choices=DeviceClass.choices)
    device_type = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=100, blank=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    capabilities = models.JSONField(default=list)
    relay_count = models.PositiveSmallIntegerField(default=0)
    relay_names = models.JSONField(default=dict)
    input_config = models.JSONField(default=dict)
    power_restore_mode = models.CharField(
        max_length=8, choices=PowerRestoreMode.choices, default=PowerRestoreMode.OFF
    )
    tags = models.JSONField(default=list)
    pairing = models.CharField(max_length=10, choices=Pairing.choices, default=Pairing.UNCLAIMED)
    is_active = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    unpaired_at = models.DateTimeField(null=True)

    objects = DeviceManager()
    all_objects = AllDeviceManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hardware_id"], condition=Q(is_active=True), name="one_active_life"
            ),
            models.UniqueConstraint(fields=["hardware_id", "epoch"], name="one_row_per_life"),
            models.CheckConstraint(
                condition=Q(pairing=Pairing.PAIRED, tenant__isnull=False, is_active=True)
                | Q(pairing=Pairing.UNCLAIMED, tenant__isnull=True, is_active=True)
                | Q(pairing=Pairing.UNPAIRED, is_active=False),
                name="pairing_tells_the_owner",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "name", "id"], name="device_by_tenant_name"),
            models.Index(fields=["tenant", "-id"], name="device_by_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.uid} ({self.uid})"

    @property
    def title(self) -> str:
        """What people call it: its name, or its model and uid."""
        return self.name or f"{self.model or self.device_class} {self.uid}"


class DeviceCredential(models.Model):
    """A device's key, stored as bcrypt; revoking it empties the hash."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="credentials")
    key_hash = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device"], condition=Q(revoked_at__isnull=True), name="one_live_credential"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(key_hash=""), name="revoked_has_no_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"credential {self.pk} of device {self.device_id}"


class ClaimCode(models.Model):
    """A code that makes its finder the owner of an unclaimed device, once."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, related_name="claim_code")
    code_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"claim code of device {self.device_id}"


class DeviceSession(models.Model):
    """The present or last session of a device.

    This row is the device's mutex: every service that writes for a device locks it first, so
    that commands, acknowledgements, reports and takeovers of one device are in one order.
    """

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, primary_key=True, related_name="session"
    )
    epoch = models.PositiveBigIntegerField(default=0)
    is_live = models.BooleanField(default=False)
    wire = models.CharField(max_length=10, choices=Wire.choices, default=Wire.WEBSOCKET)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=40, blank=True)
    # The newest `state_seq` the device sent in this session: older words of it are not believed.
    observed_seq = models.BigIntegerField(default=-1)
    address = models.CharField(max_length=45, blank=True)

    def __str__(self) -> str:
        return f"session {self.epoch} of device {self.device_id}"


class DevicePresence(models.Model):
    """When a device was last heard; many small writes, so a narrow row of its own."""

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, primary_key=True, related_name="presence"
    )
    is_online = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True)
    offline_due_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # The sweep reads only those that are due, however many devices are online.
            models.Index(
                fields=["offline_due_at"], condition=Q(is_online=True), name="presence_due"
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_online=False) | Q(offline_due_at__gte=F("last_seen_at")),
                name="online_has_a_deadline",
            ),
        ]

    def __str__(self) -> str:
        return f"presence of device {self.device_id}"


class DeviceEvent(models.Model):
    """Something a device reported at one of its inputs; stored once however often it is sent."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="input_events")
    tenant = models.ForeignKey(
        "accounts.Tenant", on_delete=models.PROTECT, null=True, related_name="+"
    )
    event_id = models.CharField(max_length=64)
    input_index = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=64)
    at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "event_id"], name="input_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} at input {self.input_index} of device {self.device_id}"
