"""Long work whose intent is a row: bulk enrolment, and the erasing of personal data."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from devices.choices import EnrolmentMode, EnrolmentState, ErasureState
from kernel.scoping import TenantManager


class Enrolment(models.Model):
    """A list of devices to be taken in together: checked first, run when asked."""

    uid = models.CharField(max_length=16, unique=True)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=10, choices=EnrolmentMode.choices)
    state = models.CharField(
        max_length=9, choices=EnrolmentState.choices, default=EnrolmentState.CHECKED
    )
    total = models.PositiveIntegerField(default=0)
    invalid = models.PositiveIntegerField(default=0)
    enrolled = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by_id = models.BigIntegerField()
    created_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Each row's secret is sealed to this key, whose other half only the passphrase opens.
    seal_key = models.BinaryField(null=True)
    seal_salt = models.BinaryField(null=True)
    downloaded_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=Q(state__in=["queued", "running"]), name="enrolment_open"
            )
        ]

    def __str__(self) -> str:
        return f"enrolment {self.uid} ({self.state})"


class EnrolmentRow(models.Model):
    """One device of an enrolment, with what became of it."""

    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="rows")
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    given = models.JSONField()
    # Field to messages; null when the row can be enrolled.
    problems = models.JSONField(null=True)
    state = models.CharField(max_length=8, default="waiting")
    device = models.ForeignKey(
        "devices.Device", on_delete=models.PROTECT, null=True, related_name="+"
    )
    sealed_secret = models.BinaryField(null=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enrolment", "number"], name="enrolment_row_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["enrolment", "number"],
                condition=Q(state="waiting"),
                name="enrolment_row_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"row {self.number} of enrolment {self.enrolment_id} ({self.state})"


class DeviceErasure(models.Model):
    """The erasing of the personal data of one life of a device, with its report."""

    uid = models.CharField(max_length=16, unique=True)
    device = models.ForeignKey("devices.Device", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey(
        "accounts.Tenant", on_delete=models.PROTECT, null=True, related_name="+"
    )
    state = models.CharField(
        max_length=7, choices=ErasureState.choices, default=ErasureState.QUEUED
    )
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=100)
    finished_at = models.DateTimeField(null=True)
    report = models.JSONField(null=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device"], name="one_erasure_of_a_life")
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="erasure_open")
        ]

    def __str__(self) -> str:
        return f"erasure {self.uid} of device {self.device_id} ({self.state})"
