"""A device registered at a site comes in by the name its site gave it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from devices.models import DeviceSession
from devices.services import site_registration, site_removal, sites
from devices.services.site_registration import RegisteredDevice
from devices.types import NewSite, SiteDevice
from tests.devicelink.household import Resident
from tests.devicelink.serving import LiveServer, eventually


@pytest.fixture
def till(resident: Resident) -> RegisteredDevice:
    """A till of the resident's, registered at a site."""
    now = timezone.now()
    sites.create_site(given=NewSite(name="Store", site_id="store"), actor=resident.actor, now=now)
    given = SiteDevice(device_id="till-1", device_type="pos_terminal")
    return site_registration.register_at_site(
        site_id="store", given=given, actor=resident.actor, now=now
    )


def session_of(till: RegisteredDevice) -> DeviceSession:
    return DeviceSession.objects.get(device_id=till.device.pk)


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_it_is_online_under_its_name_and_key(
    server: LiveServer, till: RegisteredDevice, header: str
) -> None:
    key = till.api_key if header == "X-API-Key" else f"Bearer {till.api_key}"
    headers = {"X-Device-ID": "till-1", header: key}
    with server.open("/ws/device", additional_headers=headers) as device:
        assert device.hear()["type"] == "welcome"
        assert session_of(till).is_live
    eventually(lambda: not session_of(till).is_live)


def test_its_uid_is_as_good_as_its_name(server: LiveServer, till: RegisteredDevice) -> None:
    with server.device(till.device.uid, till.api_key) as device:
        assert device.hear()["type"] == "welcome"


def test_the_name_with_another_key_opens_nothing(
    server: LiveServer, till: RegisteredDevice
) -> None:
    with server.device("till-1", "wrong") as device:
        assert device.hear()["code"] == "invalid_credentials"
        assert device.hear_close() == 4401


def test_when_its_site_is_removed_its_socket_ends(
    server: LiveServer, till: RegisteredDevice, resident: Resident
) -> None:
    with server.device("till-1", till.api_key) as device:
        assert device.hear()["type"] == "welcome"
        site_removal.remove_site(
            site_id="store", unpair=True, actor=resident.actor, now=timezone.now()
        )
        assert device.hear_close() == 4403
