"""What a device should be like and what it says it is like: two documents with their versions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from kernel.scoping import TenantManager
from twins.documents import Decoder


class Twin(models.Model):
    """The twin of a device; one that has none has two empty documents of version 0."""

    device = models.OneToOneField(
        "devices.Device", on_delete=models.CASCADE, primary_key=True, related_name="twin"
    )
    tenant_id = models.BigIntegerField(null=True)
    # Grows with every change of anything that readers are shown of this row.
    edition = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField()

    desired = models.JSONField(default=dict, decoder=Decoder)
    desired_version = models.PositiveBigIntegerField(default=0)
    desired_at = models.DateTimeField(null=True)
    desired_by = models.CharField(max_length=200, blank=True, default="")
    # When each leaf got its value, as a tree of microseconds in the shape of the document.
    desired_stamps = models.JSONField(default=dict)
    # What was desired once: pointer to [microseconds, version] of its removal.
    tombstones = models.JSONField(default=dict)

    reported = models.JSONField(default=dict, decoder=Decoder)
    reported_version = models.PositiveBigIntegerField(default=0)
    reported_at = models.DateTimeField(null=True)
    reported_stamps = models.JSONField(default=dict)
    # The newest `seq` and session that a report came with: older ones are not believed.
    reported_seq = models.BigIntegerField(null=True)
    reported_epoch = models.PositiveBigIntegerField(default=0)

    # The desired version that the device says it has taken over.
    applied_version = models.PositiveBigIntegerField(default=0)
    applied_at = models.DateTimeField(null=True)

    is_drifting = models.BooleanField(default=False)
    drift_since = models.DateTimeField(null=True)
    # When somebody was alerted to this drift.
    drift_told_at = models.DateTimeField(null=True)

    objects = TenantManager[Any]()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_drifting=True, drift_since__isnull=False)
                | Q(is_drifting=False, drift_since__isnull=True),
                name="drift_has_a_beginning",
            ),
            models.CheckConstraint(
                condition=Q(applied_version__lte=F("desired_version")),
                name="applied_was_desired",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "drift_since"],
                condition=Q(is_drifting=True),
                name="twin_drifting",
            ),
            models.Index(
                fields=["drift_since"],
                condition=Q(is_drifting=True, drift_told_at__isnull=True),
                name="twin_drift_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"twin of device {self.device_id}"
