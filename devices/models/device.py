"""A device is one life of a piece of hardware; what changes often has a table of its own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from devices.choices import DeviceClass, EnrolledBy, LifeEnd, Pairing, PowerRestoreMode, Wire
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
    site = models.ForeignKey(
        "devices.Site", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # What the site calls it: unique among the living devices of a tenant, empty without one.
    device_id = models.CharField(max_length=64, blank=True, default="")
    name = models.CharField(max_length=100, blank=True)
    device_class = models.CharField(max_length=32, choices=DeviceClass.choices)
    device_type = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=100, blank=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    # `firmware_versions.order_key` of it: compared byte by byte on both databases.
    firmware_order = models.CharField(
        max_length=250, blank=True, default="", db_default="", editable=False
    )
    capabilities = models.JSONField(default=list)
    relay_count = models.PositiveSmallIntegerField(default=0)
    relay_names = models.JSONField(default=dict)
    input_config = models.JSONField(default=dict)
    power_restore_mode = models.CharField(
        max_length=8, choices=PowerRestoreMode.choices, default=PowerRestoreMode.OFF
    )
    tags = models.JSONField(default=list)
    # As its installer wrote it down; what it connects from is the session's business.
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    # How long it may be silent, and how often it calls where it does not stay connected; None:
    # as its class in its tenant, and else the installation, has it.
    offline_after_s = models.PositiveIntegerField(null=True, blank=True)
    poll_interval_s = models.PositiveIntegerField(null=True, blank=True)
    pairing = models.CharField(max_length=10, choices=Pairing.choices, default=Pairing.UNCLAIMED)
    is_active = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    enrolled_by = models.CharField(
        max_length=10, choices=EnrolledBy.choices, blank=True, default=""
    )
    claimed_by = models.CharField(max_length=200, blank=True, default="")
    unpaired_at = models.DateTimeField(null=True, db_index=True)
    unpaired_by = models.CharField(max_length=200, blank=True, default="")
    end_reason = models.CharField(max_length=14, choices=LifeEnd.choices, blank=True, default="")
    # Everything that was known of it in the moment before its life ended.
    final_state = models.JSONField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = DeviceManager()
    all_objects = AllDeviceManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hardware_id"], condition=Q(is_active=True), name="one_active_life"
            ),
            models.UniqueConstraint(fields=["hardware_id", "epoch"], name="one_row_per_life"),
            models.UniqueConstraint(
                fields=["tenant", "device_id"],
                condition=Q(is_active=True) & ~Q(device_id=""),
                name="one_living_device_id",
            ),
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
            models.Index(fields=["site", "id"], name="device_by_site"),
            models.Index(fields=["tenant", "firmware_order"], name="device_by_firmware"),
            models.Index(
                fields=["tenant", "id"], condition=Q(is_active=False), name="device_archived"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.uid} ({self.uid})"

    @property
    def title(self) -> str:
        """What people call it: its name, or its model and uid."""
        return self.name or f"{self.model or self.device_class} {self.uid}"


class DeviceCapability(models.Model):
    """One thing a device can do; `Device.capabilities` is the summary of these rows."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="capability_rows")
    tenant_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=40)

    objects = TenantManager()

    class Meta:
        verbose_name_plural = "device capabilities"
        db_table = "device_capabilities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "name"], name="capability_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "name", "device"], name="capability_by_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of device {self.device_id}"


class DeviceSession(models.Model):
    """The present or last session of a device.

    This row is the device's mutex: every service that writes for a device locks it first, so
    that commands, acknowledgements, reports and takeovers of one device are in one order.
    """

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, primary_key=True, related_name="session"
    )
    tenant_id = models.BigIntegerField(null=True)
    epoch = models.PositiveBigIntegerField(default=0)
    is_live = models.BooleanField(default=False)
    wire = models.CharField(max_length=10, choices=Wire.choices, default=Wire.WEBSOCKET)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=40, blank=True)
    # The newest `state_seq` the device sent in this session: older words of it are not believed.
    observed_seq = models.BigIntegerField(default=-1)
    address = models.CharField(max_length=45, blank=True)
    # When the device last fetched its commands over HTTP, and since when it has without a break;
    # None from when it took to another wire. Written every few seconds at most.
    polled_at = models.DateTimeField(null=True)
    polls_since = models.DateTimeField(null=True)
    # When its MQTT client greeted: `state_seq` counts anew from there. Beside a live session it
    # puts that in doubt (`services.left_sessions`); None where nothing does.
    greeted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"session {self.epoch} of device {self.device_id}"


class DevicePresence(models.Model):
    """When a device was last heard; many small writes, so a narrow row of its own."""

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, primary_key=True, related_name="presence"
    )
    tenant_id = models.BigIntegerField(null=True)
    is_online = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True)
    offline_due_at = models.DateTimeField(null=True)
    # What holds for this device, kept by `services.timeouts`; None: the installation's default.
    offline_after_s = models.PositiveIntegerField(null=True)
    # The present or last contact (`DeviceConnection`), and when it began.
    contact = models.PositiveBigIntegerField(default=0)
    contact_at = models.DateTimeField(null=True)
    # How it is heard in a contact without a session.
    wire = models.CharField(max_length=10, choices=Wire.choices, default=Wire.HTTP)
    address = models.CharField(max_length=45, blank=True, default="")
    # The last connection of its MQTT client that greeted, and when that one was lost.
    client_session = models.CharField(max_length=64, blank=True, default="")
    client_lost_at = models.DateTimeField(null=True)
    # Since when it is online or offline, and since when anything is known at all.
    changed_at = models.DateTimeField(null=True)
    known_since = models.DateTimeField(null=True)
    is_flapping = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [
            # The sweep reads only those that are due, however many devices are online.
            models.Index(
                fields=["offline_due_at"], condition=Q(is_online=True), name="presence_due"
            ),
            # Those that need somebody. No sign of life of a device that is online writes here.
            models.Index(
                fields=["tenant_id", "last_seen_at", "device"],
                condition=Q(is_online=False),
                name="presence_gone",
            ),
            models.Index(
                fields=["tenant_id", "changed_at"],
                condition=Q(is_flapping=True),
                name="presence_flapping",
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
