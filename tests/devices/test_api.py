"""Reading and editing devices over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.models import Device
from devices.services import inputs, tagging
from devices.services.tagging import TagEdit
from edge.protocol.messages import InputEvent
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, connected_device, make_device, reconnected
from tests.factories.users import client_of, make_actor, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]
MAX_PAGES = 20


def listed(api: APIClient, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/devices{query}")
    assert answer.status_code == 200, answer.content
    return [device["uid"] for device in answer.json()["items"]]


def set_fields(board: Board, **values: Any) -> None:
    Device.objects.unscoped("tests look at everything").filter(pk=board.device_id).update(**values)


def edits_of(board: Board) -> list[AuditEntry]:
    entries = AuditEntry.objects.unscoped("tests look at everything")
    return list(entries.filter(action="devices.device.updated", target_id=board.uid))


def test_a_list_shows_the_callers_devices_and_no_others(api: APIClient, board: Board) -> None:
    make_device(make_actor())
    assert listed(api) == [board.uid]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?search=LOB", "lobby"),
        ("?search=hp-r4", "both"),
        ("?search=nothing", "none"),
        ("?search=%25", "none"),
        ("?connectivity=online", "online"),
        ("?connectivity=never_connected", "lobby"),
        ("?connectivity=offline", "none"),
        ("?device_class=relay_controller", "both"),
        ("?device_class=server", "none"),
        ("?is_simulated=true", "online"),
        ("?tag=blue", "lobby"),
        ("?tag=blu", "none"),
        ("?tag=b%C3%BCro", "online"),
        ("?firmware_version=1.0.0", "both"),
    ],
)
def test_filters_narrow_the_list(
    api: APIClient, owner: Actor, board: Board, query: str, found: str
) -> None:
    set_fields(board, name="Lobby")
    online = connected_device(owner)
    set_fields(online, is_simulated=True)
    for tagged, tags in ((board, ["blue", "blueish"]), (online, ["büro"])):
        edit = TagEdit(only=tags)
        tagging.change_tags(
            device_ids=[tagged.device_id], edit=edit, actor=owner, now=timezone.now()
        )
    expected = {
        "lobby": {board.uid},
        "online": {online.uid},
        "both": {board.uid, online.uid},
        "none": set[str](),
    }
    assert set(listed(api, query)) == expected[found]


@pytest.mark.parametrize("query", ["?device_class=toaster", "?connectivity=asleep"])
def test_a_filter_value_that_does_not_exist_is_refused(api: APIClient, query: str) -> None:
    assert_refused(api.get(f"/api/v1/devices{query}"), 400, "validation_error")


def test_orders(api: APIClient, owner: Actor) -> None:
    boards = [make_device(owner) for _ in range(3)]
    for board, name in zip(boards, ("b", "a", "c"), strict=True):
        set_fields(board, name=name)
    first, second, third = (board.uid for board in boards)
    assert listed(api) == [third, second, first]
    assert listed(api, "?ordering=created_at") == [first, second, third]
    assert listed(api, "?ordering=name") == [second, first, third]
    assert listed(api, "?ordering=-name") == [third, first, second]
    assert_refused(api.get("/api/v1/devices?ordering=password"), 400, "validation_error")


@pytest.mark.parametrize("ordering", ["name", "-name", "created_at", "-created_at"])
def test_pages_show_each_device_once_even_when_names_repeat(
    api: APIClient, owner: Actor, ordering: str
) -> None:
    boards = {make_device(owner).uid for _ in range(7)}
    address, seen = f"/api/v1/devices?ordering={ordering}&page_size=2", []
    for _ in range(MAX_PAGES):
        page = api.get(address).json()
        seen += [device["uid"] for device in page["items"]]
        if page["next"] is None:
            break
        address = page["next"]
    assert (len(seen), set(seen)) == (7, boards)


@pytest.mark.parametrize("query", ["?cursor=nonsense", "?cursor=cD0xJw==", "?page_size=-1"])
def test_a_made_up_cursor_is_no_server_error(api: APIClient, board: Board, query: str) -> None:
    assert api.get(f"/api/v1/devices{query}").status_code in {200, 400, 404}


@pytest.mark.parametrize("path", ["", "/relays", "/commands", "/input-events"])
def test_a_foreign_device_cannot_be_told_from_a_missing_one(api: APIClient, path: str) -> None:
    foreign = make_device(make_actor())

    def answer(uid: str) -> tuple[int, dict[str, Any]]:
        response = api.get(f"/api/v1/devices/{uid}{path}")
        body = response.json()
        body.pop("request_id")
        return response.status_code, body

    assert answer(foreign.uid) == answer("nobody")
    assert answer(foreign.uid)[0] == 404


def test_a_device_shows_no_database_key(api: APIClient, board: Board) -> None:
    shown = api.get(f"/api/v1/devices/{board.uid}").json()
    assert shown["tenant"].keys() == {"uid", "name"}
    assert not {"id", "pk", "tenant_id", "key_hash", "device_token"} & shown.keys()


def test_an_edit_is_told_once_with_before_and_after(api: APIClient, board: Board) -> None:
    change = {"name": "Lobby", "relay_names": {"0": "Lamp"}, "tags": ["b", "a", "a"]}
    answer = api.patch(f"/api/v1/devices/{board.uid}", change, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["tags"] == ["a", "b"]
    again = api.patch(f"/api/v1/devices/{board.uid}", change, format="json")
    assert again.status_code == 200
    (entry,) = edits_of(board)
    assert entry.before == {"name": "", "relay_names": {}, "tags": []}
    assert entry.after == {"name": "Lobby", "relay_names": {"0": "Lamp"}, "tags": ["a", "b"]}
    assert entry.request_id == answer["X-Request-ID"]


def test_relay_names_are_merged_and_an_empty_one_removes(api: APIClient, board: Board) -> None:
    for names in ({"0": "Lamp", "1": "Fan"}, {"1": "", "2": "Pump"}):
        answer = api.patch(f"/api/v1/devices/{board.uid}", {"relay_names": names}, format="json")
    assert answer.json()["relay_names"] == {"0": "Lamp", "2": "Pump"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 101),
        ("name", None),
        ("name", ["x"]),
        ("relay_names", {"4": "Lamp"}),
        ("relay_names", {"-1": "Lamp"}),
        ("relay_names", {"²": "Lamp"}),
        ("relay_names", {"0": "x" * 101}),
        ("relay_names", []),
        ("power_restore_mode", "maybe"),
        ("tags", "blue"),
        ("tags", ["x" * 101]),
        ("tags", ["x"] * 51),
        ("input_config", "x"),
    ],
)
def test_a_wrong_edit_is_refused_by_field_and_changes_nothing(
    api: APIClient, board: Board, field: str, value: Any
) -> None:
    change = {"power_restore_mode": "last", field: value}
    answer = api.patch(f"/api/v1/devices/{board.uid}", change, format="json")
    assert list(assert_refused(answer, 400, "validation_error")) == [field]
    assert board.row().power_restore_mode == "off"
    assert edits_of(board) == []


def test_what_cannot_be_edited_is_left_alone(api: APIClient, board: Board) -> None:
    change = {"uid": "mine", "pairing": "unclaimed", "is_active": False, "relay_count": 64}
    assert api.patch(f"/api/v1/devices/{board.uid}", change, format="json").status_code == 200
    row = board.row()
    assert (row.uid, row.pairing, row.is_active, row.relay_count) == (board.uid, "paired", True, 4)


def test_a_stranger_edits_nothing(board: Board) -> None:
    stranger = client_of(sign_in(make_user()))
    answer = stranger.patch(f"/api/v1/devices/{board.uid}", {"name": "Mine"}, format="json")
    assert_refused(answer, 404, "not_found")
    assert board.row().name == ""


def test_an_edit_sent_again_with_its_key_gets_the_same_answer(api: APIClient, board: Board) -> None:
    def send(name: str) -> Any:
        headers = {"Idempotency-Key": "edit-1"}
        return api.patch(
            f"/api/v1/devices/{board.uid}", {"name": name}, format="json", headers=headers
        )

    first, again = send("Lobby"), send("Lobby")
    assert again.content == first.content
    assert again["idempotency-replayed"] == "true"
    assert_refused(send("Other"), 409, "idempotency_conflict")
    assert len(edits_of(board)) == 1


def test_input_events_are_kept_once_and_shown_newest_first(api: APIClient, board: Board) -> None:
    board = reconnected(board)
    kept = [
        inputs.record_input_event(
            device_id=board.device_id,
            epoch=board.epoch,
            event=InputEvent(input_index=0, kind="press", event_id=event_id),
            now=timezone.now(),
        )
        for event_id in ("a", "b", "a")
    ]
    assert kept == [True, True, False]
    shown = api.get(f"/api/v1/devices/{board.uid}/input-events").json()
    assert [event["event_id"] for event in shown] == ["b", "a"]
