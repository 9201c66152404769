"""Moving a device between sites, and finding devices by site and by what they can do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.choices import DeviceClass
from devices.models import Device, DeviceCapability
from devices.services import editing, provisioning, site_removal
from devices.types import DeviceChanges, ProvisionedDevice
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from kernel.models import LiveEvent
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, registration_of
from tests.factories.sites import devices_at, living, make_site, register
from tests.factories.users import make_actor
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def move(api: APIClient, board: Board, site: Any) -> Any:
    return api.patch(f"/api/v1/devices/{board.uid}", {"site": site}, format="json")


def describe(*capabilities: str) -> ProvisionedDevice:
    return provisioning.register_device(
        registration=replace(registration_of("hw-1"), capabilities=capabilities),
        provision_key=settings.DEVICE_PROVISION_KEY,
        address="192.0.2.8",
        now=timezone.now(),
    )


def found(api: APIClient, query: str) -> set[str]:
    answer = api.get(f"/api/v1/devices{query}")
    assert answer.status_code == 200, answer.content
    return {device["device_id"] or device["uid"] for device in answer.json()["items"]}


def test_a_move_is_told_once_with_both_sites(api: APIClient, owner: Actor, board: Board) -> None:
    make_site(owner, "store")
    for _ in range(2):
        moved = move(api, board, "store")
        assert moved.status_code == 200, moved.content
    assert moved.json()["site"] == {"slug": "store", "name": "store"}
    assert devices_at(owner, "store") == {board.uid}
    entries = AuditEntry.objects.unscoped("tests look at everything")
    (entry,) = entries.filter(action="devices.device.updated")
    assert (entry.before, entry.after) == ({"site": None}, {"site": "store"})
    assert LiveEvent.objects.get(kind="device_updated").payload == {"device_uid": board.uid}


def test_null_takes_a_device_away_from_its_site(api: APIClient, owner: Actor, board: Board) -> None:
    make_site(owner, "store")
    move(api, board, "store")
    assert move(api, board, None).json()["site"] is None
    assert devices_at(owner, "store") == set()


def test_what_is_left_out_stays(api: APIClient, owner: Actor, board: Board) -> None:
    make_site(owner, "store")
    move(api, board, "store")
    renamed = api.patch(f"/api/v1/devices/{board.uid}", {"name": "Till"}, format="json")
    assert renamed.json()["site"]["slug"] == "store"


@pytest.mark.parametrize("site", ["theirs", "nowhere", "gone", "x" * 65, ["store"], 7])
def test_a_site_that_is_not_there_is_refused_and_changes_nothing(
    api: APIClient, owner: Actor, board: Board, site: Any
) -> None:
    make_site(make_actor(), "theirs")
    make_site(owner, "gone")
    site_removal.remove_site(site_id="gone", actor=owner, now=timezone.now())
    body = {"site": site, "name": "Till"}
    answer = api.patch(f"/api/v1/devices/{board.uid}", body, format="json")
    assert list(assert_refused(answer, 400, "validation_error")) == ["site"]
    assert (board.row().site_id, board.row().name) == (None, "")


def test_devices_are_found_by_site_and_by_capability(api: APIClient, owner: Actor) -> None:
    for site_id in ("store", "depot"):
        make_site(owner, site_id)
    register(owner, "store", "a", capabilities=("relay", "ir"))
    register(owner, "depot", "b", capabilities=("relay.pulse",))
    register(owner, "store", "c")
    assert found(api, "?site=store") == {"a", "c"}
    assert found(api, "?site=nowhere") == set()
    assert found(api, "?capability=relay") == {"a"}
    assert found(api, "?capability=relay.pulse") == {"b"}
    assert found(api, "?capability=rel") == set()
    assert found(api, "?site=store&capability=ir") == {"a"}
    assert found(api, "?site=depot&capability=ir") == set()


def test_a_filter_does_not_reach_into_other_tenants(api: APIClient, owner: Actor) -> None:
    stranger = make_actor()
    for actor in (owner, stranger):
        make_site(actor, "store")
        register(actor, "store", f"till-{actor.user_id}", capabilities=("relay",))
    assert found(api, "?site=store&capability=relay") == {f"till-{owner.user_id}"}


@pytest.mark.parametrize("device_class", DeviceClass.values)
def test_every_device_class_is_registered_and_found(
    api: APIClient, owner: Actor, device_class: str
) -> None:
    make_site(owner, "store")
    body = {"device_id": "one", "device_type": device_class.upper()}
    made = api.post("/api/v1/devices/sites/store/devices", body, format="json")
    assert made.json()["device_class"] == device_class
    assert found(api, f"?device_class={device_class}") == {"one"}


def test_capability_rows_follow_what_a_device_says_of_itself() -> None:
    made = describe("relay")
    rows = DeviceCapability.objects.unscoped("tests look at everything")

    def names() -> list[str]:
        return sorted(rows.filter(device_id=made.device_id).values_list("name", flat=True))

    def summary() -> list[str]:
        devices = Device.objects.unscoped("tests look at everything")
        return sorted(devices.get(pk=made.device_id).capabilities)

    assert names() == summary() == ["relay"]
    again = describe("ir", "sensor")
    assert again.device_id == made.device_id
    assert names() == summary() == ["ir", "sensor"]


@pytest.mark.django_db(transaction=True)
def test_nobody_moves_into_a_site_that_is_being_removed() -> None:
    owner = make_actor()
    for attempt in range(4):
        for site_id in ("from", "to"):
            make_site(owner, f"{site_id}-{attempt}")
        uids = [
            register(owner, f"from-{attempt}", f"till-{attempt}-{number}").device.uid
            for number in range(3)
        ]

        def act(number: int, attempt: int = attempt, uids: list[str] = uids) -> Any:
            if number == 3:
                return site_removal.remove_site(
                    site_id=f"to-{attempt}", unpair=True, actor=owner, now=timezone.now()
                )
            return editing.update_device(
                device_uid=uids[number],
                changes=DeviceChanges(site=f"to-{attempt}"),
                actor=owner,
                now=timezone.now(),
            )

        outcomes = run_at_once(4, act)
        assert not isinstance(outcomes[3], BaseException), outcomes
        allowed = (Device, ValidationFailed)
        assert all(isinstance(outcome, allowed) for outcome in outcomes[:3]), outcomes
        assert not living(owner).filter(site__removed_at__isnull=False).exists()
