"""Readings as they came, and the newest of each device in a narrow row of its own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kernel.scoping import TenantManager


class Reading(models.Model):
    """One record a device sent, stored once however often it is sent (see `ReadingWindow`).

    `is_at_corrected` says that the device's clock ran ahead and `at` is the time of arrival. On
    PostgreSQL the table is in parts, one for each day of `received_at` (UTC).
    """

    # No device row is ever deleted, so the database need not look each one up again.
    device = models.ForeignKey(
        "devices.Device",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    tenant_id = models.BigIntegerField(null=True)
    boot_id = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    is_at_corrected = models.BooleanField(default=False)
    metrics = models.JSONField()

    objects = TenantManager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["device", "at"], name="reading_by_time")]

    def __str__(self) -> str:
        return f"reading {self.boot_id}/{self.seq} of device {self.device_id}"


class LatestMetrics(models.Model):
    """The newest reading of a device; it never goes back in time.

    `clock_skew_s` is how far the device's clock was ahead of the server's at `clock_skew_at`
    (behind below zero), null for one without a clock.
    """

    device = models.OneToOneField(
        "devices.Device", on_delete=models.CASCADE, primary_key=True, related_name="latest_metrics"
    )
    tenant_id = models.BigIntegerField(null=True)
    metrics = models.JSONField()
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    clock_skew_s = models.FloatField(null=True)
    clock_skew_at = models.DateTimeField(null=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"latest metrics of device {self.device_id}"
