"""The broker's addresses are looked at when the server starts."""

from __future__ import annotations

from typing import Any

import pytest

from devicelink.mqtt import accounts
from devicelink.mqtt.checks import broker_addresses_are_usable


def codes() -> list[str]:
    return [str(message.id) for message in broker_addresses_are_usable(None)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_URL", "mqtt://broker:1883"),
        ("MQTT_URL", "broker:1883"),
        ("MQTT_URL", "mqtt://user:password@broker:notaport"),
        ("MQTT_CONTROL_URL", "http://admin:password@broker"),
        ("MQTT_CONTROL_URL", "mqtt://admin@broker"),
        ("MQTT_PUBLIC_URL", "mqtts://user:password@broker:8883"),
    ],
)
def test_an_address_that_cannot_work_stops_the_start(settings: Any, name: str, value: str) -> None:
    setattr(settings, name, value)

    assert codes() == ["homepot.E013"]


def test_good_addresses_and_none_at_all_pass(settings: Any) -> None:
    assert codes() == []
    settings.MQTT_URL = "mqtt://homepot-ingest:secret@[::1]:1883"
    settings.MQTT_CONTROL_URL = "mqtts://admin:se%2Fcret@broker.example"
    settings.MQTT_PUBLIC_URL = "mqtts://broker.example:8883"

    assert codes() == []


def test_passwords_in_clear_are_warned_of_where_https_is_enforced(settings: Any) -> None:
    settings.ENFORCE_HTTPS = True
    settings.MQTT_PUBLIC_URL = "mqtt://broker.example"

    assert codes() == ["homepot.W002"]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("mqtt://homepot-ingest:secret@10.0.0.5", "mqtt://10.0.0.5:1883"),
        ("mqtts://homepot-ingest:secret@[2001:db8::5]", "mqtts://[2001:db8::5]:8883"),
    ],
)
def test_without_a_public_address_devices_are_told_ours_without_its_account(
    settings: Any, own: str, told: str
) -> None:
    settings.MQTT_URL = own

    assert accounts.public_url() == told
