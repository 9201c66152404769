"""A file somebody asked for, and the pieces of it that are there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from exports.choices import ExportState, FileFormat
from kernel.scoping import TenantManager


class Export(models.Model):
    """What is to be in a file, how far it is, and until when it is kept."""

    uid = models.CharField(max_length=16, unique=True)
    # Of the platform's own chain: 0, which is no tenant's key.
    tenant_id = models.BigIntegerField()
    requester_id = models.BigIntegerField()
    requested_by = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    choice = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    file_format = models.CharField(max_length=6, choices=FileFormat.choices)
    has_bom = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=ExportState.choices, default=ExportState.QUEUED)
    # The code of what went wrong, and the sentence.
    reason = models.CharField(max_length=60, blank=True, default="")
    problem = models.CharField(max_length=300, blank=True, default="")
    # Sites (keys) that its rows are of, where the requester was limited to them; null: of all.
    site_ids = models.JSONField(null=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    # Where the next page begins, as the kind said.
    after = models.TextField(blank=True, default="")
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["requester_id", "-id"], name="export_by_requester"),
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="export_open"),
            models.Index(fields=["expires_at"], name="export_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"export {self.uid} of {self.kind} ({self.state})"


class ExportPart(models.Model):
    """One piece of a file, compressed; the pieces in order are the file."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="+", db_index=False)
    tenant_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["export", "number"], name="export_part_once")
        ]

    def __str__(self) -> str:
        return f"part {self.number} of export {self.export_id}"
