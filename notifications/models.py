"""Channels, what is to be told over them, and what became of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from kernel import tokens
from kernel.scoping import TenantManager
from notifications.choices import (
    ChannelState,
    DeliveryState,
    Kind,
    NoticeState,
    Purpose,
    Transport,
)

MAX_NAME = 100
MAX_FACTS_NAME = 120


class Channel(models.Model):
    """A way to tell somebody: a tenant's webhook or mailbox, or a member's own mail address."""

    uid = models.CharField(max_length=16, unique=True, default=tokens.new_public_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    # Whose own it is; without one it is the tenant's.
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, null=True, related_name="+")
    transport = models.CharField(max_length=8, choices=Transport.choices)
    name = models.CharField(max_length=MAX_NAME)
    url = models.CharField(max_length=2_000, blank=True, default="")
    # Empty for a member's own channel: it goes to the address they sign in with.
    email = models.CharField(max_length=254, blank=True, default="")
    state = models.CharField(
        max_length=11, choices=ChannelState.choices, default=ChannelState.ACTIVE
    )
    state_reason = models.CharField(max_length=40, blank=True, default="")
    topics = models.JSONField(default=list)
    # Primary keys of sites, uids of devices, words of device classes; empty: any.
    sites = models.JSONField(default=list)
    devices = models.JSONField(default=list)
    device_classes = models.JSONField(default=list)
    includes_simulated = models.BooleanField(default=False)
    # A device that is back within this time is never told of.
    after_s = models.PositiveIntegerField(default=60)
    # What becomes due within this time of the first goes into one delivery.
    window_s = models.PositiveIntegerField(default=30)
    quiet_hours = models.JSONField(null=True)
    sealed_secret = models.BinaryField(null=True)
    sealed_former_secret = models.BinaryField(null=True)
    former_secret_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    version = models.PositiveBigIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True, default="")
    # Who is told when it stops working.
    created_by_user = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    changed_at = models.DateTimeField()

    objects = TenantManager[Any]()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant", "id"], name="channel_by_tenant")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(transport=Transport.EMAIL, url="")
                | (Q(transport=Transport.WEBHOOK, user__isnull=True, email="") & ~Q(url="")),
                name="channel_has_its_address",
            )
        ]

    def __str__(self) -> str:
        return f"{self.transport} channel {self.uid}"


class Change(models.Model):
    """Something that happened and is not yet looked at: a row of the transaction it happened in.

    What happened to many devices in the same moment, as in a sweep, is one row for some hundreds.
    """

    tenant_id = models.BigIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    device_ids = models.JSONField(default=list)
    site_pk = models.BigIntegerField(null=True)
    is_online = models.BooleanField(null=True)
    reason = models.CharField(max_length=40, blank=True, default="")
    count = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    objects = TenantManager[Any]()

    def __str__(self) -> str:
        return f"change {self.pk}: {self.kind}"


class Delivery(models.Model):
    """One message to a channel, tried until it arrives or is given up."""

    uid = models.CharField(max_length=24, unique=True)
    tenant_id = models.BigIntegerField()
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    state = models.CharField(
        max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    count = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    # Who sends it now, and until when that is believed.
    lease = models.CharField(max_length=24, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    last_status = models.PositiveIntegerField(null=True)
    last_error = models.CharField(max_length=200, blank=True, default="")
    finished_at = models.DateTimeField(null=True)

    objects = TenantManager[Any]()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"],
                condition=Q(state__in=[DeliveryState.PENDING, DeliveryState.FAILED]),
                name="delivery_due",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state=DeliveryState.SENDING),
                name="delivery_leased",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="delivery_finished",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[DeliveryState.PENDING, DeliveryState.FAILED],
                    next_at__isnull=False,
                    finished_at__isnull=True,
                )
                | Q(
                    state=DeliveryState.SENDING,
                    lease_until__isnull=False,
                    finished_at__isnull=True,
                )
                | Q(
                    state__in=[
                        DeliveryState.DELIVERED,
                        DeliveryState.DEAD,
                        DeliveryState.DROPPED,
                    ],
                    finished_at__isnull=False,
                ),
                name="delivery_has_a_deadline",
            )
        ]

    def __str__(self) -> str:
        return f"delivery {self.uid} ({self.state})"


class Notice(models.Model):
    """One change as it concerns one channel, with what will be said of it."""

    uid = models.CharField(max_length=24, unique=True)
    tenant_id = models.BigIntegerField()
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=NoticeState.choices, default=NoticeState.WAITING)
    state_reason = models.CharField(max_length=40, blank=True, default="")
    device_id = models.BigIntegerField(null=True)
    site_pk = models.BigIntegerField(null=True)
    # What it leaves the receiver believing of the device; None: nothing.
    says_online = models.BooleanField(null=True)
    at = models.DateTimeField()
    due_at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    # The same change never becomes two notices of a channel.
    dedupe = models.CharField(max_length=100)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, null=True, related_name="notices"
    )
    created_at = models.DateTimeField()

    objects = TenantManager[Any]()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["channel", "due_at"],
                condition=Q(state=NoticeState.WAITING),
                name="notice_waiting",
            ),
            models.Index(fields=["device_id", "channel", "id"], name="notice_by_device"),
            models.Index(
                fields=["site_pk", "channel", "id"],
                condition=Q(device_id__isnull=True) | Q(state=NoticeState.FOLDED),
                name="notice_by_site",
            ),
            models.Index(fields=["created_at"], name="notice_by_time"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "dedupe"], name="notice_once")
        ]

    def __str__(self) -> str:
        return f"notice {self.uid}: {self.kind} ({self.state})"
