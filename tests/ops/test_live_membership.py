"""`/ws/client` while memberships change: who joins, leaves or is limited hears what is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Tenant, User
from accounts.services import members, tenants
from accounts.types import SiteLimit
from devices.models import Device
from kernel import live, realtime
from kernel.unit_of_work import unit_of_work
from ops.consumers import feeds, runtime
from tests.accounts.households import actor_of, at, join, make_site
from tests.devicelink.household import Board, Resident, install, move_in
from tests.devicelink.serving import LiveServer, Peer, eventually
from tests.ops.watching import happen, watch


@pytest.fixture
def server(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    monkeypatch.setattr(runtime, "LOOK_SECONDS", 0.2)
    with LiveServer() as live_server:
        yield live_server


@pytest.fixture
def hints(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "are_lost":
        monkeypatch.setattr(type(realtime.bus()), "publish", lambda *_: None)
    else:
        # Only the hint can be this fast.
        monkeypatch.setattr(runtime, "LOOK_SECONDS", 60)


both_ways = pytest.mark.parametrize("hints", ["arrive", "are_lost"], indirect=True)


@dataclass(frozen=True)
class Bakery:
    """An organisation, and its owner as one who lives in it."""

    tenant: Tenant
    owner: User
    resident: Resident

    def limit(self, user: User, limit: SiteLimit) -> None:
        members.change_member(
            tenant_uid=self.tenant.uid,
            user_uid=user.uid,
            limit=limit,
            actor=actor_of(self.owner),
            now=timezone.now(),
        )

    def remove(self, user: User) -> None:
        members.remove_member(
            tenant_uid=self.tenant.uid,
            user_uid=user.uid,
            actor=actor_of(self.owner),
            now=timezone.now(),
        )

    def tell(self, board: Board, kind: str = "presence") -> None:
        self.append(kind, {"device_uid": board.uid})

    def append(self, kind: str, payload: dict[str, Any]) -> None:
        with unit_of_work():
            live.append(tenant_id=self.tenant.pk, kind=kind, payload=payload, now=timezone.now())


def user_of(resident: Resident) -> User:
    return User.objects.get(pk=resident.actor.user_id)


@pytest.fixture
def bakery(transactional_db: None) -> Bakery:
    owner = user_of(move_in("owner"))
    made = tenants.create_tenant(name="Bakery", actor=actor_of(owner), now=timezone.now())
    tenant = Tenant.objects.get(uid=made.uid)
    resident = move_in("baker")
    return Bakery(tenant, owner, Resident(resident.actor, resident.session, tenant.pk, tenant.uid))


@pytest.fixture
def guest(transactional_db: None) -> Resident:
    return move_in("guest")


def board_at(bakery: Bakery, site: Any) -> Board:
    board = install(move_in(f"seller{site.pk}"))
    Device.all_objects.unscoped("tests arrange").filter(pk=board.device_id).update(
        tenant=bakery.tenant, site=site
    )
    return board


async def followed() -> set[int]:
    return set(runtime.current().feeds._feeds)


@both_ways
def test_who_joins_hears_of_the_tenant_without_connecting_again(
    server: LiveServer, bakery: Bakery, guest: Resident, hints: None
) -> None:
    with watch(server, guest) as peer:
        assert set(peer.hear("hello")["streams"]) == {guest.tenant_uid}
        join(bakery.tenant, bakery.owner, "viewer", user_of(guest))
        streams = peer.hear("streams", timeout_s=5)["streams"]
        assert set(streams) == {guest.tenant_uid, bakery.tenant.uid}
        happen(bakery.resident, 1)
        assert peer.hear("device_state")["seq"] == streams[bakery.tenant.uid] + 1


@both_ways
def test_who_is_removed_hears_nothing_more_of_the_tenant(
    server: LiveServer, bakery: Bakery, guest: Resident, hints: None
) -> None:
    join(bakery.tenant, bakery.owner, "viewer", user_of(guest))
    with watch(server, guest) as peer:
        assert bakery.tenant.uid in peer.hear("hello")["streams"]
        bakery.remove(user_of(guest))
        assert set(peer.hear("streams", timeout_s=5)["streams"]) == {guest.tenant_uid}
        happen(bakery.resident, *range(3))
        peer.say(type="resume", streams={bakery.tenant.uid: 0})
        peer.hear_nothing(for_s=0.8)
        eventually(lambda: server.call(followed) == {guest.tenant_id})


def test_who_cannot_join_begins_anew(
    server: LiveServer, bakery: Bakery, guest: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("away")

    with watch(server, guest) as peer:
        peer.hear("hello")
        monkeypatch.setattr(feeds, "_last_seqs", fail)
        join(bakery.tenant, bakery.owner, "viewer", user_of(guest))
        assert peer.hear_close() == 1013


def test_another_socket_of_the_tenant_goes_on(
    server: LiveServer, bakery: Bakery, guest: Resident
) -> None:
    other = move_in("other")
    for one in (guest, other):
        join(bakery.tenant, bakery.owner, "viewer", user_of(one))
    with watch(server, guest) as leaving, watch(server, other) as staying:
        leaving.hear("hello"), staying.hear("hello")
        bakery.remove(user_of(guest))
        leaving.hear("streams")
        happen(bakery.resident, 1)
        assert staying.hear("device_state")["tenant"] == bakery.tenant.uid


# Limited to sites


@pytest.fixture
def north(bakery: Bakery) -> Board:
    return board_at(bakery, make_site(bakery.tenant, "north"))


@pytest.fixture
def south(bakery: Bakery) -> Board:
    return board_at(bakery, make_site(bakery.tenant, "south"))


def limited(server: LiveServer, bakery: Bakery, guest: Resident) -> Peer:
    join(bakery.tenant, bakery.owner, "viewer", user_of(guest), limit=at("north"))
    return watch(server, guest)


def test_who_is_limited_hears_of_their_sites_devices_only(
    server: LiveServer, bakery: Bakery, guest: Resident, north: Board, south: Board
) -> None:
    with limited(server, bakery, guest) as peer:
        last = peer.hear("hello")["streams"][bakery.tenant.uid]
        for board in (south, south, north, south, north):
            bakery.tell(board)
        frames = [peer.hear() for _ in range(2)]
        assert {frame["device_uid"] for frame in frames} == {north.uid}
        assert [(frame["after"], frame["seq"]) for frame in frames] == [
            (last, last + 3),
            (last + 3, last + 5),
        ]
        payload = {"device_uid": south.uid, "metrics": {}, "at": "now"}
        topic = realtime.tenant_topic(bakery.tenant.pk)
        realtime.publish(topic, {"kind": "metrics", "payload": payload})
        happen(bakery.resident, 1)
        peer.hear_nothing(for_s=0.6)


def test_who_is_limited_hears_of_their_devices_among_many(
    server: LiveServer, bakery: Bakery, guest: Resident, north: Board, south: Board
) -> None:
    with limited(server, bakery, guest) as peer:
        last = peer.hear("hello")["streams"][bakery.tenant.uid]
        for devices in ([south.uid], [south.uid, north.uid]):
            payload = {"connectivity": "offline", "at": "now", "devices": devices}
            bakery.append("presence_changed", payload)
        frame = peer.hear("presence_changed")
        assert frame["devices"] == [north.uid]
        assert (frame["after"], frame["seq"]) == (last, last + 2)
        peer.hear_nothing(for_s=0.4)


def test_what_was_missed_is_limited_too(
    server: LiveServer, bakery: Bakery, guest: Resident, north: Board, south: Board
) -> None:
    with limited(server, bakery, guest) as peer:
        last = peer.hear("hello")["streams"][bakery.tenant.uid]
        for board in (south, north, south, north, south):
            bakery.tell(board)
        peer.hear("presence"), peer.hear("presence")
        peer.say(type="resume", streams={bakery.tenant.uid: last})
        again = [peer.hear() for _ in range(2)]
        assert [(one["device_uid"], one["after"], one["seq"]) for one in again] == [
            (north.uid, last, last + 2),
            (north.uid, last + 2, last + 4),
        ]
        peer.hear_nothing(for_s=0.4)


@both_ways
def test_a_new_limit_holds_on_open_sockets(
    server: LiveServer,
    bakery: Bakery,
    guest: Resident,
    north: Board,
    south: Board,
    hints: None,
) -> None:
    join(bakery.tenant, bakery.owner, "viewer", user_of(guest))
    with watch(server, guest) as peer:
        peer.hear("hello")
        bakery.limit(user_of(guest), at("north"))
        peer.hear("streams", timeout_s=5)
        bakery.tell(south)
        peer.hear_nothing(for_s=0.6)
        bakery.limit(user_of(guest), SiteLimit())
        peer.hear("streams", timeout_s=5)


def test_a_device_that_moves_in_is_heard_of_from_then_on(
    server: LiveServer, bakery: Bakery, guest: Resident, north: Board, south: Board
) -> None:
    with limited(server, bakery, guest) as peer:
        peer.hear("hello")
        site = Device.all_objects.unscoped("tests look").get(pk=north.device_id).site
        Device.all_objects.unscoped("tests arrange").filter(pk=south.device_id).update(site=site)
        bakery.tell(south, "device_updated")
        peer.hear("streams")
        bakery.tell(south)
        assert peer.hear("presence")["device_uid"] == south.uid
