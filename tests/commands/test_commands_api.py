"""Asking, looking and taking back over the API."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.commands.ledger import answer, commands_of, pull, row_of
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.users import actor_of, client_of, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]
V1 = "/api/v1"


@pytest.fixture
def owner(user: User) -> Actor:
    """The API client's user as services see them."""
    return actor_of(user)


@pytest.fixture
def here(owner: Actor) -> Board:
    """A board that is connected now."""
    return connected_device(owner)


def post(api: APIClient, path: str, body: Any, **headers: str) -> Any:
    return api.post(f"{V1}/{path}", body, format="json", headers=headers)


def test_a_request_is_accepted_with_its_address_under_either_path(
    api: APIClient, owner: Actor
) -> None:
    away = make_device(owner)
    for path in (f"devices/{away.uid}/commands", f"customer/devices/{away.uid}/commands"):
        answered = post(api, path, {"kind": "REBOOT", "expires_in": 600})
        assert answered.status_code == 202, answered.content
        shown = answered.json()
        assert (shown["kind"], shown["payload"], shown["state"]) == ("reboot", {}, "queued")
        assert answered["Location"] == f"{V1}/commands/{shown['id']}"
        assert api.get(answered["Location"]).json() == shown
        listed = api.get(f"{V1}/{path}").json()["items"]
        assert listed[0] == shown
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("body", "waits"),
    [
        ({"kind": "reboot"}, 0),
        ({"kind": "reboot", "wait": 2}, 2),
        ({"kind": "reboot", "delivery": "now"}, 5),
        ({"kind": "set_relay", "payload": {"relay_index": 0, "is_on": True}}, 5),
        ({"kind": "set_all_relays", "payload": {"is_on": True}, "wait": 0}, 0),
    ],
)
def test_who_asks_for_something_now_waits_for_the_outcome(
    api: APIClient, here: Board, body: Any, waits: float
) -> None:
    answered = post(api, f"devices/{here.uid}/commands", body)
    assert answered.status_code == 202
    deferral = getattr(answered, "deferral", None)
    assert (0 if deferral is None else deferral.timeout_s) == waits


def test_a_repeat_with_its_key_asks_once(api: APIClient, owner: Actor) -> None:
    away = make_device(owner)
    path, body = f"devices/{away.uid}/commands", {"kind": "reboot"}
    key = {"Idempotency-Key": "once"}
    first, again = (post(api, path, body, **key) for _ in range(2))
    assert first.json() == again.json()
    assert again["idempotency-replayed"] == "true"
    assert len(commands_of(away)) == 1
    assert_refused(post(api, path, {"kind": "run_diagnostics"}, **key), 409, "idempotency_conflict")


