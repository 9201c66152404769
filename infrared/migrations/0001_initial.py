"""Infrared codes of devices."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.uuid7
from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    initial = True

    dependencies = [("devices", "0010_config")]

    operations = [
        migrations.CreateModel(
            name="DeviceIrCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=kernel.uuid7.uuid7, unique=True)),
                ("tenant_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=100)),
                ("frequency_hz", models.PositiveIntegerField()),
                ("timings", models.JSONField()),
                ("repeat_from", models.PositiveSmallIntegerField(null=True)),
                ("protocol", models.CharField(blank=True, max_length=40)),
                ("repeat", models.PositiveSmallIntegerField(default=1)),
                (
                    "source",
                    models.CharField(
                        choices=[("learned", "Learned"), ("imported", "Imported")], max_length=10
                    ),
                ),
                ("learned_by", models.CharField(blank=True, max_length=36)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(blank=True, max_length=200)),
                ("updated_at", models.DateTimeField()),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "db_table": "device_ir_codes",
                "constraints": [
                    models.UniqueConstraint(fields=("device", "name"), name="ir_code_name_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("learned_by", ""), _negated=True),
                        fields=("device", "learned_by"),
                        name="ir_code_learned_once",
                    ),
                ],
            },
        ),
        ForceRowSecurity("DeviceIrCode"),
    ]
