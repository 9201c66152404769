"""Template tags of the pages of a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import template

from ops import device_tabs

if TYPE_CHECKING:
    from ops.selectors import DeviceCard

register = template.Library()


@register.simple_tag(name="device_tabs")
def tabs(device: DeviceCard, here: str) -> Sequence[device_tabs.Tab]:
    """The pages of a device."""
    return device_tabs.tabs_of(device, here=here)
