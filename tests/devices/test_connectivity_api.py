"""Connections, uptime, status, policies and maintenance over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Membership, Tenant
from audit.models import AuditEntry
from devices import selectors
from devices.models import Device, DevicePresence, Site
from devices.services import maintenance, outages, sessions, unpairing
from kernel.actors import Actor
from tests.accounts import households
from tests.devices.connections import at
from tests.factories.devices import Board, connected_device, make_device, reconnected
from tests.factories.users import client_of, make_actor, make_user, sign_in, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
V1 = "/api/v1"


def store(owner: Actor, name: str = "store") -> Site:
    return households.make_site(Tenant.objects.get(pk=tenant_of(owner)), name)


def put(board: Board, site: Site) -> None:
    rows = Device.all_objects.unscoped("tests look at everything")
    rows.filter(pk=board.device_id).update(site=site)


def away(board: Board, begin: Any, end: Any, reason: str = "connection_closed") -> Board:
    """The device is gone from one moment to the other."""
    sessions.close_session(device_id=board.device_id, epoch=board.epoch, reason=reason, now=begin)
    return reconnected(board, now=end)


def limited(owner: Actor, site: Site) -> APIClient:
    """A client of a member who is limited to that site."""
    user = make_user()
    Membership.objects.create(
        user=user,
        tenant_id=tenant_of(owner),
        role="operator",
        site_ids=[site.pk],
        created_at=timezone.now(),
    )
    client = client_of(sign_in(user))
    tenant = Tenant.objects.get(pk=tenant_of(owner))
    client.credentials(**client._credentials, HTTP_X_TENANT=tenant.uid)
    return client


# Connections


@pytest.mark.parametrize("path", ["devices", "customer/devices"])
def test_the_log_is_shown_newest_first(owner: Actor, api: APIClient, path: str) -> None:
    board = away(connected_device(owner, now=at(0)), at(400), at(800))
    shown = api.get(f"{V1}/{path}/{board.uid}/connections?limit=2").json()
    assert [(item["kind"], item["session_epoch"]) for item in shown] == [
        ("CONNECTED", 2),
        ("DISCONNECTED", 1),
    ]
    assert shown[1]["duration_s"] == 400
    assert shown[1]["reason"] == "connection_closed"


def test_the_log_outlives_the_life_of_the_device(owner: Actor, api: APIClient) -> None:
    board = connected_device(owner, now=at(0))
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(5))
    shown = api.get(f"{V1}/devices/{board.uid}/connections").json()
    assert [item["reason"] for item in shown] == ["unpaired", "session_opened"]


@pytest.mark.parametrize("limit", ["0", "501", "many"])
def test_a_limit_beyond_reason_is_refused(board: Board, api: APIClient, limit: str) -> None:
    assert api.get(f"{V1}/devices/{board.uid}/connections?limit={limit}").status_code == 400


def test_members_of_a_site_see_its_devices_and_no_others(owner: Actor) -> None:
    here, there = connected_device(owner), connected_device(owner)
    site = store(owner)
    put(here, site)
    put(there, store(owner, "yard"))
    client = limited(owner, site)
    assert client.get(f"{V1}/devices/{here.uid}/connections").status_code == 200
    assert client.get(f"{V1}/devices/{there.uid}/connections").status_code == 404
    assert client.get(f"{V1}/devices/{there.uid}/uptime").status_code == 404
    assert client.get(f"{V1}/sites/yard/uptime").status_code == 404
    answer = client.post(f"{V1}/devices/status", {"device_ids": [here.uid, there.uid]})
    assert [item["device_uid"] for item in answer.json()["devices"]] == [here.uid]
    assert answer.json()["unknown"] == [there.uid]


# Uptime


def test_uptime_counts_from_the_first_contact_on(owner: Actor, api: APIClient) -> None:
    now = timezone.now()
    board = connected_device(owner, now=now - timedelta(hours=10))
    away(board, now - timedelta(hours=4), now - timedelta(hours=3))
    shown = api.get(f"{V1}/devices/{board.uid}/uptime").json()
    assert shown.keys() == {"24h", "7d", "30d"}
    for figures in shown.values():
        assert figures["uptime_percent"] == pytest.approx(90.0, abs=0.01)
        assert figures["outages"] == 1
        assert figures["longest_outage_s"] == pytest.approx(3600, abs=1)
        assert figures["mtbf_s"] == pytest.approx(9 * 3600, abs=10)
        assert figures["mttr_s"] == pytest.approx(3600, abs=1)


def test_the_periods_end_now_and_see_what_lies_in_them_only(owner: Actor, api: APIClient) -> None:
    now = timezone.now()
    board = connected_device(owner, now=now - timedelta(days=60))
    board = away(board, now - timedelta(days=40), now - timedelta(days=39))
    away(board, now - timedelta(days=3), now - timedelta(days=2))
    shown = api.get(f"{V1}/devices/{board.uid}/uptime").json()
    assert [shown[period]["outages"] for period in ("24h", "7d", "30d")] == [0, 1, 1]
    assert shown["7d"]["uptime_percent"] == pytest.approx(100 * 6 / 7, abs=0.01)


def test_of_a_device_that_never_came_nothing_is_known(board: Board, api: APIClient) -> None:
    shown = api.get(f"{V1}/devices/{board.uid}/uptime").json()
    assert shown["24h"]["uptime_percent"] is None
    assert (shown["24h"]["outages"], shown["24h"]["down_s"]) == (0, 0)


def test_a_restart_of_the_server_costs_no_uptime(owner: Actor, api: APIClient) -> None:
    now = timezone.now()
    board = connected_device(owner, now=now - timedelta(hours=10))
    away(board, now - timedelta(hours=4), now - timedelta(hours=4, minutes=-2), "server_restart")
    shown = api.get(f"{V1}/devices/{board.uid}/uptime").json()
    assert (shown["24h"]["uptime_percent"], shown["24h"]["outages"]) == (100.0, 0)


@pytest.mark.parametrize("scope", ["tenant", "site", "device"])
def test_maintenance_is_no_downtime(owner: Actor, api: APIClient, scope: str) -> None:
    now = timezone.now()
    board = connected_device(owner, now=now - timedelta(hours=10))
    put(board, store(owner))
    away(board, now - timedelta(hours=4), now - timedelta(hours=2))
    target = {"tenant": {}, "site": {"site_id": "store"}, "device": {"device_uid": board.uid}}
    maintenance.create_window(
        starts_at=now - timedelta(hours=5),
        ends_at=now - timedelta(hours=3),
        actor=owner,
        now=now,
        **target[scope],
    )
    shown = api.get(f"{V1}/devices/{board.uid}/uptime").json()["24h"]
    assert shown["down_s"] == pytest.approx(3600, abs=1)
    assert shown["up_s"] == pytest.approx(7 * 3600, abs=2)


def test_a_site_and_a_tenant_add_their_devices_up(owner: Actor, api: APIClient) -> None:
    now = timezone.now()
    site = store(owner)
    steady, shaky, elsewhere = (
        connected_device(owner, now=now - timedelta(hours=10)) for _ in range(3)
    )
    put(steady, site)
    put(shaky, site)
    away(shaky, now - timedelta(hours=5), now - timedelta(hours=3))
    assert elsewhere.uid
    at_site = api.get(f"{V1}/sites/store/uptime").json()["24h"]
    everywhere = api.get(f"{V1}/uptime").json()["24h"]
    assert at_site["uptime_percent"] == pytest.approx(90.0, abs=0.01)
    assert everywhere["uptime_percent"] == pytest.approx(100 * 28 / 30, abs=0.01)
    assert at_site["outages"] == everywhere["outages"] == 1


def test_an_archived_device_is_judged_until_its_end(owner: Actor, api: APIClient) -> None:
    now = timezone.now()
    board = connected_device(owner, now=now - timedelta(hours=10))
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=now - timedelta(hours=5))
    shown = api.get(f"{V1}/devices/{board.uid}/uptime").json()["24h"]
    assert (shown["uptime_percent"], shown["outages"]) == (100.0, 0)


# Status


def test_a_thousand_devices_are_read_in_one_statement(owner: Actor) -> None:
    tenant_id, now = tenant_of(owner), timezone.now()
    devices = Device.all_objects.bulk_create(
        Device(
            uid=f"many-{number}", hardware_id=f"many-{number}", tenant_id=tenant_id,
            device_class="other", pairing="paired", created_at=now,
        )
        for number in range(1000)
    )  # fmt: skip
    DevicePresence.objects.bulk_create(
        DevicePresence(
            device=device, tenant_id=tenant_id, is_online=True, last_seen_at=now,
            changed_at=now, offline_due_at=now + timedelta(seconds=60),
        )
        for device in devices
    )  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        found = selectors.statuses(actor=owner, uids=[device.uid for device in devices], now=now)
    assert len(found) == 1000
    selects = [query for query in asked.captured_queries if query["sql"].startswith('SELECT "dev')]
    assert len(selects) == 1
    assert {(status.connectivity, status.since) for status in found} == {("online", now)}


def test_status_says_what_is_unknown_and_refuses_too_many(owner: Actor, api: APIClient) -> None:
    foreign = connected_device(make_actor())
    never = make_device(owner)
    answer = api.post(
        f"{V1}/devices/status", {"device_ids": [never.uid, foreign.uid]}, format="json"
    ).json()
    assert [item["connectivity"] for item in answer["devices"]] == ["never_connected"]
    assert answer["unknown"] == [foreign.uid]
    for ids in ([], ["x"] * 1001, "x"):
        refused = api.post(f"{V1}/devices/status", {"device_ids": ids}, format="json")
        assert refused.status_code == 400


# Policies, maintenance, outages


def test_policies_are_made_changed_and_removed(owner: Actor, api: APIClient) -> None:
    made = api.post(
        f"{V1}/presence-policies",
        {"device_class": "server", "offline_after_s": 120},
        format="json",
    )
    assert made.status_code == 201
    uid = made.json()["uid"]
    again = api.post(
        f"{V1}/presence-policies", {"device_class": "server", "offline_after_s": 60}, format="json"
    )
    assert (again.status_code, again.json()["code"]) == (409, "presence_policy_exists")
    path = f"{V1}/presence-policies/{uid}"
    changed = api.patch(path, {"offline_after_s": 240}, format="json")
    assert changed.json()["offline_after_s"] == 240
    assert [item["uid"] for item in api.get(f"{V1}/presence-policies").json()["items"]] == [uid]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    told = AuditEntry.objects.unscoped("tests look at everything")
    actions = told.filter(target_type="presence_policy").order_by("pk")
    assert [entry.action.rsplit(".", 1)[1] for entry in actions] == [
        "created", "updated", "deleted",
    ]  # fmt: skip


def test_a_device_takes_its_own_timeout_and_gives_it_back(board: Board, api: APIClient) -> None:
    path = f"{V1}/devices/{board.uid}"
    for given, kept in ((30, 30), (None, None)):
        shown = api.patch(path, {"offline_after_s": given}, format="json").json()
        assert shown["offline_after_s"] == kept
        assert board.presence().offline_after_s == kept
    assert api.patch(path, {"offline_after_s": 5}, format="json").status_code == 400


def test_windows_are_made_changed_and_taken_back(
    owner: Actor, api: APIClient, board: Board
) -> None:
    body = {"starts_at": at(0).isoformat(), "ends_at": at(3600).isoformat(), "device": board.uid}
    made = api.post(f"{V1}/maintenance-windows", body, format="json").json()
    assert (made["device"], made["site"]) == (board.uid, None)
    path = f"{V1}/maintenance-windows/{made['uid']}"
    assert api.patch(path, {"reason": "New router"}, format="json").json()["reason"] == "New router"
    backwards = api.patch(path, {"ends_at": at(-1).isoformat()}, format="json")
    assert backwards.status_code == 400
    assert len(api.get(f"{V1}/maintenance-windows").json()["items"]) == 1
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404


def test_members_of_a_site_maintain_that_site_only(owner: Actor) -> None:
    site, yard = store(owner), store(owner, "yard")
    stranger = connected_device(owner)
    put(stranger, yard)
    client = limited(owner, site)
    times = {"starts_at": at(0).isoformat(), "ends_at": at(60).isoformat()}
    answers = [
        client.post(f"{V1}/maintenance-windows", times | target, format="json").status_code
        for target in ({}, {"site": "yard"}, {"device": stranger.uid}, {"site": "store"})
    ]
    assert answers == [403, 400, 400, 201]


def test_the_outages_of_a_site_are_listed(owner: Actor, api: APIClient) -> None:
    site = store(owner)
    for board in [connected_device(owner, now=at(0)) for _ in range(3)]:
        put(board, site)
        sessions.close_session(
            device_id=board.device_id, epoch=board.epoch, reason="idle", now=at(10)
        )
    outages.sweep(at(12))
    (shown,) = api.get(f"{V1}/sites/store/outages").json()
    assert (shown["site"], shown["lost"], shown["ended_at"]) == ("store", 3, None)
