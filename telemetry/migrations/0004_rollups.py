"""Buckets of readings, and how far they are rolled up."""

import django.db.models.deletion
from django.db import migrations, models

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):

    dependencies = [
        ("devices", "0004_row_security"),
        ("telemetry", "0003_sensors"),
    ]

    operations = [
        migrations.CreateModel(
            name="RollupCursor",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField(default=0)),
                ("raw_from", models.DateTimeField(null=True)),
                ("fine_from", models.DateTimeField(null=True)),
                ("rolled_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ReadingRollup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.BigIntegerField()),
                ("metric", models.CharField(max_length=64)),
                ("tier", models.PositiveSmallIntegerField()),
                ("bucket_at", models.DateTimeField()),
                ("count", models.BigIntegerField()),
                ("min", models.FloatField()),
                ("max", models.FloatField()),
                ("sum", models.FloatField()),
                ("last", models.FloatField()),
                ("last_at", models.DateTimeField()),
                ("device", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="devices.device")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "metric", "tier", "bucket_at"], name="rollup_by_tenant"),
                    models.Index(fields=["tier", "bucket_at"], name="rollup_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("device", "metric", "tier", "bucket_at"), name="rollup_once"),
                ],
            },
        ),
        ForceRowSecurity("ReadingRollup"),
    ]
