"""Accounts of devices at the MQTT broker."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class BrokerAccount(models.Model):
    """What lets a device into the MQTT broker: its name there and the digest of its password.

    The broker keeps the same digest, so its accounts can be made again from these rows. A device
    that asks again gets a new `generation` of its one account. An account ends with the key it
    was asked with, and with the device's life: `revoked_at`, and `removed_at` once the broker
    has confirmed it.
    """

    device = models.OneToOneField(
        "devices.Device", on_delete=models.CASCADE, related_name="broker_account"
    )
    credential = models.ForeignKey(
        "devices.DeviceCredential", on_delete=models.CASCADE, related_name="+"
    )
    username = models.CharField(max_length=80, unique=True)
    client_id = models.CharField(max_length=64)
    generation = models.PositiveIntegerField(default=1)
    salt = models.CharField(max_length=24)
    iterations = models.PositiveIntegerField()
    password_hash = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    issued_at = models.DateTimeField()
    # When the broker confirmed it, this generation.
    applied_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    # Since when the broker is known not to have it any more; the device asks again when refused.
    lost_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(revoked_at__isnull=False),
                name="broker_account_revoked_first",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["revoked_at"],
                condition=Q(revoked_at__isnull=False, removed_at__isnull=True),
                name="broker_account_to_remove",
            ),
            models.Index(
                fields=["issued_at"],
                condition=Q(applied_at__isnull=True, revoked_at__isnull=True),
                name="broker_account_unconfirmed",
            ),
        ]

    def __str__(self) -> str:
        return f"broker account {self.username} ({self.generation})"
