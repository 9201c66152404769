"""One request for many devices: a parent, and a member for each device it is meant for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from commands.choices import BatchState, Delivery, MemberState
from kernel.scoping import TenantManager
from kernel.uuid7 import uuid7


class CommandBatch(models.Model):
    """A command for many devices; its members are fixed when it is made."""

    uid = models.UUIDField(unique=True, default=uuid7)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    delivery = models.CharField(max_length=5, choices=Delivery.choices)
    lifetime_s = models.PositiveIntegerField()
    # As it was asked for: devices by name, a group, or a query.
    target = models.JSONField()
    state = models.CharField(max_length=10, choices=BatchState.choices)
    reason = models.CharField(max_length=60, blank=True)
    per_minute = models.PositiveIntegerField(null=True)
    abort_percent = models.PositiveSmallIntegerField(null=True)
    abort_sample = models.PositiveIntegerField(default=10)
    total = models.PositiveIntegerField(default=0)
    cause = models.JSONField(default=list)
    created_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    # When members may be asked next; None for a batch that is paused or over.
    due_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="batch_by_tenant"),
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="batch_by_due_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.total} devices ({self.state})"


class BatchMember(models.Model):
    """One device of a batch, and the command it got."""

    batch = models.ForeignKey(CommandBatch, on_delete=models.CASCADE, related_name="members")
    tenant_id = models.BigIntegerField()
    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE, related_name="+")
    command = models.OneToOneField(
        "commands.Command", on_delete=models.SET_NULL, null=True, related_name="batch_member"
    )
    state = models.CharField(
        max_length=10, choices=MemberState.choices, default=MemberState.PENDING
    )
    reason = models.CharField(max_length=60, blank=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "device"], name="device_once_in_batch")
        ]
        indexes: ClassVar = [
            models.Index(fields=["batch", "state", "id"], name="batch_member_by_state"),
            models.Index(fields=["device"], name="batch_member_by_device"),
        ]

    def __str__(self) -> str:
        return f"device {self.device_id} in batch {self.batch_id} ({self.state})"
