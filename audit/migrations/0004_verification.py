"""What is known of each chain."""

from django.db import migrations, models

from audit.chain import GENESIS
from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_row_security")]

    operations = [
        migrations.CreateModel(
            name="Verification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain_id", models.BigIntegerField(unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unknown", "Not verified yet"),
                            ("intact", "Intact"),
                            ("broken", "Broken"),
                        ],
                        default="unknown",
                        max_length=8,
                    ),
                ),
                ("head_seq", models.BigIntegerField(default=0)),
                ("head_hash", models.CharField(default=GENESIS, max_length=64)),
                ("checked_at", models.DateTimeField(null=True)),
                ("looked_at", models.DateTimeField(db_index=True, null=True)),
                ("pass_began_at", models.DateTimeField(null=True)),
                ("pass_seq", models.BigIntegerField(default=0)),
                ("pass_hash", models.CharField(default=GENESIS, max_length=64)),
                ("whole_at", models.DateTimeField(null=True)),
                ("asked_at", models.DateTimeField(null=True)),
                ("broken_at", models.DateTimeField(null=True)),
                ("bad_seq", models.BigIntegerField(null=True)),
                ("problem", models.CharField(blank=True, default="", max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(asked_at__isnull=False),
                        fields=["asked_at"],
                        name="audit_verification_asked",
                    )
                ],
            },
        ),
        # The platform's own chain is number 0, which only its administrators have in their scope.
        ForceRowSecurity("Verification", column="chain_id"),
    ]
