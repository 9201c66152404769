"""What the sensors of a device say now, what they said, and what it says of itself in words."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from kernel.scoping import TenantManager


class _SensorFact(models.Model):
    """What one sensor said once.

    `value` is null only after an erasure; `has_text` marks values that hold words of the device's
    own. `is_at_corrected` says that the clock ran ahead and `at` is the time of arrival.
    """

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField(null=True)
    sensor = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    value = models.JSONField(null=True)
    has_text = models.BooleanField(default=False)
    unit = models.CharField(max_length=16, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    is_at_corrected = models.BooleanField(default=False)
    source = models.CharField(max_length=6, default="device")

    class Meta:
        abstract = True


class DeviceSensorState(_SensorFact):
    """What a sensor says now; it never goes back in time.

    `changed_at` is when the value last became another one, `version` counts changes and events.
    """

    changed_at = models.DateTimeField()
    version = models.BigIntegerField(default=1)

    objects = TenantManager()

    class Meta:
        db_table = "device_sensor_state"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "sensor"], name="sensor_state_once")
        ]

    def __str__(self) -> str:
        return f"sensor {self.sensor} of device {self.device_id}"


class DeviceSensorEvent(_SensorFact):
    """One change, or one event that the device numbered itself; written once, never changed."""

    event_id = models.CharField(max_length=64, blank=True)

    objects = TenantManager()

    class Meta:
        db_table = "device_sensor_events"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "event_id"],
                condition=~Q(event_id=""),
                name="sensor_event_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["device", "at", "id"], name="sensor_event_by_time"),
            models.Index(fields=["device", "sensor", "at", "id"], name="sensor_event_by_sensor"),
        ]

    def __str__(self) -> str:
        return f"event {self.pk} of sensor {self.sensor} of device {self.device_id}"


class DeviceAttribute(models.Model):
    """What a device says of itself in words; only the newest is kept."""

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=64)
    value = models.CharField(max_length=200)
    at = models.DateTimeField()
    received_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        db_table = "device_attributes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "name"], name="attribute_once")
        ]

    def __str__(self) -> str:
        return f"attribute {self.name} of device {self.device_id}"
