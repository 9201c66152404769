"""Accounts of devices at the MQTT broker."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    """Accounts of devices at the MQTT broker."""

    dependencies: ClassVar = [("devices", "0006_contact_wires")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="BrokerAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("username", models.CharField(max_length=80, unique=True)),
                ("client_id", models.CharField(max_length=64)),
                ("generation", models.PositiveIntegerField(default=1)),
                ("salt", models.CharField(max_length=24)),
                ("iterations", models.PositiveIntegerField()),
                ("password_hash", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField()),
                ("issued_at", models.DateTimeField()),
                ("applied_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                ("lost_at", models.DateTimeField(null=True)),
                (
                    "credential",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.devicecredential",
                    ),
                ),
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="broker_account",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=Q(removed_at__isnull=True, revoked_at__isnull=False),
                        fields=["revoked_at"],
                        name="broker_account_to_remove",
                    ),
                    models.Index(
                        condition=Q(applied_at__isnull=True, revoked_at__isnull=True),
                        fields=["issued_at"],
                        name="broker_account_unconfirmed",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(removed_at__isnull=True) | Q(revoked_at__isnull=False),
                        name="broker_account_revoked_first",
                    )
                ],
            },
        ),
        ForceRowSecurity("BrokerAccount", through=("device_id", "devices_device")),
    ]
