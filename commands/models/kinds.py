"""Kinds of commands that a tenant has allowed itself."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kernel.scoping import TenantManager


class CustomKind(models.Model):
    """A `custom.…` kind of one tenant, with the JSON Schema its payloads must meet."""

    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=100, blank=True)
    schema = models.JSONField(default=dict)
    lifetime_s = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "name"], name="custom_kind_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} of tenant {self.tenant_id}"
