"""Fill what rows of the first version do not have yet: tenant copies, capability rows."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery

_CHUNK = 1_000


def carry_over(apps: Any, schema_editor: Any) -> None:
    """Copy each device's tenant beside its session and presence; make its capability rows."""
    device = apps.get_model("devices", "Device")
    owner = device._base_manager.filter(pk=OuterRef("device_id")).values("tenant_id")[:1]
    for name in ("DeviceSession", "DevicePresence"):
        apps.get_model("devices", name).objects.update(tenant_id=Subquery(owner))
    capability = apps.get_model("devices", "DeviceCapability")
    rows = device._base_manager.values_list("pk", "tenant_id", "capabilities")
    made = [
        capability(device_id=pk, tenant_id=tenant_id, name=name)
        for pk, tenant_id, names in rows.iterator(chunk_size=_CHUNK)
        for name in sorted(set(names))
    ]
    capability._base_manager.bulk_create(made, batch_size=_CHUNK)


class Migration(migrations.Migration):
    dependencies = [("devices", "0002_sites_and_lives")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
