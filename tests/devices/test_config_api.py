"""Configurations over HTTP: people edit them, devices confirm them."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from commands.services import requesting
from commands.types import CommandView
from devices.models import Device
from devices.selectors import config as selectors
from edge.protocol.messages import AckStatus
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.commands.ledger import START, answer, at, poll, pull
from tests.factories.devices import Board, connected_device

pytestmark = pytest.mark.django_db
DOCUMENT = {
    "relay_names": {"0": "Lamp"},
    "input_config": {"0": {"mode": "toggle", "relay": 0, "debounce_ms": 50}},
    "power_restore_mode": "last",
    "config": {"led": "dim"},
}
MERGE = "application/merge-patch+json"


def path(board: Board, rest: str = "") -> str:
    """Where the configuration is."""
    return f"/api/v1/devices/{board.uid}/config{rest}"


def put(api: APIClient, board: Board, document: Any, tag: str | None = "*") -> Any:
    """Replace it."""
    headers = {} if tag is None else {"HTTP_IF_MATCH": tag}
    return api.put(path(board), document, format="json", **headers)


def of_device(board: Board) -> APIClient:
    """The device itself, with its key."""
    client = APIClient()
    client.credentials(HTTP_X_DEVICE_ID=board.uid, HTTP_X_API_KEY=board.token)
    return client


def test_a_configuration_is_read_replaced_and_read_again(api: APIClient, board: Board) -> None:
    before = api.get(path(board))
    assert (before.status_code, before["ETag"]) == (200, '"0"')
    assert (before.json()["version"], before.json()["is_applied"]) == (0, True)
    changed = put(api, board, DOCUMENT, before["ETag"])
    assert (changed.status_code, changed["ETag"]) == (200, '"1"')
    shown = api.get(path(board)).json()
    assert shown == changed.json()
    assert shown["config"] == DOCUMENT
    assert (shown["applied_version"], shown["is_applied"]) == (0, False)
    assert shown["drift_since"] == shown["changed_at"]
    device = api.get(f"/api/v1/devices/{board.uid}").json()
    assert device["input_config"] == DOCUMENT["input_config"]


def test_inputs_that_are_older_than_the_rules_come_and_go_unharmed(
    api: APIClient, board: Board
) -> None:
    old = {"0": {"kind": "bell", "mode": "toggle"}, "1": "push"}
    rows = Device.objects.unscoped("test")
    rows.filter(pk=board.device_id).update(input_config=old)
    shown = api.get(path(board)).json()["config"]
    assert shown["input_config"] == old
    assert put(api, board, shown | {"config": {"led": "dim"}}).status_code == 200
    edit = {"name": "Hall", "input_config": old}
    assert api.patch(f"/api/v1/devices/{board.uid}", edit, format="json").status_code == 200
    assert rows.get(pk=board.device_id).input_config == old


def test_a_patch_merges_and_null_resets(api: APIClient, board: Board) -> None:
    put(api, board, DOCUMENT)
    patched = api.patch(
        path(board),
        '{"relay_names": {"1": "Fan"}, "input_config": null, "config": {"led": null, "n": [1]}}',
        content_type=MERGE,
        HTTP_IF_MATCH='"1"',
    )
    assert patched.json()["config"] == {
        "relay_names": {"0": "Lamp", "1": "Fan"},
        "input_config": {},
        "power_restore_mode": "last",
        "config": {"n": [1]},
    }


def test_an_edit_of_another_version_is_refused_with_the_present_one(
    api: APIClient, board: Board
) -> None:
    assert_refused(put(api, board, DOCUMENT, None), 428, "precondition_required")
    put(api, board, DOCUMENT)
    for tag in ('"0"', 'W/"1"', '"2", "3"'):
        answered = put(api, board, DOCUMENT | {"config": {}}, tag)
        details = assert_refused(answered, 412, "precondition_failed")
        assert (answered["ETag"], details["current"]["version"]) == ('"1"', 1)
    assert_refused(put(api, board, DOCUMENT, "1"), 400, "validation_error")
    assert put(api, board, DOCUMENT | {"config": {}}, '"9", "1"').json()["version"] == 2


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        ({"config": {}}, ["/relay_names", "/input_config", "/power_restore_mode"]),
        (DOCUMENT | {"led": 1}, ["/led"]),
        (DOCUMENT | {"input_config": {"0": {"mode": "toggle", "relay": 9}}},
         ["/input_config/0/relay"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_pointed_at(
    api: APIClient, board: Board, document: dict[str, Any], pointers: list[str]
) -> None:
    refused = put(api, board, document)
    assert list(assert_refused(refused, 400, "validation_error")) == pointers
    assert api.get(path(board)).json()["version"] == 0


def test_versions_are_listed_shown_and_restored(api: APIClient, board: Board) -> None:
    put(api, board, DOCUMENT)
    put(api, board, DOCUMENT | {"config": {"led": "off"}})
    page = api.get(path(board, "/revisions?page_size=1")).json()
    assert [item["version"] for item in page["items"]] == [2]
    assert [item["version"] for item in api.get(page["next"]).json()["items"]] == [1]
    assert page["items"][0]["by"] == page["items"][0]["cause"][-1]["label"]
    former = api.get(path(board, "?version=1"))
    assert (former["ETag"], former.json()["config"]) == ('"1"', DOCUMENT)
    assert api.get(path(board, "?version=7")).status_code == 404
    wanted = {"version": 1}
    restored = api.post(path(board, "/restore"), wanted, format="json", HTTP_IF_MATCH='"2"')
    assert (restored.json()["version"], restored.json()["config"]) == (3, DOCUMENT)
    unknown = api.post(path(board, "/restore"), {"version": 9}, format="json", HTTP_IF_MATCH="*")
    assert list(assert_refused(unknown, 400, "validation_error")) == ["/version"]


def test_a_device_confirms_over_http_with_its_key_only(api: APIClient, board: Board) -> None:
    put(api, board, DOCUMENT)
    where, device = "/api/v1/devices/self/config/applied", of_device(board)
    refused = device.post(where, {"version": 1, "error": "no such relay"}, format="json").json()
    assert (refused["refused_version"], refused["error"]) == (1, "no such relay")
    applied = device.post(where, {"version": 1}, format="json")
    assert (applied.status_code, applied.json()["is_applied"]) == (200, True)
    shown = api.get(path(board)).json()
    assert (shown["applied_version"], shown["drift_since"], shown["error"]) == (1, None, "")
    for wrong in ({}, {"version": -1}, {"version": "x"}, {"version": 1, "error": "x" * 513}):
        assert device.post(where, wrong, format="json").status_code == 400
    assert api.post(where, {"version": 1}, format="json").status_code in {401, 403}


def test_wrong_inputs_are_refused_on_the_devices_own_route_too(
    api: APIClient, board: Board
) -> None:
    change = {"input_config": {"0": {"mode": "toggle", "relay": 4}, "1": {"debounce_ms": -1}}}
    refused = api.patch(f"/api/v1/devices/{board.uid}", change, format="json")
    assert list(assert_refused(refused, 400, "validation_error")) == [
        "input_config/0/relay",
        "input_config/1/debounce_ms",
    ]


@pytest.mark.parametrize(
    ("status", "result", "applied"),
    [
        (AckStatus.SUCCEEDED, None, 1),
        (AckStatus.SUCCEEDED, {"version": 1}, 1),
        (AckStatus.FAILED, {"version": 1}, 0),
    ],
)
def test_a_command_that_brings_a_configuration_confirms_it(
    owner: Actor, board: Board, status: AckStatus, result: dict[str, Any] | None, applied: int
) -> None:
    asked = requesting.request_command(
        device_uid=board.uid,
        kind="UPDATE_CONFIG",
        payload={"config": {"led": "dim"}},
        actor=owner,
        now=START,
    )
    assert asked.payload == {"version": 1, "config": DOCUMENT | {
        "relay_names": {}, "input_config": {}, "power_restore_mode": "off",
    }}  # fmt: skip
    assert [message.command_id for message in poll(board, START)] == [asked.id]
    silent = Board(board.device_id, board.uid, board.token, board.claim_code, None)  # type: ignore[arg-type]
    answer(silent, asked.id, at(1), status=status, result=result)
    assert selectors.config_versions([board.device_id]) == {board.device_id: (1, applied)}


def test_a_late_answer_of_a_command_takes_nothing_back(owner: Actor) -> None:
    """The newer version came to the device by itself while the command was on its way."""
    board = connected_device(owner, now=START)
    first, second = (_configure(owner, board, number) for number in (1, 2))
    assert [message.command_id for message in pull(board, START)] == [first.id]
    said = {"version": second.payload["version"]}
    of_device(board).post("/api/v1/devices/self/config/applied", said, format="json")
    assert answer(board, first.id, at(1), result={"version": 1})
    assert selectors.config_versions([board.device_id]) == {board.device_id: (2, 2)}


def _configure(owner: Actor, board: Board, number: int) -> CommandView:
    return requesting.request_command(
        device_uid=board.uid,
        kind="update_config",
        payload={"config": {"n": number}},
        coalesce=False,
        actor=owner,
        now=START,
    )
