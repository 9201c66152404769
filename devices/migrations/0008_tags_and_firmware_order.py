"""Tags as rows, and versions of firmware that can be put in order."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Tags as rows, and versions of firmware that can be put in order."""

    dependencies: ClassVar = [("devices", "0007_broker_accounts")]
    operations: ClassVar = []
