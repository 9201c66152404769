"""What devices sent that could not be used, kept to be looked at and tried again."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from kernel import tokens
from kernel.actors import Actor
from kernel.row_security import PLATFORM_TENANT
from kernel.scoping import TenantManager, TenantQuerySet


class SetAsideQuerySet(TenantQuerySet["SetAsidePayload"]):
    """Payloads, narrowed."""

    def visible_to(self, actor: Actor) -> Self:
        """Those of the actor's devices; for who runs the platform also those of no owner."""
        found = super().visible_to(actor)
        if actor.is_system or not actor.is_platform_admin:
            return found
        return self.filter(Q(pk__in=found.values("pk")) | Q(tenant_id=PLATFORM_TENANT))


class SetAsideManager(TenantManager["SetAsidePayload"]):
    """Payloads only within a scope."""

    queryset_class = SetAsideQuerySet


class SetAsidePayload(models.Model):
    """One payload on one topic, however often it came.

    `device_uid` is what the topic names; `device` is null if there is no such life. What belongs
    to no tenant is the platform's (`PLATFORM_TENANT`).
    """

    uid = models.CharField(max_length=64, unique=True, default=tokens.new_public_id)
    device = models.ForeignKey(
        "devices.Device", null=True, on_delete=models.CASCADE, related_name="+"
    )
    tenant_id = models.BigIntegerField(default=PLATFORM_TENANT)
    device_uid = models.CharField(max_length=64)
    topic = models.CharField(max_length=120)
    payload = models.BinaryField()
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)
    count = models.BigIntegerField(default=1)
    received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    objects = SetAsideManager()

    class Meta:
        db_table = "set_aside_payloads"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device_uid", "digest"], name="set_aside_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "id"], name="set_aside_by_tenant"),
            models.Index(fields=["last_received_at"], name="set_aside_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} on {self.topic}"

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return len(self.payload)

    @property
    def text(self) -> str:
        """The payload to be read by people; bytes that are no text are written as escapes."""
        return bytes(self.payload).decode("utf-8", errors="backslashreplace")


class IngestProcess(models.Model):
    """A process that takes readings from the broker, as it last told.

    `dropped` is how many messages the broker has thrown away since the process began to watch.
    """

    name = models.CharField(max_length=120, primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    is_connected = models.BooleanField(default=False)
    dropped = models.BigIntegerField(default=0)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mqtt_ingest_processes"

    def __str__(self) -> str:
        return self.name
