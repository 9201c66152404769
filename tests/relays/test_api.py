"""Relays over the API: wishes, refusals, and what is known of each relay."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from commands.services import sweeping
from devices.services import sessions
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.commands.ledger import answer, commands_of, pull, report
from tests.factories.devices import Board, connected_device, make_device, switch
from tests.factories.users import client_of, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]
COMMAND_FIELDS = {
    "id", "device_uid", "kind", "payload", "state", "reason", "result", "error", "cause",
    "delivery", "created_at", "sent_at", "acked_at", "finished_at", "expires_at", "progress",
    "cancel_asked_at",
}  # fmt: skip


def post(api: APIClient, board: Board, path: str, body: Any, **headers: str) -> Any:
    return api.post(
        f"/api/v1/devices/{board.uid}/relays/{path}commands", body, format="json", headers=headers
    )


def relays(api: APIClient, board: Board) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = api.get(f"/api/v1/devices/{board.uid}/relays").json()["relays"]
    return shown


def test_a_wish_is_accepted_with_its_address(api: APIClient, board: Board) -> None:
    answered = post(api, board, "0/", {"is_on": True, "wait": 0})
    assert answered.status_code == 202, answered.content
    shown = answered.json()
    assert shown.keys() == COMMAND_FIELDS
    assert (shown["state"], shown["kind"]) == ("queued", "set_relay")
    assert shown["payload"] == {"relay_index": 0, "is_on": True}
    assert answered["Location"] == f"/api/v1/commands/{shown['id']}"
    assert api.get(answered["Location"]).json() == shown


def test_all_relays_take_one_command(api: APIClient, board: Board) -> None:
    answered = post(api, board, "", {"is_on": False, "wait": 0})
    assert answered.status_code == 202
    assert answered.json()["kind"] == "set_all_relays"
    assert [relay["pending"]["is_on"] for relay in relays(api, board)] == [False] * 4


def test_a_relay_shows_what_is_known_and_what_is_asked(api: APIClient, board: Board) -> None:
    now = timezone.now()
    report(board, [False] * 4, now, state_seq=0)
    wish = post(api, board, "1/", {"toggle": True, "wait": 0}).json()
    assert wish["payload"] == {"relay_index": 1, "is_on": True}
    before = relays(api, board)[1]
    assert (before["is_on"], before["version"], before["source"]) == (False, 1, "device")
    assert before["pending"] == {"command_id": wish["id"], "is_on": True, "state": "queued"}
    pull(board, now)
    answer(board, wish["id"], timezone.now(), (1, True), state_seq=1)
    after = relays(api, board)[1]
    assert (after["is_on"], after["version"], after["source"]) == (True, 2, "command")
    assert (after["pending"], after["command_id"]) == (None, wish["id"])
    assert after["changed_by"] == wish["cause"][-1]["label"]


def test_nobody_knows_a_relay_before_its_device_spoke(api: APIClient, board: Board) -> None:
    assert {relay["is_on"] for relay in relays(api, board)} == {None}
    assert [relay["name"] for relay in relays(api, board)] == [f"Relay {n}" for n in (1, 2, 3, 4)]


def test_a_device_that_is_away_is_409_and_nothing_is_queued(
    api: APIClient, owner: Actor, board: Board
) -> None:
    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason="gone", now=timezone.now()
    )
    details = assert_refused(post(api, board, "0/", {"is_on": True}), 409, "device_offline")
    assert details["device_uid"] == board.uid
    assert_refused(post(api, board, "", {"is_on": True}), 409, "device_offline")
    assert commands_of(board) == []
    assert {relay["pending"] for relay in relays(api, board)} == {None}


def test_a_foreign_device_is_404(board: Board) -> None:
    stranger = client_of(sign_in(make_user()))
    for path in ("0/", ""):
        assert_refused(post(stranger, board, path, {"is_on": True}), 404, "not_found")
    assert_refused(stranger.get(f"/api/v1/devices/{board.uid}/relays"), 404, "not_found")
    assert commands_of(board) == []


@pytest.mark.parametrize("index", ["4", "64", "999999999999999999999"])
def test_a_relay_that_is_not_there_is_404(api: APIClient, board: Board, index: str) -> None:
    assert_refused(post(api, board, f"{index}/", {"is_on": True, "wait": 0}), 404, "not_found")


def test_a_board_without_relays_has_none_to_switch(api: APIClient, owner: Actor) -> None:
    bare = connected_device(owner, relay_count=0)
    assert_refused(post(api, bare, "", {"is_on": True, "wait": 0}), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("0/", {}, "is_on"),
        ("0/", {"is_on": True, "toggle": True}, "is_on"),
        ("0/", {"is_on": "maybe"}, "is_on"),
        ("0/", {"toggle": [1]}, "toggle"),
        ("0/", {"is_on": True, "wait": -1}, "wait"),
        ("0/", {"is_on": True, "wait": 31}, "wait"),
        ("0/", {"is_on": True, "wait": "long"}, "wait"),
        ("", {}, "is_on"),
        ("", {"is_on": None}, "is_on"),
    ],
)
def test_a_wrong_wish_is_refused_by_field(
    api: APIClient, board: Board, path: str, body: dict[str, Any], field: str
) -> None:
    details = assert_refused(post(api, board, path, body), 400, "validation_error")
    assert list(details) == [field]
    assert commands_of(board) == []


@pytest.mark.parametrize("body", [[], "on", 1, None])
def test_a_body_that_is_no_object_is_refused(api: APIClient, board: Board, body: Any) -> None:
    assert_refused(post(api, board, "0/", body), 400, "validation_error")


def test_the_same_wish_sent_again_is_one_command(api: APIClient, board: Board) -> None:
    first = post(api, board, "0/", {"toggle": True, "wait": 0}, **{"Idempotency-Key": "k"})
    again = post(api, board, "0/", {"toggle": True, "wait": 0}, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again["idempotency-replayed"], again["Location"]) == ("true", first["Location"])
    assert len(commands_of(board)) == 1
    other = post(api, board, "0/", {"is_on": True, "wait": 0}, **{"Idempotency-Key": "k"})
    assert_refused(other, 409, "idempotency_conflict")


def test_a_refused_wish_gives_its_key_back(api: APIClient, owner: Actor) -> None:
    away = make_device(owner)
    headers = {"Idempotency-Key": "later"}
    assert_refused(post(api, away, "0/", {"is_on": True}, **headers), 409, "device_offline")
    sessions.open_session(device_id=away.device_id, address=None, now=timezone.now())
    assert post(api, away, "0/", {"is_on": True, "wait": 0}, **headers).status_code == 202


def test_the_history_of_a_command_shows_every_move(
    api: APIClient, owner: Actor, board: Board
) -> None:
    asked = switch(owner, board, 0, True)
    pull(board, timezone.now())
    answer(board, asked.id, timezone.now(), (0, True), state_seq=0)
    moves = api.get(f"/api/v1/commands/{asked.id}/history").json()
    assert [move["to_state"] for move in moves] == ["queued", "sent", "succeeded"]
    assert moves[0]["from_state"] == ""


def test_an_unknown_outcome_reads_so(api: APIClient, owner: Actor, board: Board) -> None:
    asked = switch(owner, board, 0, True)
    pull(board, timezone.now())
    sweeping.sweep(asked.expires_at)
    shown = api.get(f"/api/v1/commands/{asked.id}").json()
    assert (shown["state"], shown["reason"]) == ("timed_out", "outcome_unknown")
    assert shown["finished_at"] is not None


def test_commands_of_a_device_come_newest_first_in_pages(
    api: APIClient, owner: Actor, board: Board
) -> None:
    asked = [switch(owner, board, 0, bool(number % 2)).id for number in range(5)]
    address, seen = f"/api/v1/devices/{board.uid}/commands?page_size=2", []
    while address:
        page = api.get(address).json()
        seen += [command["id"] for command in page["items"]]
        address = page["next"]
    assert seen == asked[::-1]


def test_the_audit_of_a_switch_leads_back_to_the_request(api: APIClient, board: Board) -> None:
    now = timezone.now()
    wish = post(api, board, "0/", {"is_on": True, "wait": 0}, **{"X-Request-ID": "lamp-please"})
    pull(board, now)
    answer(board, wish.json()["id"], now, (0, True))
    entry = api.get("/api/v1/audit", {"action": "relays.relay.switched"}).json()["items"][0]
    assert entry["request_id"] == "lamp-please"
    assert entry["actor"]["kind"] == "user"
    assert (entry["before"], entry["after"]) == ({"relays": {"0": None}}, {"relays": {"0": True}})


@pytest.mark.parametrize("path", ["", "/history"])
def test_a_foreign_command_cannot_be_told_from_a_missing_one(board: Board, path: str) -> None:
    foreign = switch_of_somebody(board)
    stranger = client_of(sign_in(make_user()))
    found = [
        stranger.get(f"/api/v1/commands/{command_id}{path}")
        for command_id in (foreign, str(uuid.uuid4()))
    ]
    bodies = [{**answer.json(), "request_id": ""} for answer in found]
    assert [answer.status_code for answer in found] == [404, 404]
    assert bodies[0] == bodies[1]


def switch_of_somebody(board: Board) -> str:
    system = Actor.system("test")
    return switch(system, board, 0, True).id


def test_without_a_login_there_is_nothing(board: Board) -> None:
    assert_refused(post(APIClient(), board, "0/", {"is_on": True}), 401, "not_authenticated")
