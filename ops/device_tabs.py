"""The pages of one device, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse

if TYPE_CHECKING:
    from ops.selectors import DeviceCard

# What the page calls itself, what people read, and the name of its address.
_PAGES: tuple[tuple[str, str, str], ...] = (
    ("device", "Overview", "ops:device"),
    ("timeline", "Timeline", "ops:device-timeline"),
    ("telemetry", "Telemetry", "ops:device-telemetry"),
    ("twin", "Twin", "ops:device-twin"),
    ("commands", "Commands", "ops:device-commands"),
    ("config", "Configuration", "ops:device-config"),
    ("infrared", "Infrared", "ops:device-codes"),
    ("connections", "Connections", "ops:device-connections"),
    ("credentials", "Credentials", "ops:device-credentials"),
    ("lives", "Lives", "ops:device-lives"),
    ("audit", "Audit", "ops:device-audit"),
)
URL_NAMES = tuple(name for _, _, name in _PAGES)
_WITH_INFRARED = ("ir_hub", "hybrid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One page of a device and where it is."""

    label: str
    address: str
    is_current: bool


def tabs_of(device: DeviceCard, *, here: str) -> Sequence[Tab]:
    """The pages of a device; infrared codes only where it can have any."""
    return [
        Tab(label=label, address=address, is_current=page == here)
        for page, label, name in _PAGES
        if page != "infrared" or here == page or device.device_class in _WITH_INFRARED
        if (address := _address(name, device.uid))
    ]


def _address(name: str, uid: str) -> str:
    try:
        return reverse(name, args=[uid])
    except NoReverseMatch:
        return ""
