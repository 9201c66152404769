"""What a device says it runs."""

from __future__ import annotations

from django.db.models import Q

from devices.firmware_versions import order_key
from devices.models import Device


def note_firmware(*, device_id: int, firmware_version: str) -> bool:
    """Keep the reported version, within the caller's unit of work; True when it is a new one."""
    device = Device.objects.unscoped("the device reports about itself").filter(pk=device_id)
    return bool(
        device.filter(~Q(firmware_version=firmware_version)).update(
            firmware_version=firmware_version, firmware_order=order_key(firmware_version)
        )
    )
