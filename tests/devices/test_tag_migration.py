"""Tags and versions of devices that were there before they had rows and an order."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from devices.firmware_versions import order_key
from devices.models import Device, DeviceTag
from tests.telemetry.boards import board, household

MIGRATION = import_module("devices.migrations.0008_tags_and_firmware_order")
WHY = "tests look at everything"


@pytest.mark.parametrize(
    ("tags", "rows"),
    [
        (["lobby", "floor=2"], {"lobby": "", "floor": "2"}),
        (["floor=1", "floor=2", "floor=3"], {"floor": "1", "floor-2": "2", "floor-3": "3"}),
        (["floor", "floor=2"], {"floor": "", "floor-2": "2"}),
        (["=x", " ", "", "a = b", "n=a=b", "x="], {"x": "", "a": "b", "n": "a=b"}),
        (["k" * 100 + "=1", "k" * 100 + "=2"], {"k" * 100: "1", "k" * 96 + "-2": "2"}),
    ],
)
def test_no_tag_is_lost_on_its_way_into_rows(tags: list[str], rows: dict[str, str]) -> None:
    assert MIGRATION.rows_of(tags) == rows


@pytest.mark.core
@pytest.mark.django_db
def test_devices_get_their_rows_and_their_order() -> None:
    home = household()
    old, plain = board("old", tenant=home), board("plain")
    devices = Device.all_objects.unscoped(WHY)
    devices.filter(pk=old.pk).update(tags=["lobby", "a=1", "a=2"], firmware_version="v2.1")

    MIGRATION.carry_over(apps, SimpleNamespace(connection=connection))

    old.refresh_from_db(from_queryset=devices)
    plain.refresh_from_db(from_queryset=devices)
    rows = DeviceTag.objects.unscoped(WHY).order_by("key")
    assert list(rows.values_list("device_id", "tenant_id", "key", "value")) == [
        (old.pk, home.pk, "a", "1"),
        (old.pk, home.pk, "a-2", "2"),
        (old.pk, home.pk, "lobby", ""),
    ]
    assert old.tags == ["a-2=2", "a=1", "lobby"]
    assert old.firmware_order == order_key("2.1.0")
    assert plain.firmware_order == ""
