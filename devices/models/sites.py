"""Places of a tenant where devices stand."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from kernel.scoping import TenantManager


class Site(models.Model):
    """A store, building or home; removing it keeps the row."""

    site_id = models.SlugField(max_length=64)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    address = models.CharField(max_length=300, blank=True, default="")
    time_zone = models.CharField(max_length=64, default="UTC")
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "site_id"],
                condition=Q(removed_at__isnull=True),
                name="one_site_of_that_id",
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__gte=-90, latitude__lte=90, longitude__gte=-180, longitude__lte=180),
                name="site_is_on_earth",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.site_id})"
