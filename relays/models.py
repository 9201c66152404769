"""The last position of each relay that its device confirmed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kernel.scoping import TenantManager
from relays.choices import Source


class RelayState(models.Model):
    """What a device last said of one relay; None until it has said anything."""

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(
        "accounts.Tenant", on_delete=models.PROTECT, null=True, related_name="+"
    )
    index = models.PositiveSmallIntegerField()
    is_on = models.BooleanField(null=True)
    version = models.PositiveBigIntegerField(default=0)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.UNKNOWN)
    command_uid = models.UUIDField(null=True)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.CharField(max_length=200, blank=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "index"], name="one_state_per_relay")
        ]

    def __str__(self) -> str:
        return f"relay {self.index} of device {self.device_id}"
