"""A device's key is replaced in two phases, and the device is never locked out meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices import selectors
from devices.errors import DeviceArchived, DeviceUnpaired
from devices.events import CredentialRevoked
from devices.models import DeviceCredential
from devices.services import credentials, rotation, unpairing
from devices.types import DeviceFacts, RotatedKey
from kernel.actors import Actor
from kernel.errors import InvalidCredentials, NotFound, PermissionDenied, ValidationFailed
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device
from tests.factories.users import make_actor, tenant_of
from tests.kernel.threads import run_at_once
from tests.rounds import rounds

pytestmark = [pytest.mark.core, pytest.mark.django_db]
ROUNDS = rounds(30, full=200)


def use(board: Board, key: str, now: datetime | None = None) -> DeviceFacts:
    return credentials.authenticate_device(
        device_uid=board.uid, token=key, now=now or timezone.now()
    )


def works(board: Board, key: str, now: datetime | None = None) -> bool:
    try:
        return use(board, key, now).device_id == board.device_id
    except InvalidCredentials:
        return False


def rotate(board: Board, actor: Actor, now: datetime | None = None, **how: Any) -> RotatedKey:
    return rotation.rotate_token(
        device_uid=board.uid, actor=actor, now=now or timezone.now(), **how
    )


def live_roles(board: Board) -> list[str]:
    live = DeviceCredential.objects.filter(device_id=board.device_id, revoked_at__isnull=True)
    return sorted(live.values_list("role", flat=True))


def state(board: Board) -> str:
    return str(selectors.key_facts(board.row()).state)


def audited(verb: str) -> list[AuditEntry]:
    entries = AuditEntry.objects.unscoped("tests look at everything")
    return list(entries.filter(action=f"devices.credential.{verb}"))


@pytest.fixture
def revoked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keys whose end was published."""
    seen: list[int] = []
    original = credentials.publish

    def note(event: Any) -> None:
        if isinstance(event, CredentialRevoked):
            seen.append(event.credential_id)
        original(event)

    monkeypatch.setattr(credentials, "publish", note)
    return seen


def test_the_old_key_stays_good_until_the_new_one_was_used(owner: Actor, board: Board) -> None:
    new = rotate(board, owner)
    assert works(board, board.token) and state(board) == "rotation_pending"
    assert works(board, board.token) and state(board) == "rotation_pending"
    assert works(board, new.api_key) and state(board) == "old_key_in_use"
    assert works(board, board.token)
    assert live_roles(board) == ["current", "retiring"]


def test_the_old_key_ends_with_its_grace_swept_or_not(
    owner: Actor, board: Board, revoked: list[int]
) -> None:
    start = timezone.now()
    old = use(board, board.token, start).credential_id
    new = rotate(board, owner, start, grace_seconds=60)
    assert works(board, new.api_key, start)
    assert works(board, board.token, start + timedelta(seconds=59))
    assert not works(board, board.token, start + timedelta(seconds=60))
    assert revoked == []
    assert rotation.sweep(start + timedelta(seconds=59)) == 0
    assert rotation.sweep(start + timedelta(seconds=60)) == 1
    assert rotation.sweep(start + timedelta(seconds=60)) == 0
    assert revoked == [old]
    assert state(board) == "current"
    assert works(board, new.api_key, start + timedelta(days=400))


def test_without_a_grace_the_first_use_ends_the_old_key_at_once(
    owner: Actor, board: Board, revoked: list[int]
) -> None:
    old = use(board, board.token).credential_id
    new = rotate(board, owner, grace_seconds=0)
    assert works(board, board.token)
    assert works(board, new.api_key)
    assert revoked == [old]
    assert not works(board, board.token)


def test_revoking_now_shuts_the_device_out_until_it_has_the_new_key(
    owner: Actor, board: Board
) -> None:
    new = rotate(board, owner, revoke_old="now")
    assert not works(board, board.token)
    assert works(board, new.api_key) and state(board) == "current"


def test_rotating_again_voids_the_key_that_was_waiting(owner: Actor, board: Board) -> None:
    first, second = rotate(board, owner), rotate(board, owner)
    assert not works(board, first.api_key)
    assert works(board, board.token) and works(board, second.api_key)


