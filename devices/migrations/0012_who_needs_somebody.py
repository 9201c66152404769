"""Indexes of the few devices that the overview asks for: gone, flapping, archived."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Their conditions leave out every device that is online, so its signs of life write nothing."""

    dependencies: ClassVar = [("devices", "0011_key_uses")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="device",
            index=models.Index(
                fields=["tenant", "id"], condition=Q(is_active=False), name="device_archived"
            ),
        ),
        migrations.AddIndex(
            model_name="devicepresence",
            index=models.Index(
                fields=["tenant_id", "last_seen_at", "device"],
                condition=Q(is_online=False),
                name="presence_gone",
            ),
        ),
        migrations.AddIndex(
            model_name="devicepresence",
            index=models.Index(
                fields=["tenant_id", "changed_at"],
                condition=Q(is_flapping=True),
                name="presence_flapping",
            ),
        ),
    ]
