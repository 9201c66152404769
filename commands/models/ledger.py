"""The ledger: every command ever asked for, and each of its moves."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from commands import state_machine
from commands.choices import Delivery, State
from devices.choices import Wire
from kernel.scoping import TenantManager
from kernel.uuid7 import uuid7


class Command(models.Model):
    """Something a device is asked to do, by anyone; written before anything is sent."""

    uid = models.UUIDField(unique=True, default=uuid7)
    device = models.ForeignKey("devices.Device", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey(
        "accounts.Tenant", on_delete=models.PROTECT, null=True, related_name="+"
    )
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    lane = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=60, blank=True)
    result = models.JSONField(null=True)
    error = models.CharField(max_length=500, blank=True)
    cause = models.JSONField(default=list)
    delivery = models.CharField(max_length=5, choices=Delivery.choices)
    # The session it was last sent in; None on wires without sessions.
    session_epoch = models.PositiveBigIntegerField(null=True)
    wire = models.CharField(max_length=10, choices=Wire.choices, blank=True, default="")
    sends = models.PositiveSmallIntegerField(default=0)
    # How far the device says it is: `{"percent": 0 to 100, "message": text}`, either may miss.
    progress = models.JSONField(null=True)
    # Somebody wants it undone; the device has the last word on what it has been sent.
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    timeout_at = models.DateTimeField(null=True)
    acked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["device", "id"],
                condition=Q(finished_at__isnull=True),
                name="command_open_by_device",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(finished_at__isnull=True),
                name="command_open_by_expiry",
            ),
            models.Index(
                fields=["timeout_at"],
                condition=Q(state__in=["sent", "acked"]),
                name="command_by_timeout",
            ),
            models.Index(fields=["device", "-id"], name="command_by_device"),
            models.Index(fields=["tenant", "-id"], name="command_by_tenant"),
            # For who looks for what is rare; the switch of a relay that succeeds is in neither.
            models.Index(
                fields=["tenant", "kind", "-id"],
                condition=~Q(kind="set_relay"),
                name="command_by_rare_kind",
            ),
            models.Index(
                fields=["tenant", "state", "-id"],
                condition=Q(
                    state__in=[
                        "failed",
                        "rejected",
                        "expired",
                        "cancelled",
                        "superseded",
                        "timed_out",
                    ]
                ),
                name="command_by_rare_state",
            ),
            # For what failed lately; no command that succeeds is in it.
            models.Index(
                fields=["tenant", "finished_at"],
                condition=Q(state__in=["failed", "rejected", "expired"]),
                name="command_by_failure",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(
                    state__in=[
                        "succeeded",
                        "failed",
                        "rejected",
                        "expired",
                        "cancelled",
                        "superseded",
                    ]
                )
                | Q(finished_at__isnull=False),
                name="final_is_finished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid} ({self.state})"

    def is_on_its_way(self, now: datetime) -> bool:
        """Whether others of its lane wait for it: also while an answer to its repetition is due."""
        if self.state in state_machine.IN_FLIGHT:
            return True
        is_unknown = self.state == state_machine.TIMED_OUT
        return is_unknown and self.timeout_at is not None and self.timeout_at > now


class CommandEvent(models.Model):
    """One move of a command, append-only."""

    command = models.ForeignKey(Command, on_delete=models.CASCADE, related_name="events")
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    reason = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} -> {self.to_state} of command {self.command_id}"
