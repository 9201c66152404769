"""Every version of a twin's documents: who made it, when, why, and what changed."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from kernel.scoping import TenantManager
from twins.choices import Origin, Section
from twins.documents import Decoder


class TwinRevision(models.Model):
    """One version of one document, as its difference to the version before.

    Any version is rebuilt from the present document, or from the next `document` kept here, by
    undoing the changes after it: removing old revisions costs the newer ones nothing.
    """

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField(null=True)
    section = models.CharField(max_length=8, choices=Section.choices)
    version = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    by = models.CharField(max_length=200, blank=True, default="")
    origin = models.CharField(max_length=8, choices=Origin.choices)
    # The version that was restored.
    restored = models.PositiveBigIntegerField(null=True)
    cause = models.JSONField(default=list)
    # `{"path", "old", "new"}` each; a member that is missing stands for a value that is.
    changes = models.JSONField(default=list, decoder=Decoder)
    # The whole document, kept with every so many versions.
    document = models.JSONField(null=True, decoder=Decoder)

    objects = TenantManager[Any]()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "section", "version"], name="revision_once")
        ]
        indexes: ClassVar = [
            # What retention looks for; desired revisions are kept as long as the device.
            models.Index(
                fields=["at"], condition=Q(section=Section.REPORTED), name="revision_reported"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.section} version {self.version} of device {self.device_id}"

    @property
    def is_outbid(self) -> bool:
        """Whether it is an earlier version under a number above one that only the device knew."""
        return self.origin == Origin.RESTORE and self.restored is not None and not self.changes

    @property
    def span(self) -> int:
        """How far it is from the version before it: numbers that only a device knew are none."""
        return self.version - (self.restored or 0) if self.is_outbid else 1
