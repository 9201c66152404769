"""The page of one provisioning key, and maps of sites."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from devices.services import provisioning, provisioning_keys, sites
from devices.types import Position, SiteChanges
from tests.factories import devices as boards
from tests.factories.sites import make_site
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> Person:
    return Person(make_user())


def test_a_key_tells_what_is_left_and_who_came_in_with_it(ada: Person) -> None:
    now = timezone.now()
    made = provisioning_keys.create_key(
        name="Lobby batch",
        max_devices=3,
        expires_at=now + timedelta(days=1),
        actor=ada.actor,
        now=now,
    )
    page = f"/dashboard/keys/{made.row.uid}"
    assert "Nobody yet." in ada.page(page)
    came = provisioning.register_device(
        registration=boards.registration_of("hardware-of-the-batch"),
        provision_key=made.key,
        address="test-batch",
        now=timezone.now(),
    )
    body = ada.page(page)
    assert "1 of 3, 2 left" in body and f"/dashboard/devices/{came.device_uid}" in body
    assert page in ada.page("/dashboard/keys")
    member(ada, "operator").page(page, status=403)
    Person(make_user()).page(page, status=404)


def test_sites_with_coordinates_are_on_a_map(ada: Person) -> None:
    site = make_site(ada.actor, "store")
    assert '<svg class="map' not in ada.page("/dashboard/sites")
    assert '<svg class="map' not in ada.page("/dashboard/sites/store")
    sites.update_site(
        site_id=site.site_id,
        changes=SiteChanges(position=Position(latitude=Decimal("52.5"), longitude=Decimal("13.4"))),
        actor=ada.actor,
        now=timezone.now(),
    )
    assert '<svg class="map' in ada.page("/dashboard/sites")
    assert '<svg class="map' in ada.page("/dashboard/sites/store")
