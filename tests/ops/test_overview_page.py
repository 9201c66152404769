"""The first page of the console: what it shows, to whom, and what its links lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Device, DevicePresence, Site
from devices.services import editing
from devices.types import DeviceChanges
from fleet.services import tallying
from kernel import local_devices
from kernel.local_devices import LocalFleet
from tests.factories.devices import Board, connected_device, make_device
from tests.ops.households import Person, member, person, site

pytestmark = pytest.mark.django_db

HOSTILE = "<img src=x onerror=alert(2)>\"'"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return person("ada@example.com")


class Played:
    """A fleet that is only written down."""

    def __init__(self) -> None:
        self.tenants: dict[int, int] = {}

    def start(self, *, tenant_id: int, user_id: int, devices: int) -> None:
        self.tenants[tenant_id] = devices

    def running(self, *, tenant_id: int) -> LocalFleet | None:
        devices = self.tenants.get(tenant_id)
        return None if devices is None else LocalFleet(devices=devices, hardware_prefix="sim-9-")

    def stop(self, *, tenant_id: int) -> None:
        pass

    def forget(self, *, tenant_id: int) -> None:
        del self.tenants[tenant_id]


@pytest.fixture
def played() -> Iterator[Played]:
    fleets = Played()
    local_devices.offer(fleets)
    yield fleets
    local_devices.offer(None)


def lost(board: Board, hours: int) -> None:
    DevicePresence.objects.filter(pk=board.device_id).update(
        is_online=False, offline_due_at=None, last_seen_at=timezone.now() - timedelta(hours=hours)
    )


def named(owner: Person, board: Board, name: str, site_id: str | None = None) -> None:
    changes = DeviceChanges(name=name, site=site_id)
    editing.update_device(
        device_uid=board.uid, changes=changes, actor=owner.actor, now=timezone.now()
    )


def test_an_empty_console_offers_three_ways_and_no_start_where_nothing_can_run(ada: Person) -> None:
    body = ada.page("/dashboard")

    assert "Connect this machine" in body
    assert "Start a simulated fleet" in body
    assert "Add a real device" in body
    assert "edge.simulator" in body
    assert "simulated-fleet" not in body
    refused = ada.post("/dashboard/simulated-fleet", 409)
    assert "does not run simulated devices itself" in refused.content.decode()


def test_one_click_starts_a_fleet_and_another_removes_it(ada: Person, played: Played) -> None:
    assert 'action="/dashboard/simulated-fleet"' in ada.page("/dashboard")

    assert ada.post("/dashboard/simulated-fleet")["Location"] == "/dashboard"
    assert "24 simulated devices are on their way" in ada.page("/dashboard")
    assert list(played.tenants.values()) == [24]

    ada.post("/dashboard/simulated-fleet/remove")
    assert played.tenants == {}


def test_a_viewer_is_told_who_can_start_one(ada: Person, played: Played) -> None:
    viewer = member(ada, "viewer")

    assert "An admin of the organisation can start it." in viewer.page(
        f"/dashboard?tenant={ada.home}"
    )
    viewer.post("/dashboard/simulated-fleet", 403, tenant=ada.home)
    assert played.tenants == {}


def test_numbers_lead_to_their_devices(ada: Person) -> None:
    here, gone = connected_device(ada.actor), connected_device(ada.actor)
    lost(gone, 3)
    make_device(ada.actor)

    body = ada.page("/dashboard")

    assert "1 of 3 online" in body
    for address in (
        "connectivity=online", "connectivity=offline", "connectivity=never_connected", "sync=drift",
    ):  # fmt: skip
        assert f"/dashboard/devices?{address}" in body
    (versions,) = re.findall(r'class="version" href="([^"]+)"', body)
    assert "class%3Arelay_controller+and+firmware%3A1.0.0" in versions
    listed = ada.page(versions.replace("&amp;", "&"))
    assert here.uid in listed and gone.uid in listed
    assert gone.uid in ada.page("/dashboard/devices?connectivity=offline")


def test_what_needs_somebody_is_listed_with_its_page_and_narrowed_by_kind(ada: Person) -> None:
    boards = [connected_device(ada.actor) for _ in range(10)]
    for number, board in enumerate(boards):
        named(ada, board, f"Board {number}")
        lost(board, 30 - number)

    body = ada.page("/dashboard")

    assert "10 need attention" in body
    assert f'<a href="/dashboard/devices/{boards[0].uid}">Board 0</a>' in body
    assert "Board 9<" not in body
    assert "Show 2 more" in body
    assert "Board 9<" in ada.page("/dashboard?need=offline")
    assert "Board 9<" in ada.page("/dashboard?all=1")
    # What is asked wrongly is as if it had not been.
    assert "Show 2 more" in ada.page("/dashboard?need=nonsense&range=1y")


def test_sites_are_on_the_map_and_hostile_names_stay_text(ada: Person) -> None:
    shop = site(ada, HOSTILE)
    Site.objects.unscoped("tests look at everything").filter(pk=shop.pk).update(
        latitude="52.5", longitude="13.4"
    )
    board = connected_device(ada.actor)
    named(ada, board, HOSTILE, shop.site_id)
    lost(board, 3)

    body = ada.page("/dashboard")

    assert "<img src=x" not in body
    assert body.count('class="map map--') == 2
    assert f'href="/dashboard/sites/{shop.site_id}"' in body
    assert 'data-state="out"' in body
    assert "0 of 1 online" in body


def test_nobody_sees_anything_of_others(ada: Person) -> None:
    shop = site(ada, "Shop")
    site(ada, "Depot")
    here, elsewhere = connected_device(ada.actor), connected_device(ada.actor)
    named(ada, here, "Here", shop.site_id)
    named(ada, elsewhere, "Back office")
    lost(here, 2)
    lost(elsewhere, 2)
    tallying.take(timezone.now())

    stranger = person("bob@example.com").page("/dashboard")
    assert "Connect this machine" in stranger
    clerk = member(ada, "operator", site_ids=[shop.pk]).page(f"/dashboard?tenant={ada.home}")
    assert "0 of 1 online" in clerk
    assert "Here" in clerk
    assert "Back office" not in clerk
    assert "Depot" not in clerk


def test_trends_have_their_numbers_in_a_table(ada: Person) -> None:
    connected_device(ada.actor)
    tallying.take(timezone.now())

    body = ada.page("/dashboard?range=7d")

    assert 'aria-current="true">7 days</a>' in body
    assert re.search(r"<tr data-step=\"\d+\">.*?<td>100 %</td><td>1</td><td>0</td><td>0</td>", body)


def test_where_there_are_only_simulated_devices_the_figures_are_of_those(ada: Person) -> None:
    board = connected_device(ada.actor)
    Device.objects.unscoped("tests look at everything").filter(pk=board.device_id).update(
        is_simulated=True
    )

    assert "1 of 1 simulated devices online" in ada.page("/dashboard")
