"""Infrared codes in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from infrared.models import DeviceIrCode
from kernel.admin.base import ReadOnlyAdmin


@admin.register(DeviceIrCode)
class DeviceIrCodeAdmin(ReadOnlyAdmin):
    """Codes by device and name."""

    plural = "Infrared codes"
    list_display = ("name", "device", "owner", "frequency_hz", "protocol", "source", "updated_at")
    list_filter = ("source", "updated_at")
    search_fields = ("name", "device__uid")
