"""The routes of transfers: who may, who is told what, and what cannot be told apart."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import DeviceTransfer
from devices.services import transfers
from devices.services.transfers import AcceptedTransfer, Offer
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device
from tests.factories.sites import join_as
from tests.factories.users import client_of, make_actor, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def offer(board: Board, actor: Actor) -> Offer:
    return transfers.offer_transfer(device_uid=board.uid, actor=actor, now=timezone.now())


def accept(code: str, actor: Actor) -> AcceptedTransfer:
    return transfers.accept_transfer(code=code, actor=actor, now=timezone.now())


def row_of(made: Offer) -> DeviceTransfer:
    row: DeviceTransfer = DeviceTransfer.objects.unscoped(WHY).get(uid=made.uid)
    return row


def test_unknown_used_expired_and_withdrawn_codes_get_one_answer(
    owner: Actor, api: APIClient
) -> None:
    used, expired, withdrawn = (offer(make_device(owner), owner) for _ in range(3))
    accept(used.code, make_actor())
    DeviceTransfer.objects.unscoped(WHY).filter(uid=expired.uid).update(expires_at=timezone.now())
    transfers.cancel_transfer(transfer_uid=withdrawn.uid, actor=owner, now=timezone.now())
    answers = []
    for code in ("Z" * 16, used.code, expired.code, withdrawn.code):
        answer = api.post("/api/v1/transfers/accept", {"code": code}, format="json")
        body = answer.json()
        assert body.pop("request_id")
        answers.append((answer.status_code, body))
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0][0], answers[0][1]["code"]) == (404, "transfer_code_invalid")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_own_devices_neither_offers_nor_accepts(owner: Actor, role: str) -> None:
    board = make_device(owner)
    member = join_as(owner, role)
    assert_refused(member.post(f"/api/v1/devices/{board.uid}/transfer"), 403, "permission_denied")
    other = make_actor()
    code = offer(make_device(other), other).code
    headers = {"X-Tenant": board.row().tenant.uid}
    answer = member.post("/api/v1/transfers/accept", {"code": code}, format="json", headers=headers)
    assert_refused(answer, 403, "permission_denied")


def test_who_is_in_two_tenants_says_for_which_one(owner: Actor) -> None:
    member = join_as(owner, "admin")
    other = make_actor()
    made = offer(make_device(other), other)
    answer = member.post("/api/v1/transfers/accept", {"code": made.code}, format="json")
    assert_refused(answer, 400, "tenant_required")
    assert row_of(made).state == "offered"


def test_the_api_from_offer_to_acceptance(owner: Actor, board: Board, api: APIClient) -> None:
    other = make_user("other@example.org")
    them = client_of(sign_in(other))
    made = api.post(f"/api/v1/devices/{board.uid}/transfer")
    assert (made.status_code, made.json().keys()) == (201, {"uid", "code", "expires_at"})
    (shown,) = api.get("/api/v1/transfers").json()["items"]
    assert (shown["direction"], shown["state"], shown["device_uid"]) == (
        "given",
        "offered",
        board.uid,
    )
    assert "code" not in shown
    assert them.get("/api/v1/transfers").json()["items"] == []
    body = {"code": made.json()["code"]}
    taken = them.post("/api/v1/transfers/accept", body, format="json")
    assert taken.status_code == 201, taken.content
    assert taken.json().keys() == {"device", "api_key"}
    (theirs,) = them.get("/api/v1/transfers").json()["items"]
    (mine,) = api.get("/api/v1/transfers").json()["items"]
    assert (theirs["direction"], theirs["device_uid"]) == (
        "received",
        taken.json()["device"]["uid"],
    )
    assert (theirs["offered_by"], theirs["decided_by"]) == (None, None)
    assert (mine["state"], mine["device_uid"], mine["decided_by"]) == ("accepted", board.uid, "")
    assert board.uid not in json.dumps(theirs)
    assert taken.json()["device"]["uid"] not in json.dumps(mine)
    assert_refused(api.delete(f"/api/v1/transfers/{mine['uid']}"), 409, "transfer_decided")
    assert_refused(them.delete(f"/api/v1/transfers/{mine['uid']}"), 404, "not_found")


def test_the_api_takes_back(board: Board, api: APIClient) -> None:
    made = api.post(f"/api/v1/devices/{board.uid}/transfer").json()
    for _ in range(2):
        assert api.delete(f"/api/v1/transfers/{made['uid']}").status_code == 204
    assert_refused(api.delete("/api/v1/transfers/unknown"), 404, "not_found")


def test_a_stranger_cannot_offer_what_is_not_theirs(board: Board) -> None:
    them = client_of(sign_in(make_user()))
    assert_refused(them.post(f"/api/v1/devices/{board.uid}/transfer"), 404, "not_found")
    assert_refused(them.post("/api/v1/devices/unknown/transfer"), 404, "not_found")


def test_the_same_request_twice_gives_the_same_code(board: Board, api: APIClient) -> None:
    headers = {"Idempotency-Key": "transfer-key-0001"}
    answers = [
        api.post(f"/api/v1/devices/{board.uid}/transfer", headers=headers).json() for _ in range(2)
    ]
    assert answers[0] == answers[1]
