"""When each key was last used, over which wire and from where."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Who still uses an old key is seen by it; what was used before this is not known."""

    dependencies: ClassVar = [("devices", "0010_config")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="devicecredential",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="devicecredential",
            name="last_used_over",
            field=models.CharField(blank=True, default="", max_length=10),
        ),
        migrations.AddField(
            model_name="devicecredential",
            name="last_address",
            field=models.CharField(blank=True, default="", max_length=45),
        ),
    ]
