"""Exports and the pieces of their files."""

import django.db.models.deletion
from django.db import migrations, models

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    """Exports and the pieces of their files."""

    initial = True

    dependencies = [("accounts", "0003_row_security")]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.CharField(max_length=16, unique=True)),
                ("tenant_id", models.BigIntegerField()),
                ("requester_id", models.BigIntegerField()),
                ("requested_by", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=40)),
                ("choice", models.JSONField(default=dict)),
                ("columns", models.JSONField(default=list)),
                (
                    "file_format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("ndjson", "NDJSON")], max_length=6
                    ),
                ),
                ("has_bom", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=7,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=60)),
                ("problem", models.CharField(blank=True, default="", max_length=300)),
                ("total", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("parts", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0)),
                ("after", models.TextField(blank=True, default="")),
                ("leased_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["requester_id", "-id"], name="export_by_requester"),
                    models.Index(
                        condition=models.Q(("finished_at__isnull", True)),
                        fields=["id"],
                        name="export_open",
                    ),
                    models.Index(fields=["expires_at"], name="export_by_expiry"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField()),
                ("number", models.PositiveIntegerField()),
                ("body", models.BinaryField()),
                (
                    "export",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="exports.export",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("export", "number"), name="export_part_once")
                ],
            },
        ),
        ForceRowSecurity("Export"),
        ForceRowSecurity("ExportPart"),
    ]