def test_of_three_keys_in_a_row_the_oldest_ends_with_the_third_ones_first_use(
    owner: Actor, board: Board
) -> None:
    second = rotate(board, owner)
    assert works(board, second.api_key)
    third = rotate(board, owner)
    assert works(board, board.token) and state(board) == "rotation_pending"
    assert works(board, third.api_key)
    assert works(board, second.api_key) and not works(board, board.token)
    assert live_roles(board) == ["current", "retiring"]


def test_a_new_key_that_nobody_uses_is_void_after_30_days(owner: Actor, board: Board) -> None:
    start = timezone.now()
    new = rotate(board, owner, start)
    late = start + timedelta(days=30)
    assert not works(board, new.api_key, late)
    assert rotation.sweep(late) == 1
    assert state(board) == "current" and works(board, board.token, late)


def test_a_device_whose_keys_were_revoked_gets_a_new_one_by_rotation(
    owner: Actor, board: Board
) -> None:
    waiting = rotate(board, owner)
    credentials.revoke_credential(device_uid=board.uid, actor=owner, now=timezone.now())
    assert state(board) == "none"
    assert not works(board, board.token) and not works(board, waiting.api_key)
    new = rotate(board, owner)
    assert works(board, new.api_key) and state(board) == "current"


def test_an_unpaired_device_has_no_rotation_and_its_waiting_key_says_unpaired(
    owner: Actor, board: Board
) -> None:
    waiting = rotate(board, owner)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    with pytest.raises(DeviceArchived):
        rotate(board, owner)
    for key in (board.token, waiting.api_key):
        with pytest.raises(DeviceUnpaired):
            use(board, key)


def test_a_key_voided_before_the_end_of_the_life_is_just_wrong(owner: Actor, board: Board) -> None:
    new = rotate(board, owner, revoke_old="now")
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    with pytest.raises(InvalidCredentials) as refused:
        use(board, board.token)
    assert not isinstance(refused.value, DeviceUnpaired)
    with pytest.raises(DeviceUnpaired):
        use(board, new.api_key)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_those_who_manage_devices_rotate(owner: Actor, board: Board, role: str) -> None:
    low = replace(owner, roles={tenant_of(owner): role})
    with pytest.raises(PermissionDenied):
        rotate(board, low)
    with pytest.raises(NotFound):
        rotate(board, make_actor())
    assert live_roles(board) == ["current"]


@pytest.mark.parametrize(
    "how", [{"grace_seconds": -1}, {"grace_seconds": 604_801}, {"revoke_old": "never"}]
)
def test_what_makes_no_sense_is_refused(owner: Actor, board: Board, how: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rotate(board, owner, **how)
    assert refused.value.details.keys() == how.keys()
    assert live_roles(board) == ["current"]


def test_each_step_is_audited_and_no_entry_has_a_key(owner: Actor, board: Board) -> None:
    start = timezone.now()
    new = rotate(board, owner, start, grace_seconds=1)
    use(board, new.api_key, start)
    rotation.sweep(start + timedelta(seconds=1))
    entries = [*audited("rotation_started"), *audited("promoted"), *audited("retired")]
    assert [entry.actor_kind for entry in entries] == ["user", "device", "system"]
    assert {entry.target_id for entry in entries} == {board.uid}
    assert {entry.tenant_id for entry in entries} == {tenant_of(owner)}
    assert new.api_key not in repr([(entry.before, entry.after) for entry in entries])
    assert new.api_key not in repr(new)


def test_the_first_use_of_any_key_is_noted_once(board: Board) -> None:
    start = timezone.now()
    key = DeviceCredential.objects.filter(device_id=board.device_id)
    assert key.get().first_used_at is None
    use(board, board.token, start)
    use(board, board.token, start + timedelta(seconds=9))
    assert key.get().first_used_at == start


def test_a_key_of_the_first_version_is_found_by_its_digest_after_one_use(board: Board) -> None:
    key = DeviceCredential.objects.filter(device_id=board.device_id)
    key.update(lookup="")
    assert not works(board, "wrong")
    assert key.get().lookup == ""
    assert works(board, board.token)
    assert key.get().lookup == credentials.lookup_of(board.token)


def test_the_route_shows_the_new_key_once_and_the_device_how_it_stands(
    api: APIClient, board: Board
) -> None:
    path = f"/api/v1/devices/{board.uid}"
    answer = api.post(f"{path}/rotate-token", {"grace_seconds": 60})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["device_uid"], made["grace_seconds"]) == (board.uid, 60)
    shown = api.get(path).json()["credential"]
    assert shown["state"] == "rotation_pending"
    assert shown["created_at"] and shown["rotation_started_at"] and not shown["old_key_retires_at"]
    assert works(board, made["api_key"])
    shown = api.get(path).json()["credential"]
    assert shown["state"] == "old_key_in_use" and shown["old_key_retires_at"]
    assert api.delete(f"{path}/token").status_code == 204
    assert api.get(path).json()["credential"]["state"] == "none"
    assert not works(board, made["api_key"]) and not works(board, board.token)


