"""What people send to the pages that no page of ours would: odd times, bytes, other people's rows."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership, Tenant
from devices.models import Device, DeviceTransfer
from exports.models import Export
from kernel.admin import rights
from tests.factories.devices import connected_device
from tests.ops.households import Person, person

pytestmark = pytest.mark.django_db

# Both leave the calendar once they are told in UTC.
EARLY = "0001-01-01T00:00:00+14:00"
LATE = "9999-12-31T23:59:59-12:00"


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return person("ada@example.com")


@pytest.fixture
def bob(db: None) -> Person:
    """Somebody else."""
    return person("bob@example.com")


def _joins(user: Person, owner: Person, role: str) -> None:
    home = Tenant.objects.get(uid=owner.home)
    Membership.objects.create(user=user.user, tenant=home, role=role, created_at=timezone.now())


def _made_staff(user: Person, *codenames: str) -> None:
    user.user.may_administer = True
    user.user.save()
    user.user.user_permissions.set(rights.givable().filter(codename__in=codenames))


def _place(moment: str) -> str:
    told = json.dumps([moment, 5]).encode()
    return base64.urlsafe_b64encode(told).rstrip(b"=").decode()


@pytest.mark.core
def test_no_time_breaks_a_page(ada: Person) -> None:
    device = f"/dashboard/devices/{connected_device(ada.actor).uid}"
    for moment in (EARLY, LATE, "0001-01-02T00:00:00Z", "9999-12-31T23:59:59Z"):
        for path, asked in (
            ("/app/activity", {"until": moment}),
            ("/dashboard/audit", {"since": moment, "until": moment}),
            ("/dashboard/devices", {"sort": "last_seen", "after": _place(moment)}),
            ("/dashboard/devices", {"sort": "-created", "before": _place(moment)}),
            (f"{device}/timeline", {"since": moment[:10], "until": moment[:10]}),
            (f"{device}/audit", {"since": moment[:10], "until": moment[:10]}),
            (f"{device}/twin", {"at": moment}),
        ):
            status = ada.client.get(path, asked).status_code
            assert status in {200, 302, 400, 404}, (path, asked)


@pytest.mark.core
def test_no_byte_breaks_what_is_chosen(ada: Person) -> None:
    board = connected_device(ada.actor)
    chosen = {"device": [f"{board.uid}\0", board.uid], "do": "tags", "add": "a=b"}
    assert "1 device" in ada.client.post("/dashboard/device-list/bulk", chosen).content.decode()


def test_an_export_takes_texts_for_filters_only(ada: Person) -> None:
    for value in (5, [1], {"a": 1}, True, None):
        order = {"kind": "audit", "filter": {"since": value}}
        answer = ada.client.post("/api/v1/exports", order, content_type="application/json")
        assert answer.status_code == 400, answer.content


def test_who_belongs_to_several_says_of_which_a_file_is(ada: Person, bob: Person) -> None:
    connected_device(ada.actor)
    _joins(bob, ada, "viewer")
    path = "/dashboard/exports/devices"
    assert "Whose is it?" in bob.post(path, 400, format="csv").content.decode()
    bob.post(path, 302, format="csv", tenant=ada.home)
    (export,) = Export.objects.unscoped("a test")
    assert (export.tenant_id, export.total) == (Tenant.objects.get(uid=ada.home).pk, 1)


def test_staff_do_not_learn_where_their_members_belong_besides(ada: Person, bob: Person) -> None:
    _joins(bob, ada, "viewer")
    _made_staff(ada, "view_user")
    path = "/admin/accounts/user/"
    assert "bob@example.com" in ada.client.get(path).content.decode()
    other = Tenant.objects.get(uid=bob.home).pk
    assert ada.client.get(path, {"memberships__tenant": other}).status_code == 400


def test_staff_see_nothing_of_a_device_at_its_next_owner(ada: Person, bob: Person) -> None:
    mine, theirs = connected_device(ada.actor), connected_device(bob.actor)
    rows = Device.objects.unscoped("a test")
    rows.filter(pk=theirs.device_id).update(name="Their secret lamp")
    now = timezone.now()
    offer = DeviceTransfer.objects.create(
        uid="offer", device_id=mine.device_id, tenant=Tenant.objects.get(uid=ada.home),
        to_tenant=Tenant.objects.get(uid=bob.home), new_device_id=theirs.device_id,
        state="accepted", created_at=now, offered_by="Ada", expires_at=now, decided_at=now,
    )  # fmt: skip
    _made_staff(ada, "view_devicetransfer")
    page = ada.page(f"/admin/devices/devicetransfer/{offer.pk}/change/")
    assert mine.uid in page
    assert theirs.uid not in page and "secret lamp" not in page


@pytest.mark.embedded_only  # a plan of SQLite tells what sorts
def test_the_diary_sorts_no_ledger_and_no_log(ada: Person) -> None:
    connected_device(ada.actor)
    with CaptureQueriesContext(connection) as seen:
        ada.page("/app/activity")
    asked: list[Any] = [
        query["sql"]
        for query in seen.captured_queries
        if query["sql"].startswith("SELECT")
        and ('FROM "commands_command"' in query["sql"] or "devices.device.claimed" in query["sql"])
    ]
    assert len(asked) == 2
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            steps = [row[3] for row in cursor.fetchall()]
            is_bounded = any("LIST SUBQUERY" in step for step in steps)
            assert is_bounded or not any("TEMP B-TREE" in step for step in steps), steps
