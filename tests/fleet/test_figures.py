"""The fleet in numbers: totals, tallies and what needs somebody, each for its own people only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from commands.services import sweeping
from devices.models import Device, DevicePresence, FlapEpisode, SiteOutage
from devices.services import editing, rotation, unpairing
from devices.types import DeviceChanges
from fleet import selectors
from fleet.choices import Counting, Need
from fleet.models import FleetTally
from fleet.services import tallying
from fleet.slots import KEPT_FOR, SLOT, slot_of
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from tests.factories.devices import Board, connected_device, make_device, switch
from tests.factories.sites import join, join_as, make_site
from tests.factories.users import actor_of, make_actor, tenant_of
from twins.services import desiring

pytestmark = [pytest.mark.core, pytest.mark.django_db]

MACHINE = Actor.system("tests")


def put_at(owner: Actor, board: Board, site_id: str) -> None:
    changes = DeviceChanges(site=site_id)
    editing.update_device(device_uid=board.uid, changes=changes, actor=owner, now=timezone.now())


def went_away(board: Board, at: datetime) -> None:
    """The device was heard then, and never since."""
    DevicePresence.objects.filter(pk=board.device_id).update(
        is_online=False, offline_due_at=None, last_seen_at=at, changed_at=at
    )


def make_simulated(board: Board) -> None:
    rows = Device.objects.unscoped("tests look at everything")
    rows.filter(pk=board.device_id).update(is_simulated=True)


def limited_to(owner: Actor, *site_pks: int) -> Actor:
    return actor_of(join(owner, "viewer", site_ids=list(site_pks)))


def needs_of(actor: Actor, now: datetime | None = None, **asked: Any) -> dict[str, list[str]]:
    """The names or uids of what needs somebody, by need."""
    found = selectors.attention(actor=actor, now=now or timezone.now(), **asked)
    by_need: dict[str, list[str]] = {}
    for item in found.items:
        by_need.setdefault(item.need, []).append(item.device_uid or item.site_id)
    return by_need


def test_everyone_counts_what_they_see_and_simulated_devices_apart(owner: Actor) -> None:
    shop = make_site(owner, "shop")
    make_site(owner, "depot")
    here, gone, _, played = (
        connected_device(owner), connected_device(owner), make_device(owner), connected_device(owner)
    )  # fmt: skip
    now = timezone.now()
    went_away(gone, now - timedelta(hours=1))
    make_simulated(played)
    put_at(owner, here, "shop")
    put_at(owner, gone, "depot")
    desiring.patch_desired(device_uid=here.uid, patch={"mode": "eco"}, actor=MACHINE, now=now)
    ended = make_device(owner)
    unpairing.unpair_device(device_uid=ended.uid, actor=owner, now=now)
    connected_device(make_actor())

    found = selectors.overview(actor=owner, now=now)

    real = found.real
    assert (real.total, real.online, real.offline, real.never_connected) == (3, 1, 1, 1)
    assert (real.drifting, real.in_sync, real.sync_unknown) == (1, 0, 2)
    assert (found.simulated.total, found.simulated.online, found.unpaired) == (1, 1, 1)
    assert {(site.site_id, site.real.total, site.real.online) for site in found.sites} == {
        ("shop", 1, 1),
        ("depot", 1, 0),
    }
    assert sum(version.real for version in found.versions) == 3
    clerk = selectors.overview(actor=limited_to(owner, shop.pk), now=now)
    assert (clerk.real.total, clerk.simulated.total, clerk.unpaired) == (1, 0, 0)
    assert [site.site_id for site in clerk.sites] == ["shop"]
    assert sum(version.total for version in clerk.versions) == 1


def test_a_slot_is_tallied_once_and_a_site_limited_member_sees_the_sum_of_their_sites(
    owner: Actor,
) -> None:
    shop = make_site(owner, "shop")
    make_site(owner, "depot")
    here, gone = connected_device(owner), connected_device(owner)
    put_at(owner, here, "shop")
    put_at(owner, gone, "depot")
    other = make_actor()
    connected_device(other)
    at = slot_of(timezone.now()) + SLOT
    switch(owner, gone, 0, True, now=at - timedelta(minutes=5))
    sweeping.sweep(at - timedelta(minutes=3))
    went_away(gone, at - timedelta(hours=1))

    assert tallying.take(at + timedelta(seconds=20)) == 3
    assert tallying.take(at + timedelta(minutes=10)) == 0

    whole = selectors.trend(actor=owner, range_name="24h", now=at + timedelta(minutes=1))
    last = whole.points[-1]
    assert (last.at, last.total, last.online, last.failed_commands) == (at, 2, 1, 1)
    assert last.online_share == 0.5
    assert all(point.total is None for point in whole.points[:-1])
    clerk = limited_to(owner, shop.pk)
    part = selectors.trend(actor=clerk, range_name="24h", now=at).points[-1]
    assert (part.total, part.online, part.failed_commands) == (1, 1, 0)
    theirs = selectors.trend(actor=other, range_name="24h", now=at).points[-1]
    assert (theirs.total, theirs.failed_commands) == (1, 0)


def test_a_step_has_the_mean_of_what_stands_and_the_sum_of_what_happens(owner: Actor) -> None:
    at = slot_of(timezone.now()).replace(hour=12, minute=0)
    for number in range(4):
        FleetTally.objects.create(
            tenant_id=tenant_of(owner), site=None, is_simulated=False, at=at + number * SLOT,
            total=10, online=10 - number, never_connected=0, drifting=number, failed_commands=2,
        )  # fmt: skip
    FleetTally.objects.create(
        tenant_id=tenant_of(owner), site=None, is_simulated=True, at=at, total=99, online=9,
        never_connected=0, drifting=0, failed_commands=9,
    )  # fmt: skip
    now = at + 4 * SLOT

    found = selectors.trend(actor=owner, range_name="7d", now=now)

    (point,) = [each for each in found.points if each.total is not None]
    assert (point.total, point.online, point.drifting, point.failed_commands) == (10, 8, 2, 8)
    assert point.online_share == 0.85
    both = selectors.trend(actor=owner, range_name="24h", counting=Counting.ALL, now=now)
    assert max(point.total or 0 for point in both.points) == 109
    for wrong in ({"range_name": "1y"}, {"range_name": "24h", "counting": "some"}):
        with pytest.raises(ValidationFailed):
            selectors.trend(actor=owner, now=now, **wrong)


def test_tallies_that_no_trend_reaches_go(owner: Actor) -> None:
    connected_device(owner)
    now = timezone.now()
    tallying.take(now)

    assert tallying.forget_old(slot_of(now) + KEPT_FOR) == 0
    assert tallying.forget_old(slot_of(now) + KEPT_FOR + SLOT) == 1


def test_each_need_is_found_and_only_by_those_who_may_see_it(owner: Actor) -> None:
    shop, depot = make_site(owner, "shop"), make_site(owner, "depot")
    gone, flapping, failing, drifting, rotating, never = (
        *(connected_device(owner) for _ in range(5)), make_device(owner)
    )  # fmt: skip
    now = timezone.now()
    long_ago = now - timedelta(days=2)
    went_away(gone, long_ago)
    put_at(owner, gone, "shop")
    DevicePresence.objects.filter(pk=flapping.device_id).update(is_flapping=True)
    FlapEpisode.objects.create(
        device_id=flapping.device_id, tenant_id=tenant_of(owner), count=7, began_at=long_ago,
        last_at=now,
    )  # fmt: skip
    switch(owner, failing, 0, True, now=now - timedelta(minutes=2))
    sweeping.sweep(now)
    desiring.patch_desired(
        device_uid=drifting.uid, patch={"mode": "eco"}, actor=MACHINE, now=now - timedelta(hours=1)
    )
    rotation.rotate_token(device_uid=rotating.uid, actor=owner, now=now - timedelta(hours=3))
    Device.objects.unscoped("tests look at everything").filter(pk=never.device_id).update(
        created_at=long_ago
    )
    SiteOutage.objects.create(
        tenant_id=tenant_of(owner), site=depot, began_at=long_ago, noticed_at=long_ago, lost=4,
        total=5,
    )  # fmt: skip

    found = selectors.attention(actor=owner, now=now, limit=50)

    assert needs_of(owner, now, limit=50) == {
        Need.SITE_OUTAGE: ["depot"],
        Need.OFFLINE: [gone.uid],
        Need.FLAPPING: [flapping.uid],
        Need.COMMANDS_FAILED: [failing.uid],
        Need.DRIFT: [drifting.uid],
        Need.KEY_UNUSED: [rotating.uid],
        Need.NEVER_CONNECTED: [never.uid],
    }
    assert found.total == 7
    by_need = {item.need: item for item in found.items}
    assert by_need[Need.OFFLINE].since == long_ago
    assert by_need[Need.FLAPPING].count == 7
    assert by_need[Need.COMMANDS_FAILED].detail["state"] == "expired"
    assert needs_of(owner, now, need=Need.DRIFT) == {Need.DRIFT: [drifting.uid]}
    # Nobody else's, and of a limited member's sites only.
    assert needs_of(make_actor(), now) == {}
    assert needs_of(limited_to(owner, shop.pk), now) == {Need.OFFLINE: [gone.uid]}
    # What has passed needs nobody.
    assert Need.COMMANDS_FAILED not in needs_of(owner, now + timedelta(hours=25), limit=50)


def test_real_devices_come_first_and_the_rest_is_counted(owner: Actor) -> None:
    boards = [connected_device(owner) for _ in range(4)]
    now = timezone.now()
    for number, board in enumerate(boards):
        went_away(board, now - timedelta(hours=10 - number))
    make_simulated(boards[0])

    found = selectors.attention(actor=owner, now=now, limit=2)

    assert [item.device_uid for item in found.items] == [boards[1].uid, boards[2].uid]
    assert found.counts == {Need.OFFLINE: 4}


def test_what_the_figures_know_already_is_told_the_same(owner: Actor) -> None:
    now = timezone.now()
    for number in range(3):
        went_away(connected_device(owner), now - timedelta(hours=number + 1))
    known = selectors.overview(actor=owner, now=now)
    told = selectors.attention(actor=owner, now=now, limit=1, known=known)
    assert told.counts == {"offline": 3}
    assert told == selectors.attention(actor=owner, now=now, limit=1)


def test_the_routes_tell_the_same_to_a_viewer(owner: Actor) -> None:
    gone = connected_device(owner)
    went_away(gone, timezone.now() - timedelta(hours=1))
    viewer = join_as(owner, "viewer")
    tallying.take(timezone.now())

    overview = viewer.get("/api/v1/fleet/overview").json()
    attention = viewer.get("/api/v1/fleet/attention?need=offline&limit=5").json()
    trend = viewer.get("/api/v1/fleet/trends?range=7d&count=all").json()

    assert overview["real"]["offline"] == 1
    assert [item["device_uid"] for item in attention["items"]] == [gone.uid]
    assert attention["counts"] == {"offline": 1}
    assert trend["points"][-1]["online_share"] == 0
    for wrong in ("trends?range=1y", "trends?count=x", "attention?need=x", "attention?limit=0"):
        assert viewer.get(f"/api/v1/fleet/{wrong}").status_code == 400
