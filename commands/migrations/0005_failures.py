"""Lists of what failed lately look at that only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Lists of what failed lately look at that only."""

    dependencies = [("commands", "0004_rare_kinds_and_states")]

    operations = [
        migrations.AddIndex(
            model_name="command",
            index=models.Index(
                condition=models.Q(("state__in", ["failed", "rejected", "expired"])),
                fields=["tenant", "finished_at"],
                name="command_by_failure",
            ),
        ),
    ]
