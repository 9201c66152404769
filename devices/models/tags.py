"""Tags of devices as rows, so that a database finds them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kernel.scoping import TenantManager

MAX_TAG_PART = 100


class DeviceTag(models.Model):
    """One tag of a device, `key` or `key=value`; `Device.tags` is the summary of these rows."""

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="tag_rows", db_index=False
    )
    tenant_id = models.BigIntegerField(null=True)
    key = models.CharField(max_length=MAX_TAG_PART)
    # Empty for a tag that is only a key.
    value = models.CharField(max_length=MAX_TAG_PART, blank=True, default="")

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "key"], name="one_tag_of_a_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "key", "value", "device"], name="tag_by_name")
        ]

    def __str__(self) -> str:
        tag = f"{self.key}={self.value}" if self.value else self.key
        return f"{tag} of device {self.device_id}"
