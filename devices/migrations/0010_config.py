"""The configuration of each device as a versioned document."""

import django.db.models.deletion
from django.db import migrations, models

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [("devices", "0009_polling")]

    operations = [
        migrations.CreateModel(
            name="DeviceConfig",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="config",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("tenant_id", models.BigIntegerField()),
                ("version", models.PositiveBigIntegerField(default=0)),
                ("document", models.JSONField(default=dict)),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.CharField(blank=True, max_length=200)),
                ("applied_version", models.PositiveBigIntegerField(default=0)),
                ("applied_at", models.DateTimeField(null=True)),
                ("drift_since", models.DateTimeField(null=True)),
                ("refused_version", models.PositiveBigIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("applied_version__lte", models.F("version"))),
                        name="config_applied_was_made",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DeviceConfigRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField()),
                ("version", models.PositiveBigIntegerField()),
                ("document", models.JSONField(default=dict)),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, max_length=200)),
                ("cause", models.JSONField(default=list)),
                (
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("device", "version"), name="config_version_once"
                    )
                ],
            },
        ),
        ForceRowSecurity("DeviceConfig"),
        ForceRowSecurity("DeviceConfigRevision"),
    ]
