"""What nobody could use is kept, bounded, for those it belongs to, and can be tried again."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import AuditEntry
from devices.errors import DeviceUnpaired
from devices.services import claiming, sessions, unpairing
from kernel.actors import Actor
from kernel.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from kernel.unit_of_work import unit_of_work
from telemetry.models import DeviceSensorState, Reading, SetAsidePayload
from telemetry.services import set_aside, set_aside_replay
from telemetry.services.set_aside import NOT_STORED, UNKNOWN_DEVICE, UNPAIRED, Unusable
from telemetry.set_aside_selectors import set_aside_visible_to
from tests.accounts.people import make_admin
from tests.factories.devices import Board, make_device, provision
from tests.factories.sites import join
from tests.factories.users import actor_of, client_of, make_actor, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
NOW = timezone.now()
WHY = "tests look at everything"
ROUTE = "/api/v1/telemetry/set-aside"


@pytest.fixture
def owner(db: None) -> Actor:
    """A user with a tenant."""
    return make_actor()


@pytest.fixture
def hub(owner: Actor) -> Board:
    """A device of theirs."""
    return make_device(owner)


def kept() -> list[SetAsidePayload]:
    return list(SetAsidePayload.objects.unscoped(WHY).order_by("pk"))


def keep(uid: str, payload: Any = b"{", reason: str = "malformed", *, now: Any = NOW) -> None:
    sent = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    topic = f"homepot/v1/{uid}/telemetry"
    unusable = Unusable(device_uid=uid, topic=topic, payload=sent, reason=reason)
    set_aside.keep(unusable=[unusable], now=now)


def readings(*seqs: int) -> dict[str, Any]:
    return {
        "type": "telemetry",
        "boot_id": "b1",
        "readings": [{"seq": seq, "metrics": {"cpu_percent": 1.0}} for seq in seqs],
    }


def stored() -> list[tuple[int, Any]]:
    rows = Reading.objects.unscoped(WHY).order_by("pk")
    return list(rows.values_list("seq", "at"))


def test_a_payload_that_comes_again_is_counted_not_kept_twice(hub: Board) -> None:
    keep(hub.uid)
    keep(hub.uid, now=NOW + timedelta(minutes=1))
    (row,) = kept()
    assert (row.count, row.device_id, bytes(row.payload)) == (2, hub.device_id, b"{")
    assert row.last_received_at - row.received_at == timedelta(minutes=1)


@pytest.mark.production_only
def test_tried_again_while_it_comes_again_neither_waits_for_the_other(
    hub: Board, owner: Actor
) -> None:
    keep(hub.uid, readings(1), NOT_STORED)
    (row,) = kept()
    done: list[Any] = []

    def replay() -> None:
        try:
            done.append(set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=NOW))
        except Exception as error:  # noqa: BLE001  shown by the test
            done.append(error)
        finally:
            connection.close()

    replaying = threading.Thread(target=replay)
    with unit_of_work():
        sessions.lock_session(device_id=hub.device_id)
        replaying.start()
        time.sleep(0.5)
        keep(hub.uid, readings(1), NOT_STORED)
    replaying.join(20)
    assert [getattr(one, "stored", one) for one in done] == [1]
    assert kept()[0].count == 2


def test_the_oldest_of_a_device_give_way(
    hub: Board, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_aside, "MAX_OF_ONE", 3)
    other = make_device(owner)
    keep(other.uid)
    for number in range(5):
        keep(hub.uid, b"%d" % number, now=NOW + timedelta(seconds=number))
    mine = [bytes(row.payload) for row in kept() if row.device_uid == hub.uid]
    assert mine == [b"2", b"3", b"4"]
    assert len(kept()) == 4


def test_made_up_names_share_one_room(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "MAX_UNKNOWN", 3)
    for number in range(5):
        keep(f"nobody{number}", reason=UNKNOWN_DEVICE, now=NOW + timedelta(seconds=number))
    assert [row.device_uid for row in kept()] == ["nobody2", "nobody3", "nobody4"]


def test_payloads_that_come_no_more_are_forgotten(hub: Board) -> None:
    keep(hub.uid, b"old", now=NOW - timedelta(days=15))
    keep(hub.uid, b"new")
    assert set_aside.forget_old(NOW) == 1
    assert [bytes(row.payload) for row in kept()] == [b"new"]


def test_members_see_their_own_and_the_platform_what_nobody_owns(hub: Board, owner: Actor) -> None:
    keep(hub.uid)
    keep("nobody", reason=UNKNOWN_DEVICE)
    administrator = actor_of(make_admin())
    seen = {
        name: {row.device_uid for row in set_aside_visible_to(actor)}
        for name, actor in {"owner": owner, "other": make_actor(), "root": administrator}.items()
    }
    assert seen == {"owner": {hub.uid}, "other": set(), "root": {"nobody"}}


def test_a_new_owner_gets_what_the_device_sent_before(owner: Actor) -> None:
    made = provision()
    keep(made.device_uid)
    assert not set_aside_visible_to(owner)
    claiming.claim_device(code=made.claim_code, actor=owner, now=NOW)
    assert [row.device_uid for row in set_aside_visible_to(owner)] == [made.device_uid]


def test_after_the_end_of_a_life_it_says_so_and_still_belongs_to_its_owner(
    hub: Board, owner: Actor
) -> None:
    unpairing.unpair_device(device_uid=hub.uid, actor=owner, now=NOW)
    keep(hub.uid, readings(1), UNKNOWN_DEVICE)
    (row,) = set_aside_visible_to(owner)
    assert row.reason == UNPAIRED
    with pytest.raises(DeviceUnpaired):
        set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=NOW)


def test_tried_again_it_is_stored_once_at_the_time_of_its_coming(hub: Board, owner: Actor) -> None:
    keep(hub.uid, readings(1, 2), NOT_STORED, now=NOW - timedelta(hours=1))
    (row,) = kept()
    later = NOW + timedelta(seconds=5)
    done = set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=later)
    assert (done.stored, done.duplicates, done.rejected) == (2, 0, 0)
    assert stored() == [(1, row.received_at), (2, row.received_at)]
    again = set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=later)
    assert (again.stored, again.duplicates) == (0, 2)
    assert kept()[0].replayed_at == later
    entries = AuditEntry.objects.unscoped(WHY).filter(action="telemetry.set_aside.replayed")
    assert [entry.target_id for entry in entries] == [hub.uid] * 2


def test_sensors_are_tried_again_too(hub: Board, owner: Actor) -> None:
    item = {"sensor": "hall", "kind": "motion", "value": True, "event_id": "e1"}
    keep(hub.uid, {"type": "sensor_report", "sensors": [item]}, NOT_STORED)
    (row,) = kept()
    done = set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=NOW)
    assert (done.stored, done.duplicates) == (1, 0)
    assert DeviceSensorState.objects.unscoped(WHY).filter(device_id=hub.device_id).count() == 1
    again = set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=NOW)
    assert (again.stored, again.duplicates) == (0, 1)


@pytest.mark.parametrize(
    "payload", [b"{", b'{"type":"heartbeat"}', b'{"type":"telemetry","readings":[]}']
)
def test_what_still_cannot_be_understood_stays(hub: Board, owner: Actor, payload: bytes) -> None:
    keep(hub.uid, payload)
    (row,) = kept()
    with pytest.raises(ValidationFailed):
        set_aside_replay.replay_payload(uid=row.uid, actor=owner, now=NOW)
    assert kept()[0].replayed_at is None


def test_readings_of_nobody_cannot_be_stored(db: None) -> None:
    keep("nobody", readings(1), UNKNOWN_DEVICE)
    (row,) = kept()
    with pytest.raises(Conflict):
        set_aside_replay.replay_payload(uid=row.uid, actor=actor_of(make_admin()), now=NOW)


def test_viewers_look_and_do_not_touch(hub: Board, owner: Actor) -> None:
    keep(hub.uid, readings(1))
    (row,) = kept()
    viewer = actor_of(join(owner, "viewer"))
    assert set_aside_visible_to(viewer).count() == 1
    for deed in (set_aside_replay.replay_payload, set_aside_replay.discard_payload):
        with pytest.raises(PermissionDenied):
            deed(uid=row.uid, actor=viewer, now=NOW)
        with pytest.raises(NotFound):
            deed(uid=row.uid, actor=make_actor(), now=NOW)
    assert stored() == []


def test_over_the_api_it_is_listed_tried_and_thrown_away(db: None) -> None:
    person = make_user()
    board = make_device(actor_of(person))
    keep(board.uid, readings(1), NOT_STORED)
    keep(board.uid, b"\xff{", "not_utf8")
    api = client_of(sign_in(person))
    newest, oldest = api.get(ROUTE, {"device": board.uid}).json()["items"]
    assert (newest["reason"], newest["payload"], newest["size"]) == ("not_utf8", "\\xff{", 2)
    assert api.get(ROUTE, {"reason": "elsewhere"}).json()["items"] == []
    assert api.get(f"{ROUTE}/{oldest['uid']}").json() == oldest
    answer = api.post(f"{ROUTE}/{oldest['uid']}/replay")
    assert (answer.status_code, answer.json()) == (
        200,
        {"stored": 1, "duplicates": 0, "rejected": 0},
    )
    assert api.delete(f"{ROUTE}/{newest['uid']}").status_code == 204
    assert [row.uid for row in kept()] == [oldest["uid"]]


def test_who_runs_the_platform_tries_again_what_a_device_without_owner_sent(db: None) -> None:
    made = provision()
    keep(made.device_uid, readings(1), NOT_STORED)
    api = client_of(sign_in(make_admin()))
    (listed,) = api.get(ROUTE).json()["items"]
    assert api.post(f"{ROUTE}/{listed['uid']}/replay").json()["stored"] == 1
    assert [seq for seq, _ in stored()] == [1]


def test_an_erased_device_leaves_none(hub: Board) -> None:
    keep(hub.uid)
    assert set_aside.erase(hub.device_id, NOW) == {"payloads_deleted": 1}
    assert set_aside.erase(hub.device_id, NOW) == {}
