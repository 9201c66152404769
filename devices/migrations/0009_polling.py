"""When a device last asked for its commands."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """When a device last asked for its commands."""

    dependencies: ClassVar = [("devices", "0008_tags_and_firmware_order")]
    operations: ClassVar = []