@pytest.mark.parametrize(
    ("body", "status", "code", "details"),
    [
        ({}, 400, "validation_error", ["kind"]),
        ({"kind": "reboot", "wait": 31}, 400, "validation_error", ["wait"]),
        ({"kind": "reboot", "delivery": "soon"}, 400, "validation_error", ["delivery"]),
        ({"kind": "reboot", "expires_in": 9_999_999}, 400, "validation_error", ["expires_in"]),
        ({"kind": "fly"}, 422, "unknown_kind", ["/kind"]),
        ({"kind": "custom.fly"}, 422, "unknown_kind", ["/kind"]),
        ({"kind": "reboot", "payload": [1]}, 422, "invalid_payload", ["/payload"]),
        (
            {"kind": "set_relay", "payload": {"relay_index": "0", "is_on": 1}},
            422,
            "invalid_payload",
            ["/payload/is_on", "/payload/relay_index"],
        ),
        ({"kind": "reboot", "delivery": "now"}, 409, "device_offline", ["device_uid", "last_seen_at"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_pointed_at(
    api: APIClient, owner: Actor, body: Any, status: int, code: str, details: list[str]
) -> None:
    away = make_device(owner)
    refused = post(api, f"devices/{away.uid}/commands", body)
    assert_refused(refused, status, code)
    assert sorted(refused.json()["details"]) == details
    assert commands_of(away) == []


def test_a_full_queue_is_a_conflict(api: APIClient, owner: Actor, settings: Any) -> None:
    settings.COMMAND_QUEUE_LIMIT = 1
    away = make_device(owner)
    oldest = post(api, f"devices/{away.uid}/commands", {"kind": "reboot"}).json()
    refused = post(api, f"devices/{away.uid}/commands", {"kind": "reboot"})
    assert_refused(refused, 409, "queue_full")
    assert refused.json()["details"]["oldest"]["id"] == oldest["id"]


def test_what_would_happen_is_told_under_either_path_also_to_a_retry(
    api: APIClient, owner: Actor
) -> None:
    away = make_device(owner)
    for path in ("devices", "customer/devices"):
        answered = post(
            api, f"{path}/{away.uid}/commands/preview", {"kind": "REBOOT"}, **{"Idempotency-Key": "k"}
        )  # fmt: skip
        assert answered.status_code == 200, answered.content
        assert (answered.json()["verdict"], answered.json()["kind"]) == ("queued", "reboot")
    assert commands_of(away) == []
    stranger = client_of(sign_in(make_user()))
    refused = post(stranger, f"devices/{away.uid}/commands/preview", {"kind": "reboot"})
    assert_refused(refused, 404, "not_found")


def test_a_command_that_waits_is_taken_back(api: APIClient, owner: Actor) -> None:
    away = make_device(owner)
    asked = post(api, f"devices/{away.uid}/commands", {"kind": "reboot"}).json()
    stranger = client_of(sign_in(make_user()))
    assert_refused(post(stranger, f"commands/{asked['id']}/cancel", {}), 404, "not_found")
    taken = post(api, f"commands/{asked['id']}/cancel", {})
    assert (taken.status_code, taken.json()["state"]) == (200, "cancelled")
    assert post(api, f"commands/{asked['id']}/cancel", {}).json()["state"] == "cancelled"


def test_a_command_that_was_carried_out_is_not_taken_back(api: APIClient, here: Board) -> None:
    now = timezone.now()
    asked = post(api, f"devices/{here.uid}/commands", {"kind": "reboot"}).json()
    pull(here, now)
    shown = post(api, f"commands/{asked['id']}/cancel", {}).json()
    assert shown["state"] == "sent"
    assert shown["cancel_asked_at"]
    answer(here, asked["id"], now)
    assert row_of(asked["id"]).state == "succeeded"
    assert_refused(post(api, f"commands/{asked['id']}/cancel", {}), 409, "command_finished")


def test_the_list_of_all_commands_is_narrowed(api: APIClient, owner: Actor) -> None:
    first, second = make_device(owner), make_device(owner)
    reboot = post(api, f"devices/{first.uid}/commands", {"kind": "reboot"}).json()
    gone = post(api, f"devices/{second.uid}/commands", {"kind": "run_diagnostics"}).json()
    post(api, f"commands/{gone['id']}/cancel", {})
    soon = (timezone.now() + timedelta(hours=1)).isoformat()

    def ids(query: Any) -> list[str]:
        return [item["id"] for item in api.get(f"{V1}/commands", query).json()["items"]]

    assert ids({}) == [gone["id"], reboot["id"]]
    assert ids({"device": first.uid}) == [reboot["id"]]
    assert ids({"kind": "RUN-DIAGNOSTICS"}) == [gone["id"]]
    assert ids({"state": "queued,sent"}) == [reboot["id"]]
    assert ids({"is_open": "false"}) == [gone["id"]]
    assert ids({"since": reboot["created_at"]}) == [gone["id"], reboot["id"]]
    assert ids({"since": soon}) == []
    assert ids({"batch": str(uuid.uuid4())}) == []
    page = api.get(f"{V1}/commands", {"page_size": 1}).json()
    assert [item["id"] for item in api.get(page["next"]).json()["items"]] == [reboot["id"]]
    assert_refused(api.get(f"{V1}/commands", {"state": "lost"}), 400, "validation_error")
    assert_refused(api.get(f"{V1}/commands", {"device": "nobody"}), 404, "not_found")
    stranger = client_of(sign_in(make_user()))
    assert stranger.get(f"{V1}/commands").json()["items"] == []
