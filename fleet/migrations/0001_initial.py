"""The tallies of the fleet."""

import django.db.models.deletion
from django.db import migrations, models

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    """The tallies of the fleet."""

    initial = True

    dependencies = [("devices", "0010_config")]

    operations = [
        migrations.CreateModel(
            name="FleetTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField()),
                ("is_simulated", models.BooleanField()),
                ("at", models.DateTimeField()),
                ("total", models.PositiveIntegerField()),
                ("online", models.PositiveIntegerField()),
                ("never_connected", models.PositiveIntegerField()),
                ("drifting", models.PositiveIntegerField()),
                ("failed_commands", models.PositiveIntegerField()),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.site",
                    ),
                ),
            ],
            options={"verbose_name_plural": "fleet tallies"},
        ),
        migrations.AddIndex(
            model_name="fleettally",
            index=models.Index(fields=["tenant_id", "at"], name="tally_by_tenant"),
        ),
        migrations.AddIndex(
            model_name="fleettally",
            index=models.Index(fields=["at"], name="tally_by_time"),
        ),
        migrations.AddConstraint(
            model_name="fleettally",
            constraint=models.UniqueConstraint(
                condition=models.Q(("site__isnull", False)),
                fields=("tenant_id", "at", "site", "is_simulated"),
                name="tally_of_a_site_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="fleettally",
            constraint=models.UniqueConstraint(
                condition=models.Q(("site__isnull", True)),
                fields=("tenant_id", "at", "is_simulated"),
                name="tally_of_no_site_once",
            ),
        ),
        ForceRowSecurity("FleetTally"),
    ]
