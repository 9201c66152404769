"""Contacts over wires without sessions."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """A contact without a session knows its wire, its address, and the client's connection."""

    dependencies: ClassVar = [("devices", "0005_connectivity")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="devicepresence",
            name="wire",
            field=models.CharField(
                choices=[("websocket", "Websocket"), ("mqtt", "Mqtt"), ("http", "Http")],
                default="http",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="devicepresence",
            name="address",
            field=models.CharField(blank=True, default="", max_length=45),
        ),
        migrations.AddField(
            model_name="devicepresence",
            name="client_session",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="devicepresence",
            name="client_lost_at",
            field=models.DateTimeField(null=True),
        ),
    ]
