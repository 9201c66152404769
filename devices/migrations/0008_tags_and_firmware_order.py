"""Tags as rows, and versions of firmware that can be put in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models

from devices.firmware_versions import order_key
from kernel import row_security
from kernel.row_policies import ForceRowSecurity

_CHUNK = 1_000
_LONGEST = 100


def compare_bytes(apps: Any, schema_editor: Any) -> None:
    """Have the order keys compared byte by byte, whatever the language of the database is."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            'ALTER TABLE devices_device ALTER COLUMN firmware_order TYPE varchar(250) COLLATE "C"'
        )


def carry_over(apps: Any, schema_editor: Any) -> None:
    """Fill both for the devices there are."""
    # Once, for the devices of all tenants.
    with row_security.platform_scope("devices.tags_migration"):
        devices = apps.get_model("devices", "Device")._base_manager
        for version in (
            devices.exclude(firmware_version="")
            .values_list("firmware_version", flat=True)
            .distinct()
        ):
            devices.filter(firmware_version=version).update(firmware_order=order_key(version))
        _make_tag_rows(devices, apps.get_model("devices", "DeviceTag"))


def _make_tag_rows(devices: Any, tag: Any) -> None:
    tagged = devices.exclude(tags=[]).order_by("pk").values_list("pk", "tenant_id", "tags")
    last = 0
    while chunk := list(tagged.filter(pk__gt=last)[:_CHUNK]):
        last = chunk[-1][0]
        made = []
        for pk, tenant_id, tags in chunk:
            rows = rows_of(tags)
            made += [
                tag(device_id=pk, tenant_id=tenant_id, key=key, value=value)
                for key, value in rows.items()
            ]
            told = sorted(f"{key}={value}" if value else key for key, value in rows.items())
            if told != tags:
                devices.filter(pk=pk).update(tags=told)
        tag._base_manager.bulk_create(made, batch_size=_CHUNK)


def rows_of(tags: Iterable[str]) -> dict[str, str]:
    """Each key with its value. A second value of a key stays, as the value of `key-2`."""
    rows: dict[str, str] = {}
    for text in sorted({str(tag).strip() for tag in tags}):
        key, _, value = (part.strip() for part in text.partition("="))
        if not key:
            key, value = value, ""
        if not key:
            continue
        key, value, name, number = key[:_LONGEST], value[:_LONGEST], key[:_LONGEST], 1
        while rows.get(name, value) != value:
            number += 1
            name = f"{key[: _LONGEST - 4]}-{number}"
        rows[name] = value
    return rows


class Migration(migrations.Migration):
    """Tags as rows, and versions of firmware that can be put in order."""

    dependencies: ClassVar = [("devices", "0007_broker_accounts")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="device",
            name="firmware_order",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=250
            ),
        ),
        migrations.RunPython(compare_bytes, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="device",
            index=models.Index(fields=["tenant", "firmware_order"], name="device_by_firmware"),
        ),
        migrations.CreateModel(
            name="DeviceTag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.BigIntegerField(null=True)),
                ("key", models.CharField(max_length=100)),
                ("value", models.CharField(blank=True, default="", max_length=100)),
                (
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tag_rows",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "key", "value", "device"], name="tag_by_name")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["device", "key"], name="one_tag_of_a_key")
                ],
            },
        ),
        ForceRowSecurity("DeviceTag"),
        # Last: rows that wait for the checks at COMMIT would hold up changes of their tables.
        migrations.RunPython(carry_over, migrations.RunPython.noop),
    ]
