"""When a device last asked for its commands, over HTTP and over MQTT."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """A device on a wire without sessions is reachable from what it last did there."""

    dependencies: ClassVar = [("devices", "0008_tags_and_firmware_order")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="devicesession", name=name, field=models.DateTimeField(null=True)
        )
        for name in ("polled_at", "polls_since", "greeted_at")
    ]
