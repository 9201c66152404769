"""Payloads that could not be used, and the processes that take from the broker."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.tokens
from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_connectivity"),
        ("telemetry", "0005_partitions"),
    ]

    operations = [
        migrations.CreateModel(
            name="IngestProcess",
            fields=[
                ("name", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField()),
                ("beat_at", models.DateTimeField()),
                ("is_connected", models.BooleanField(default=False)),
                ("dropped", models.BigIntegerField(default=0)),
                ("dropped_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "mqtt_ingest_processes"},
        ),
        migrations.CreateModel(
            name="SetAsidePayload",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "uid",
                    models.CharField(
                        default=kernel.tokens.new_public_id, max_length=64, unique=True
                    ),
                ),
                ("tenant_id", models.BigIntegerField(default=0)),
                ("device_uid", models.CharField(max_length=64)),
                ("topic", models.CharField(max_length=120)),
                ("payload", models.BinaryField()),
                ("digest", models.CharField(max_length=64)),
                ("reason", models.CharField(max_length=40)),
                ("detail", models.CharField(blank=True, max_length=200)),
                ("count", models.BigIntegerField(default=1)),
                ("received_at", models.DateTimeField()),
                ("last_received_at", models.DateTimeField()),
                ("replayed_at", models.DateTimeField(null=True)),
                (
                    "device",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "db_table": "set_aside_payloads",
                "indexes": [
                    models.Index(fields=["tenant_id", "id"], name="set_aside_by_tenant"),
                    models.Index(fields=["last_received_at"], name="set_aside_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("device_uid", "digest"), name="set_aside_once"),
                ],
            },
        ),
        ForceRowSecurity("SetAsidePayload"),
    ]
