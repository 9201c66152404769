"""The configuration of each device as a versioned document."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """The configuration of each device as a versioned document."""

    dependencies: ClassVar = [("devices", "0009_polling")]
    operations: ClassVar = []
