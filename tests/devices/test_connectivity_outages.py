"""Site outages: four of five devices lost within a minute are one event, not four."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Tenant
from devices.models import Device, Site, SiteOutage
from devices.services import maintenance, outages, sessions
from kernel.actors import Actor
from tests.accounts import households
from tests.devices.connections import at, frames, heard_events
from tests.factories.devices import Board, connected_device, make_device, reconnected
from tests.factories.users import make_actor, tenant_of
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def place(owner: Actor, name: str = "store") -> Site:
    return households.make_site(Tenant.objects.get(pk=tenant_of(owner)), name)


def devices_at(site: Site, owner: Actor, count: int) -> list[Board]:
    boards = [connected_device(owner, now=at(0)) for _ in range(count)]
    rows = Device.all_objects.unscoped("tests look at everything")
    rows.filter(pk__in=[board.device_id for board in boards]).update(site=site)
    return boards


def lose(boards: list[Board], seconds: float, *, reason: str = "connection_closed") -> None:
    for board in boards:
        sessions.close_session(
            device_id=board.device_id, epoch=board.epoch, reason=reason, now=at(seconds)
        )


def found() -> list[SiteOutage]:
    return list(SiteOutage.objects.unscoped("tests look at everything").order_by("pk"))


def test_most_of_a_site_lost_within_a_minute_is_one_outage(
    owner: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    boards = devices_at(place(owner), owner, 5)
    lose(boards[:2], 100)
    lose(boards[2:4], 159)
    with heard_events(django_capture_on_commit_callbacks) as heard:
        assert outages.sweep(at(161)) == 1
        assert outages.sweep(at(163)) == 0
    (outage,) = found()
    assert (outage.began_at, outage.lost, outage.total) == (at(100), 4, 5)
    assert [type(event).__name__ for event in heard] == ["SiteOutageBegan"]
    assert [(frame["site"], frame["lost"]) for frame in frames("site_outage")] == [("store", 4)]


@pytest.mark.parametrize(
    ("devices", "times"),
    [
        pytest.param(5, (100, 100, 100), id="three of five"),
        pytest.param(2, (100, 100), id="a site of two"),
        pytest.param(4, (100, 130, 161, 165), id="over more than a minute"),
    ],
)
def test_less_than_that_is_none(owner: Actor, devices: int, times: tuple[float, ...]) -> None:
    boards = devices_at(place(owner), owner, devices)
    for board, moment in zip(boards, times, strict=False):
        lose([board], moment)
        outages.sweep(at(moment + 1))
    assert not found()


def test_devices_that_were_away_before_do_not_hide_an_outage(owner: Actor) -> None:
    site = place(owner)
    away = devices_at(site, owner, 6)
    lose(away, 0)
    boards = devices_at(site, owner, 3)
    never = make_device(owner)
    Device.all_objects.unscoped("tests").filter(pk=never.device_id).update(site=site)
    lose(boards, 1000)
    assert outages.sweep(at(1001)) == 1
    assert (found()[0].lost, found()[0].total) == (3, 3)


def test_it_ends_when_half_are_back(owner: Actor, django_capture_on_commit_callbacks: Any) -> None:
    boards = devices_at(place(owner), owner, 4)
    lose(boards, 100)
    outages.sweep(at(101))
    reconnected(boards[0], now=at(200))
    assert outages.sweep(at(201)) == 0
    reconnected(boards[1], now=at(202))
    with heard_events(django_capture_on_commit_callbacks) as heard:
        assert outages.sweep(at(203)) == 1
        assert outages.sweep(at(204)) == 0
    assert found()[0].ended_at == at(203)
    assert [type(event).__name__ for event in heard] == ["SiteOutageEnded"]
    assert frames("site_outage")[-1]["ended_at"] == at(203).isoformat()


def simulated(boards: list[Board]) -> list[Board]:
    rows = Device.all_objects.unscoped("tests look at everything")
    rows.filter(pk__in=[board.device_id for board in boards]).update(is_simulated=True)
    return boards


def test_simulated_devices_say_nothing_of_a_site_with_real_ones(owner: Actor) -> None:
    site = place(owner)
    real, toys = devices_at(site, owner, 3), simulated(devices_at(site, owner, 9))
    lose(toys, 100)
    assert outages.sweep(at(101)) == 0
    lose(real, 110)
    assert outages.sweep(at(111)) == 1
    assert (found()[0].lost, found()[0].total) == (3, 3)
    for toy in toys:
        reconnected(toy, now=at(120))
    assert outages.sweep(at(121)) == 0
    for board in real[:2]:
        reconnected(board, now=at(130))
    assert outages.sweep(at(131)) == 1


def test_where_all_are_simulated_they_count(owner: Actor) -> None:
    lose(simulated(devices_at(place(owner), owner, 4)), 100)
    assert outages.sweep(at(101)) == 1


def test_it_ends_when_those_that_were_lost_are_elsewhere(owner: Actor) -> None:
    boards = devices_at(place(owner), owner, 4)
    lose(boards, 100)
    assert outages.sweep(at(101)) == 1
    rows = Device.all_objects.unscoped("tests look at everything")
    rows.filter(pk=boards[0].device_id).update(site=place(owner, "elsewhere"))
    assert outages.sweep(at(102)) == 0
    rows.filter(pk=boards[1].device_id).update(site=None)
    assert outages.sweep(at(103)) == 1


@pytest.mark.parametrize("reason", ["server_restart", "unpaired"])
def test_what_we_did_ourselves_is_no_outage(owner: Actor, reason: str) -> None:
    lose(devices_at(place(owner), owner, 4), 100, reason=reason)
    assert outages.sweep(at(101)) == 0


def test_a_restart_of_the_only_process_is_no_outage(owner: Actor) -> None:
    devices_at(place(owner), owner, 4)
    assert sessions.close_orphans(now=at(100)) == 4
    assert outages.sweep(at(101)) == 0


@pytest.mark.parametrize("scope", ["tenant", "site", "device"])
def test_none_is_told_of_during_maintenance(owner: Actor, scope: str) -> None:
    site = place(owner)
    boards = devices_at(site, owner, 3)
    targets: dict[str, list[dict[str, str]]] = {
        "tenant": [{}],
        "site": [{"site_id": site.site_id}],
        "device": [{"device_uid": board.uid} for board in boards],
    }
    for target in targets[scope]:
        maintenance.create_window(
            starts_at=at(50), ends_at=at(50) + timedelta(hours=1), actor=owner, now=at(0), **target
        )  # fmt: skip
    lose(boards, 100)
    assert outages.sweep(at(101)) == 0


@pytest.mark.django_db(transaction=True)
def test_eight_sweepers_at_once_open_it_once() -> None:
    owner = make_actor()
    lose(devices_at(place(owner), owner, 4), 100)
    outcomes = run_at_once(8, lambda _: outages.sweep(at(101)))
    assert sorted(map(str, outcomes)) == ["0"] * 7 + ["1"]
    assert len(found()) == 1
    assert len(frames("site_outage")) == 1
