"""Unpairing, releasing and the archive over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from devices.models import Device
from devices.services import inputs, unpairing
from edge.protocol.messages import InputEvent
from kernel.actors import Actor
from ops import selectors as console
from tests.accounts.people import assert_refused, browser_of
from tests.factories.devices import Board, connected_device, make_device, switch
from tests.factories.users import client_of, make_actor, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def path(board: Board, rest: str = "") -> str:
    return f"/api/v1/devices/{board.uid}{rest}"


def listed(api: APIClient, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/devices{query}")
    assert answer.status_code == 200, answer.content
    return [device["uid"] for device in answer.json()["items"]]


def stranger() -> APIClient:
    return client_of(sign_in(make_user()))


def test_unpairing_answers_with_the_archived_device_each_time(api: APIClient, board: Board) -> None:
    first, second = api.post(path(board, "/unpair")), api.post(path(board, "/unpair"))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    shown = first.json()
    assert (shown["pairing"], shown["is_active"]) == ("unpaired", False)
    assert (shown["end_reason"], shown["enrolled_by"]) == ("unpaired", "claim")
    assert shown["unpaired_at"] is not None
    assert (shown["site"], shown["device_id"]) == (None, "")


def test_deleting_is_unpairing_without_an_answer(api: APIClient, board: Board) -> None:
    for _ in range(2):
        answer = api.delete(path(board))
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(path(board)).json()["pairing"] == "unpaired"


def test_a_release_hands_out_a_code_once(api: APIClient, board: Board) -> None:
    answer = api.post(path(board, "/release"))
    assert answer.status_code == 201
    released = answer.json()
    assert released["archived"]["uid"] == board.uid
    assert released["archived"]["end_reason"] == "released"
    assert_refused(api.post(path(board, "/release")), 409, "device_archived")
    other = stranger()
    claimed = other.post(
        "/api/v1/devices/claim", {"claim_code": released["claim_code"]}, format="json"
    )
    assert (claimed.status_code, claimed.json()["uid"]) == (200, released["device_uid"])


def test_a_release_repeated_with_its_idempotency_key_gets_the_first_answer(
    api: APIClient, board: Board
) -> None:
    first, second = (
        api.post(path(board, "/release"), headers={"Idempotency-Key": "release-1"})
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


def test_foreign_and_missing_devices_are_told_apart_by_nobody(board: Board) -> None:
    other = stranger()
    missing = "/api/v1/devices/nothing"
    for rest in ("/unpair", "/release"):
        assert_refused(other.post(path(board, rest)), 404, "not_found")
        assert_refused(other.post(missing + rest), 404, "not_found")
    assert_refused(other.get(path(board, "/lives")), 404, "not_found")
    assert_refused(other.delete(path(board)), 404, "not_found")
    assert_refused(other.delete(missing), 404, "not_found")


def test_the_archive_can_be_read_and_not_changed(api: APIClient, owner: Actor) -> None:
    board = connected_device(owner)
    switch(owner, board, 0, True)
    event = InputEvent(input_index=0, kind="press", event_id="e")
    inputs.record_input_event(
        device_id=board.device_id, epoch=board.epoch, event=event, now=timezone.now()
    )
    api.post(path(board, "/unpair"))
    for rest in ("", "/relays", "/metrics/latest", "/input-events", "/commands", "/lives"):
        assert api.get(path(board, rest)).status_code in {200, 204}, rest
    assert api.get(path(board, "/metrics?metric=cpu")).status_code == 200
    assert api.get(f"/api/v1/audit?target_id={board.uid}").status_code == 200
    (command,) = api.get(path(board, "/commands")).json()["items"]
    assert (command["state"], command["reason"]) == ("cancelled", "device_unpaired")
    assert len(api.get(path(board, "/input-events")).json()) == 1
    changes: list[Any] = [
        api.patch(path(board), {"name": "x"}, format="json"),
        api.post(path(board, "/relays/0/commands"), {"is_on": True}, format="json"),
        api.post(path(board, "/relays/commands"), {"is_on": True}, format="json"),
        api.delete(path(board, "/token")),
    ]
    for answer in changes:
        assert_refused(answer, 409, "device_archived")
    other = stranger()
    assert_refused(other.patch(path(board), {"name": "x"}, format="json"), 404, "not_found")


def test_the_console_shows_the_archive_without_a_way_to_rename_it(
    user: User, owner: Actor, board: Board
) -> None:
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    browser = browser_of(user)
    page = browser.get(f"/dashboard/devices/{board.uid}").content.decode()
    assert "Unpaired" in page
    assert "Rename device" not in page
    assert board.uid not in browser.get("/dashboard/devices").content.decode()


def test_only_the_list_of_the_archive_shows_it(api: APIClient, board: Board, owner: Actor) -> None:
    living = make_device(owner)
    api.delete(path(board))
    assert listed(api) == [living.uid]
    assert listed(api, "?pairing=paired") == [living.uid]
    assert listed(api, "?pairing=unpaired") == [board.uid]
    assert listed(api, "?pairing=unpaired&search=nothing") == []
    assert listed(api, "?pairing=unclaimed") == []
    assert listed(stranger(), "?pairing=unpaired") == []


def test_an_archived_device_counts_nowhere(api: APIClient, board: Board, owner: Actor) -> None:
    connected = connected_device(owner)
    counts = console.counts(actor=owner)
    assert (counts.total, counts.shown.online) == (2, 1)
    api.delete(path(board))
    api.delete(path(connected))
    counts = console.counts(actor=owner)
    assert counts.total == 0
    assert counts.real == counts.simulated == counts.shown == console.Tally()


def test_every_life_that_is_the_viewers_is_shown_with_when_who_and_why(
    api: APIClient, owner: Actor
) -> None:
    first = make_device(owner, hardware_id="hw")
    api.post(path(first, "/unpair"))
    theirs = make_device(make_actor(), hardware_id="hw")
    rows = Device.all_objects.unscoped(WHY).filter(pk=theirs.device_id)
    rows.update(is_active=False, pairing="unpaired", unpaired_at=timezone.now())
    third = make_device(owner, hardware_id="hw")
    shown = api.get(path(third, "/lives")).json()
    assert [(one["epoch"], one["uid"]) for one in shown] == [(3, third.uid), (1, first.uid)]
    present, former = shown
    assert (present["final_state"], present["unpaired_at"], present["end_reason"]) == (
        None,
        None,
        "",
    )
    assert (former["claimed_by"], former["unpaired_by"]) == (owner.label, owner.label)
    assert (former["enrolled_by"], former["end_reason"]) == ("claim", "unpaired")
    assert former["final_state"]["device"]["uid"] == first.uid
    assert former["counts"] == {"input_events": 0}
    assert api.get(path(first, "/lives")).json() == shown


def test_a_device_goes_by_the_name_its_site_gave_it(api: APIClient, board: Board) -> None:
    Device.objects.unscoped(WHY).filter(pk=board.device_id).update(device_id="till-1")
    for rest in ("", "/relays", "/commands", "/lives"):
        assert api.get(f"/api/v1/devices/till-1{rest}").status_code == 200
    assert api.get("/api/v1/devices/till-1/relays").json()["device_uid"] == board.uid
    assert api.get("/api/v1/devices/till-1").json()["device_id"] == "till-1"
    assert api.delete("/api/v1/devices/till-1").status_code == 204
    assert_refused(api.get("/api/v1/devices/till-1"), 404, "not_found")
