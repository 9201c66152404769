"""Batches over the API, as a caller goes through one."""

from __future__ import annotations

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from commands.services import batch_runs
from kernel.actors import Actor
from tests.factories.devices import connected_device
from tests.factories.users import actor_of, client_of, make_user, sign_in

pytestmark = pytest.mark.django_db
BATCHES = "/api/v1/command-batches"


@pytest.fixture
def owner_and_api() -> tuple[Actor, APIClient]:
    person = make_user()
    return actor_of(person), client_of(sign_in(person))


def test_a_batch_from_its_preview_to_being_called_off(
    owner_and_api: tuple[Actor, APIClient],
) -> None:
    owner, api = owner_and_api
    uids = [connected_device(owner).uid for _ in range(2)]
    wanted = {"kind": "REBOOT", "target": {"devices": uids}, "per_minute": 30}
    preview = api.post(f"{BATCHES}/preview", wanted, format="json")
    assert (preview.status_code, preview.json()["total"]) == (200, 2)

    made = api.post(BATCHES, wanted, format="json")
    assert made.status_code == 201, made.content
    place = made.headers["Location"]
    assert made.json()["kind"] == "reboot"
    assert api.post(f"{place}/pause").json()["state"] == "paused"
    assert api.post(f"{place}/resume").json()["state"] == "running"
    batch_runs.run(timezone.now())
    members = api.get(f"{place}/members").json()["items"]
    assert sorted(member["device_uid"] for member in members) == sorted(uids)
    assert sorted(member["state"] for member in members) == ["asked", "pending"]
    asked = api.get(f"{place}/members?state=asked&outcome=queued").json()["items"]
    assert len(asked) == 1
    assert asked[0]["command_id"]
    assert api.post(f"{place}/cancel").json()["state"] == "cancelled"
    again = api.post(f"{place}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "batch_is_over")
    (listed,) = api.get(BATCHES).json()["items"]
    assert listed["counts"]["skipped"] == 1


def test_the_same_key_makes_one_batch(owner_and_api: tuple[Actor, APIClient]) -> None:
    owner, api = owner_and_api
    wanted = {"kind": "reboot", "target": {"devices": [connected_device(owner).uid]}}
    ids = {
        api.post(BATCHES, wanted, format="json", headers={"Idempotency-Key": "once"}).json()["id"]
        for _ in range(2)
    }
    assert len(ids) == 1
    assert len(api.get(BATCHES).json()["items"]) == 1


def test_what_is_wrong_is_told_by_its_place(owner_and_api: tuple[Actor, APIClient]) -> None:
    _, api = owner_and_api
    answer = api.post(BATCHES, {"kind": "reboot", "target": {"devices": ["x"]}}, format="json")
    assert answer.status_code == 400
    assert answer.json()["details"] == {"/target/devices/0": ["There is no such device."]}
