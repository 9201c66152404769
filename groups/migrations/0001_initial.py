"""Groups, their members, and the journal."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    """Groups, their members, and the journal."""

    initial = True

    dependencies = [
        ("accounts", "0003_row_security"),
        ("devices", "0007_broker_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeviceGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.CharField(max_length=16, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("description", models.CharField(blank=True, default="", max_length=500)),
                (
                    "kind",
                    models.CharField(
                        choices=[("static", "Static"), ("dynamic", "Dynamic")], max_length=7
                    ),
                ),
                ("query", models.JSONField(null=True)),
                ("query_text", models.TextField(blank=True, default="")),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(blank=True, default="", max_length=200)),
                ("changed_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
                ("sweep_due_at", models.DateTimeField(null=True)),
                ("query_version", models.PositiveIntegerField(default=1)),
                ("swept_version", models.PositiveIntegerField(default=0)),
                ("sweep_error", models.CharField(blank=True, default="", max_length=40)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.tenant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GroupMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField()),
                ("since", models.DateTimeField()),
                ("leaves", models.CharField(blank=True, default="", max_length=64)),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="groups.devicegroup",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MembershipEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField()),
                (
                    "change",
                    models.CharField(
                        choices=[("joined", "Joined"), ("left", "Left")], max_length=6
                    ),
                ),
                ("at", models.DateTimeField()),
                ("cause", models.JSONField(default=dict)),
                ("leaves", models.CharField(blank=True, default="", max_length=64)),
                (
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="groups.devicegroup",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="devicegroup",
            index=models.Index(fields=["tenant", "-id"], name="group_by_tenant"),
        ),
        migrations.AddIndex(
            model_name="devicegroup",
            index=models.Index(
                condition=models.Q(("sweep_due_at__isnull", False)),
                fields=["sweep_due_at"],
                name="group_by_due_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="devicegroup",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("removed_at__isnull", True)),
                name="one_group_of_a_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="devicegroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "static"), ("query__isnull", True)),
                    models.Q(("kind", "dynamic"), ("query__isnull", False)),
                    _connector="OR",
                ),
                name="dynamic_group_has_a_query",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupmember",
            constraint=models.UniqueConstraint(
                fields=("group", "device"), name="device_once_in_group"
            ),
        ),
        migrations.AddIndex(
            model_name="membershipevent",
            index=models.Index(fields=["group", "-id"], name="journal_by_group"),
        ),
        migrations.AddIndex(
            model_name="membershipevent",
            index=models.Index(fields=["device", "group", "-id"], name="journal_by_device"),
        ),
        migrations.AddIndex(
            model_name="membershipevent",
            index=models.Index(fields=["at"], name="journal_by_time"),
        ),
        ForceRowSecurity("DeviceGroup"),
        ForceRowSecurity("GroupMember"),
        ForceRowSecurity("MembershipEvent"),
    ]
