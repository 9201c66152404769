"""Infrared codes: what a device transmits, as lengths of marks and spaces."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from infrared.choices import Source
from kernel.scoping import TenantManager
from kernel.uuid7 import uuid7


class DeviceIrCode(models.Model):
    """One code of one device, under a name that is its own there."""

    uid = models.UUIDField(unique=True, default=uuid7)
    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE, related_name="+")
    tenant_id = models.BigIntegerField()
    name = models.CharField(max_length=100)
    frequency_hz = models.PositiveIntegerField()
    # Marks and spaces in turn, in microseconds.
    timings = models.JSONField()
    # Which timing is the first of those that go on while a button is held; None: none of them.
    repeat_from = models.PositiveSmallIntegerField(null=True)
    protocol = models.CharField(max_length=40, blank=True)
    # How often it is transmitted when nobody says.
    repeat = models.PositiveSmallIntegerField(default=1)
    source = models.CharField(max_length=10, choices=Source.choices)
    # The `ir_learn` command it came from: however often the device tells, it is one code.
    learned_by = models.CharField(max_length=36, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        db_table = "device_ir_codes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "name"], name="ir_code_name_once"),
            models.UniqueConstraint(
                fields=["device", "learned_by"],
                condition=~Q(learned_by=""),
                name="ir_code_learned_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of device {self.device_id}"
