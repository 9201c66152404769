"""Twins, their revisions, and what tenants set about them."""

import django.db.models.deletion
from django.db import migrations, models

import twins.documents
from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0003_row_security"),
        ("devices", "0007_broker_accounts"),
        ("kernel", "0002_row_security"),
    ]

    operations = [
        migrations.CreateModel(
            name="TwinPolicy",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.tenant",
                    ),
                ),
                ("machines_need_if_match", models.BooleanField(default=False)),
                ("drift_alert_after_s", models.PositiveIntegerField(default=3600)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "twin policies",
            },
        ),
        migrations.CreateModel(
            name="Twin",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="twin",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("tenant_id", models.BigIntegerField(null=True)),
                ("edition", models.PositiveBigIntegerField(default=0)),
                ("updated_at", models.DateTimeField()),
                ("desired", models.JSONField(decoder=twins.documents.Decoder, default=dict)),
                ("desired_version", models.PositiveBigIntegerField(default=0)),
                ("desired_at", models.DateTimeField(null=True)),
                ("desired_by", models.CharField(blank=True, default="", max_length=200)),
                ("desired_stamps", models.JSONField(default=dict)),
                ("tombstones", models.JSONField(default=dict)),
                ("reported", models.JSONField(decoder=twins.documents.Decoder, default=dict)),
                ("reported_version", models.PositiveBigIntegerField(default=0)),
                ("reported_at", models.DateTimeField(null=True)),
                ("reported_stamps", models.JSONField(default=dict)),
                ("reported_seq", models.BigIntegerField(null=True)),
                ("reported_epoch", models.PositiveBigIntegerField(default=0)),
                ("applied_version", models.PositiveBigIntegerField(default=0)),
                ("applied_at", models.DateTimeField(null=True)),
                ("is_drifting", models.BooleanField(default=False)),
                ("drift_since", models.DateTimeField(null=True)),
                ("drift_told_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_drifting", True)),
                        fields=["tenant_id", "drift_since"],
                        name="twin_drifting",
                    ),
                    models.Index(
                        condition=models.Q(("drift_told_at__isnull", True), ("is_drifting", True)),
                        fields=["drift_since"],
                        name="twin_drift_untold",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("drift_since__isnull", False), ("is_drifting", True)),
                            models.Q(("drift_since__isnull", True), ("is_drifting", False)),
                            _connector="OR",
                        ),
                        name="drift_has_a_beginning",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("applied_version__lte", models.F("desired_version"))),
                        name="applied_was_desired",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TwinRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField(null=True)),
                (
                    "section",
                    models.CharField(
                        choices=[("desired", "Desired"), ("reported", "Reported")], max_length=8
                    ),
                ),
                ("version", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, default="", max_length=200)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("patch", "Patch"),
                            ("replace", "Replace"),
                            ("restore", "Restore"),
                        ],
                        max_length=8,
                    ),
                ),
                ("restored", models.PositiveBigIntegerField(null=True)),
                ("cause", models.JSONField(default=list)),
                ("changes", models.JSONField(decoder=twins.documents.Decoder, default=list)),
                ("document", models.JSONField(decoder=twins.documents.Decoder, null=True)),
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("section", "reported")),
                        fields=["at"],
                        name="revision_reported",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("device", "section", "version"), name="revision_once"
                    )
                ],
            },
        ),
        ForceRowSecurity("Twin"),
        ForceRowSecurity("TwinRevision"),
        ForceRowSecurity("TwinPolicy"),
    ]
