"""Sensors and attributes of devices."""

from __future__ import annotations

from django.contrib import admin

from kernel.admin.base import ReadOnlyAdmin
from telemetry.models import DeviceAttribute, DeviceSensorEvent, DeviceSensorState


@admin.register(DeviceSensorState)
class DeviceSensorStateAdmin(ReadOnlyAdmin):
    """What each sensor says now."""

    list_display = ("device", "sensor", "kind", "value", "unit", "at", "changed_at", "owner")
    list_filter = ("changed_at",)
    search_fields = ("device__uid", "sensor__startswith")


@admin.register(DeviceSensorEvent)
class DeviceSensorEventAdmin(ReadOnlyAdmin):
    """What a sensor has said."""

    needs_device = True
    list_display = ("at", "device", "sensor", "kind", "value", "unit", "received_at")
    list_filter = ("received_at",)
    search_fields = ("sensor__startswith",)


@admin.register(DeviceAttribute)
class DeviceAttributeAdmin(ReadOnlyAdmin):
    """Texts that devices tell of themselves."""

    list_display = ("device", "name", "value", "at", "owner")
    list_filter = ("at",)
    search_fields = ("device__uid", "name__startswith")
