"""The rows that tags are found by; they and `Device.tags` change in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from devices import tag_names
from devices.models import Device, DeviceTag
from devices.tag_names import Tag
from kernel.errors import ValidationFailed
from kernel.unit_of_work import require_unit_of_work


def checked(texts: Iterable[str]) -> list[str]:
    """Tags as they are kept. Raises ValidationFailed for what is no tag."""
    try:
        return tag_names.written(tag_names.parsed_all(texts).values())
    except tag_names.WrongTag as wrong:
        raise ValidationFailed(details={"tags": [str(wrong)]}) from None


def tags_of(device: Device) -> dict[str, Tag]:
    """The tags that a device has, by their keys."""
    tags = map(tag_names.kept, device.tags)
    return {tag.key: tag for tag in tags}


def keep(devices: Collection[Device]) -> None:
    """Make the rows of these devices say what their `tags` do, under their locks."""
    require_unit_of_work()
    rows = DeviceTag.objects.unscoped("devices whose locks are held")
    rows.filter(device_id__in=[device.pk for device in devices]).delete()
    DeviceTag.objects.bulk_create(
        [
            DeviceTag(device=device, tenant_id=device.tenant_id, key=tag.key, value=tag.value)
            for device in devices
            for tag in tags_of(device).values()
        ],
        batch_size=500,
    )
