"""What platform administrators see of all devices."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Tenant
from audit.models import AuditEntry
from devices.services import unpairing
from kernel.actors import Actor
from tests.accounts.people import assert_refused, make_admin
from tests.factories.devices import Board, connected_device, make_device, provision
from tests.factories.users import client_of, make_actor, sign_in, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
URL = "/api/v1/admin/devices"


@pytest.fixture
def admin(db: None) -> APIClient:
    return client_of(sign_in(make_admin()))


def shown(admin: APIClient, query: str = "") -> list[dict[str, Any]]:
    answer = admin.get(URL + query)
    assert answer.status_code == 200, answer.content
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def uids(admin: APIClient, query: str = "") -> list[str]:
    return [device["uid"] for device in shown(admin, query)]


def looks() -> list[Any]:
    entries = AuditEntry.objects.unscoped("test").filter(action="platform.devices.listed")
    assert {entry.tenant_id for entry in entries} <= {None}
    return [entry.after for entry in entries.order_by("seq")]


def test_nobody_else_gets_in(api: APIClient, board: Board) -> None:
    assert_refused(api.get(URL), 403, "permission_denied")
    assert_refused(APIClient().get(URL), 401, "not_authenticated")
    assert looks() == []


def test_devices_of_all_tenants_are_found_by_what_is_asked(
    admin: APIClient, owner: Actor, board: Board
) -> None:
    other = make_actor()
    foreign = connected_device(other)
    unclaimed = provision("aa:bb:cc")
    gone = make_device(other, hardware_id="dd:ee:ff")
    unpairing.unpair_device(device_uid=gone.uid, actor=other, now=timezone.now())
    tenant = Tenant.objects.get(pk=tenant_of(other)).uid
    everything = [gone.uid, unclaimed.device_uid, foreign.uid, board.uid]
    assert uids(admin) == everything
    assert uids(admin, "?pairing=unpaired") == [gone.uid]
    assert uids(admin, "?pairing=unclaimed") == [unclaimed.device_uid]
    assert uids(admin, "?pairing=paired") == [foreign.uid, board.uid]
    assert uids(admin, f"?tenant={tenant}") == [gone.uid, foreign.uid]
    assert uids(admin, f"?tenant={tenant}&pairing=paired") == [foreign.uid]
    assert uids(admin, "?search=DD:EE") == [gone.uid]
    assert uids(admin, "?tenant=unknown") == []


def test_a_device_is_shown_with_its_tenant(admin: APIClient, owner: Actor, board: Board) -> None:
    provision("aa:bb:cc")
    unclaimed, mine = shown(admin)
    assert unclaimed["tenant"] is None
    assert mine["tenant"]["uid"] == Tenant.objects.get(pk=tenant_of(owner)).uid
    assert (mine["uid"], mine["pairing"], mine["connectivity"]) == (
        board.uid, "paired", "never_connected",
    )  # fmt: skip


def test_devices_come_in_pages_and_each_is_one_look(admin: APIClient, owner: Actor) -> None:
    made = [make_device(owner).uid for _ in range(3)]
    first = admin.get(f"{URL}?page_size=2&pairing=paired").json()
    second = admin.get(first["next"]).json()
    assert [device["uid"] for device in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    assert looks() == [{"filter": {"pairing": "paired"}}] * 2


@pytest.mark.parametrize("query", ["?pairing=married", "?search=%00"])
def test_an_unusable_filter_is_refused_and_is_no_look(admin: APIClient, query: str) -> None:
    assert_refused(admin.get(URL + query), 400, "validation_error")
    assert looks() == []
