"""Give the newest reading a name that queries about devices reach it by; the table stays."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Give the newest reading a name that queries about devices reach it by; the table stays."""

    dependencies: ClassVar = [
        ("devices", "0007_broker_accounts"),
        ("telemetry", "0006_set_aside"),
    ]
    operations: ClassVar = [
        migrations.AlterField(
            model_name="latestmetrics",
            name="device",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="latest_metrics",
                serialize=False,
                to="devices.device",
            ),
        ),
    ]
