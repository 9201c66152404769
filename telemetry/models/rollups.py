"""Readings drawn together into buckets of five minutes and of an hour."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kernel.scoping import TenantManager


class ReadingRollup(models.Model):
    """What one metric of a device came to within one bucket; `tier` is its length in seconds.

    `last` is the value of the newest reading by the device's time, of those of one time the one
    that came last. A bucket without a reading has no row.
    """

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField()
    metric = models.CharField(max_length=64)
    tier = models.PositiveSmallIntegerField()
    bucket_at = models.DateTimeField()
    count = models.BigIntegerField()
    min = models.FloatField()
    max = models.FloatField()
    sum = models.FloatField()
    last = models.FloatField()
    last_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "metric", "tier", "bucket_at"], name="rollup_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "metric", "tier", "bucket_at"], name="rollup_by_tenant"
            ),
            # What retention removes, of all tenants.
            models.Index(fields=["tier", "bucket_at"], name="rollup_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} of device {self.device_id} at {self.bucket_at} for {self.tier} s"


class RollupCursor(models.Model):
    """How far readings are rolled up; whoever rolls up or removes holds its lock.

    The buckets are made of exactly the readings up to `position`. Raw readings are complete for
    buckets from `raw_from` on, buckets of five minutes for hours from `fine_from` on; null while
    nothing was removed.
    """

    name = models.CharField(max_length=32, primary_key=True)
    position = models.BigIntegerField(default=0)
    raw_from = models.DateTimeField(null=True)
    fine_from = models.DateTimeField(null=True)
    rolled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"cursor {self.name} at {self.position}"
