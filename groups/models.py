"""Groups, who is in them by name or was found in them last, and the journal of both."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from groups.choices import GroupKind, MembershipChange
from kernel.scoping import TenantManager

# The version of the query, and a sign for each of its 50 leaves.
_LEAVES = 64


class DeviceGroup(models.Model):
    """Devices of a tenant under one name; removing it keeps the row for its journal."""

    uid = models.CharField(max_length=16, unique=True)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True, default="")
    kind = models.CharField(max_length=7, choices=GroupKind.choices)
    # Of a dynamic group: the query as a tree, and as text.
    query = models.JSONField(null=True)
    query_text = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True, default="")
    changed_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    # When the journal looks at a dynamic group next, and which of its queries it knows.
    sweep_due_at = models.DateTimeField(null=True)
    query_version = models.PositiveIntegerField(default=1)
    swept_version = models.PositiveIntegerField(default=0)
    # Why the journal could not follow it the last time; empty when it could.
    sweep_error = models.CharField(max_length=40, blank=True, default="")

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                F("tenant"),
                Lower("name"),
                condition=Q(removed_at__isnull=True),
                name="one_group_of_a_name",
            ),
            models.CheckConstraint(
                condition=Q(kind=GroupKind.STATIC, query__isnull=True)
                | Q(kind=GroupKind.DYNAMIC, query__isnull=False),
                name="dynamic_group_has_a_query",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="group_by_tenant"),
            models.Index(
                fields=["sweep_due_at"],
                condition=Q(sweep_due_at__isnull=False),
                name="group_by_due_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind} group {self.uid})"

    @property
    def is_dynamic(self) -> bool:
        """Whether a query says who is in it."""
        return self.kind == GroupKind.DYNAMIC


class GroupMember(models.Model):
    """A device of a static group; of a dynamic one, a device that the journal last found in it."""

    group = models.ForeignKey(
        DeviceGroup, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField()
    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    # How each leaf of the query of a version stood when it was found, as `3:0110`; empty: nobody
    # looked.
    leaves = models.CharField(max_length=_LEAVES, blank=True, default="")

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "device"], name="device_once_in_group")
        ]

    def __str__(self) -> str:
        return f"device {self.device_id} in group {self.group_id}"


class MembershipEvent(models.Model):
    """A line of the journal: a device joined a group or left it, and why. Never changed."""

    group = models.ForeignKey(
        DeviceGroup, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField()
    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    change = models.CharField(max_length=6, choices=MembershipChange.choices)
    at = models.DateTimeField()
    cause = models.JSONField(default=dict)
    leaves = models.CharField(max_length=_LEAVES, blank=True, default="")

    objects = TenantManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["group", "-id"], name="journal_by_group"),
            models.Index(fields=["device", "group", "-id"], name="journal_by_device"),
            models.Index(fields=["at"], name="journal_by_time"),
        ]

    def __str__(self) -> str:
        return f"device {self.device_id} {self.change} group {self.group_id}"
