"""Start-up checks of the broker's addresses."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from edge.mqtt.client import Address, parse_address


@register(Tags.security)
def broker_addresses_are_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """homepot.E013 and W002: the broker's addresses can be read, and passwords go over TLS."""
    found: list[CheckMessage] = []
    for name, has_account in (
        ("MQTT_URL", True),
        ("MQTT_CONTROL_URL", True),
        ("MQTT_PUBLIC_URL", False),
    ):
        url = getattr(settings, name)
        if url and not _is_usable(_address(url), has_account):
            account = "user:password@" if has_account else ""
            found.append(
                Error(
                    f"{name} is no broker's address"
                    f"{' with an account' if has_account else ' without an account'}.",
                    hint=f"Set {name}=mqtts://{account}host:8883 (or mqtt://).",
                    id="homepot.E013",
                )
            )
    if settings.ENFORCE_HTTPS and settings.MQTT_PUBLIC_URL.startswith("mqtt://"):
        found.append(
            Warning(
                "Devices are told to send their MQTT passwords in clear.",
                hint="Open the TLS listener (deploy/mosquitto/README.md) and set "
                "MQTT_PUBLIC_URL=mqtts://host:8883.",
                id="homepot.W002",
            )
        )
    return found


def _address(url: str) -> Address | None:
    try:
        return parse_address(url)
    except ValueError:
        return None


def _is_usable(address: Address | None, has_account: bool) -> bool:
    if address is None:
        return False
    if has_account:
        return bool(address.username and address.password)
    return address.username is None
