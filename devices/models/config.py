"""The configuration of a device as one versioned document, and every version it had."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from kernel.scoping import TenantManager


class DeviceConfig(models.Model):
    """What a device is to be set to, and what it says it is set to.

    A device without a row was never configured: version 0, and nothing to tell it. The row is
    written under the device's lock (`DeviceSession`), so its versions have no gaps.
    """

    device = models.OneToOneField(
        "devices.Device", on_delete=models.CASCADE, primary_key=True, related_name="config"
    )
    tenant_id = models.BigIntegerField()
    version = models.PositiveBigIntegerField(default=0)
    # Relay names, inputs and restore mode as the device's own columns have them, and `config`.
    document = models.JSONField(default=dict)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200, blank=True)
    # The version the device says it works by; 0: none of ours.
    applied_version = models.PositiveBigIntegerField(default=0)
    applied_at = models.DateTimeField(null=True)
    # Since when it works by another version than it is to; None while it does not.
    drift_since = models.DateTimeField(null=True)
    # The version the device could not apply, and why; cleared by its next good answer.
    refused_version = models.PositiveBigIntegerField(null=True)
    error = models.CharField(max_length=500, blank=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(applied_version__lte=F("version")), name="config_applied_was_made"
            )
        ]

    def __str__(self) -> str:
        return f"configuration {self.version} of device {self.device_id}"


class DeviceConfigRevision(models.Model):
    """One version of a configuration: who made it, when, and by what; never changed."""

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField()
    version = models.PositiveBigIntegerField()
    document = models.JSONField(default=dict)
    at = models.DateTimeField()
    by = models.CharField(max_length=200, blank=True)
    cause = models.JSONField(default=list)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "version"], name="config_version_once")
        ]

    def __str__(self) -> str:
        return f"version {self.version} of the configuration of device {self.device_id}"
