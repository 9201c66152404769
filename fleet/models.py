"""What is remembered of the fleet: a few figures every quarter of an hour."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from kernel.scoping import TenantManager


class FleetTally(models.Model):
    """How the devices of one site of a tenant (or of none) stood at the beginning of a slot.

    `failed_commands` are those of the slot before it. Rows are written once and never changed.
    """

    tenant_id = models.BigIntegerField()
    # A removed site keeps its row, and so do its tallies.
    site = models.ForeignKey(
        "devices.Site", on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )
    is_simulated = models.BooleanField()
    at = models.DateTimeField()
    total = models.PositiveIntegerField()
    online = models.PositiveIntegerField()
    never_connected = models.PositiveIntegerField()
    drifting = models.PositiveIntegerField()
    failed_commands = models.PositiveIntegerField()

    objects = TenantManager()

    class Meta:
        verbose_name_plural = "fleet tallies"
        constraints: ClassVar = [
            # Both databases hold two NULLs for different.
            models.UniqueConstraint(
                fields=["tenant_id", "at", "site", "is_simulated"],
                condition=Q(site__isnull=False),
                name="tally_of_a_site_once",
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "at", "is_simulated"],
                condition=Q(site__isnull=True),
                name="tally_of_no_site_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "at"], name="tally_by_tenant"),
            # For whether a slot is done, and for the end of the old ones.
            models.Index(fields=["at"], name="tally_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.online} of {self.total} at {self.at:%Y-%m-%d %H:%M}, tenant {self.tenant_id}"