def test_the_route_checks_what_it_is_given(api: APIClient, board: Board) -> None:
    path = f"/api/v1/devices/{board.uid}/rotate-token"
    assert_refused(api.post(path, {"grace_seconds": 604_801}), 400, "validation_error")
    assert_refused(api.post("/api/v1/devices/unknown/rotate-token", {}), 404, "not_found")


def test_a_repeated_request_with_the_same_idempotency_key_gives_the_same_key(
    api: APIClient, board: Board
) -> None:
    def ask() -> Any:
        path = f"/api/v1/devices/{board.uid}/rotate-token"
        return api.post(path, {}, headers={"Idempotency-Key": "once"}).json()["api_key"]

    assert ask() == ask()
    assert live_roles(board) == ["current", "pending"]


def test_the_list_filters_by_how_keys_stand_and_each_device_is_in_one_state(
    api: APIClient, owner: Actor
) -> None:
    boards = {name: make_device(owner) for name in ("current", "rotation_pending", "none")}
    boards["old_key_in_use"] = make_device(owner)
    rotate(boards["rotation_pending"], owner)
    use(boards["old_key_in_use"], rotate(boards["old_key_in_use"], owner).api_key)
    gone = boards["none"].uid
    credentials.revoke_credential(device_uid=gone, actor=owner, now=timezone.now())
    for name, board in boards.items():
        items = api.get("/api/v1/devices", {"credential": name}).json()["items"]
        assert [item["uid"] for item in items] == [board.uid], name
        assert items[0]["credential"]["state"] == name


def test_a_longer_list_costs_no_more_queries(api: APIClient, owner: Actor, board: Board) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert api.get("/api/v1/devices").status_code == 200
        return len(captured)

    queries()
    before = queries()
    for _ in range(4):
        rotate(make_device(owner), owner)
    assert queries() == before


@pytest.mark.django_db(transaction=True)
def test_many_first_uses_at_once_promote_once(owner: Actor, board: Board) -> None:
    new = rotate(board, owner, grace_seconds=3600)
    outcomes = run_at_once(8, lambda _: works(board, new.api_key))
    assert outcomes == [True] * 8
    assert live_roles(board) == ["current", "retiring"]
    assert len(audited("promoted")) == 1


@pytest.mark.django_db(transaction=True)
def test_rotation_against_connecting_never_locks_the_device_out(owner: Actor, board: Board) -> None:
    keys = [board.token]
    for number in range(ROUNDS):
        known = list(keys)

        def act(
            who: int, known: list[str] = known, number: int = number
        ) -> RotatedKey | bool | int:
            if who == 0:
                return rotate(board, owner, grace_seconds=0 if number % 2 else 3600)
            # At every moment one of the keys that the device knows works: promotions move on
            # only from an older key to a newer one, so going through them in order finds it.
            return any(works(board, key) for key in known)

        rotated, first, second = run_at_once(3, act)
        assert isinstance(rotated, RotatedKey), rotated
        assert (first, second) == (True, True), number
        roles = live_roles(board)
        assert roles.count("current") == 1 and roles.count("pending") == 1, roles
        keys = [key for key in keys if works(board, key)] + [rotated.api_key]
        if number % 3 == 0:
            together = run_at_once(2, lambda _, key=rotated.api_key: works(board, key))
            assert together == [True, True]
            assert live_roles(board).count("pending") == 0
