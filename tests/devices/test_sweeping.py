"""The sweep after the server itself was away: nobody is blamed for having been silent then."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from accounts.models import Tenant
from devices.models import FlapEpisode
from devices.services import contacts, outages, sweeping
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from tests.accounts import households
from tests.devices.connections import at, told_of
from tests.factories.devices import Board, make_device
from tests.factories.users import tenant_of
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
SILENCE = settings.OFFLINE_AFTER_SECONDS


@pytest.fixture
def boards(owner: Actor) -> list[Board]:
    """All devices of a site, over a wire without sessions."""
    site = households.make_site(Tenant.objects.get(pk=tenant_of(owner)), "store")
    made = [make_device(owner, now=at(0)) for _ in range(4)]
    for board in made:
        device = board.row()
        device.site = site
        device.save(update_fields=["site"])
    return made


def hear(boards: list[Board], second: float) -> None:
    with unit_of_work():
        contacts.confirm_publishers(device_uids=[one.uid for one in boards], now=at(second))


def sweep_until(start: int, end: int) -> int:
    return sum(sweeping.sweep(at(second)) for second in range(start, end, 5))


def last_reason(board: Board) -> str:
    return told_of(board)[-1][1]


def test_after_an_upgrade_no_site_is_out(boards: list[Board]) -> None:
    hear(boards, 8)
    sweep_until(0, 15)
    # Down for ten minutes.
    assert sweeping.sweep(at(610)) == 0
    hear(boards[:1], 612)
    assert sweeping.sweep(at(615)) == 0
    assert sweeping.sweep(at(620)) == 3
    assert [last_reason(board) for board in boards] == ["heard", *["server_restart"] * 3]
    assert outages.sweep(at(621)) == 0
    assert not FlapEpisode.objects.unscoped("tests look at everything").exists()
    # From then on it is heard again: whoever is silent now is so by itself.
    assert sweep_until(625, 680) == 1
    assert last_reason(boards[0]) == "silence"


def test_who_was_silent_for_long_enough_without_it_goes_for_that(
    boards: list[Board],
) -> None:
    hear(boards, 0)
    sweep_until(0, SILENCE - 4)
    sweeping.sweep(at(SILENCE - 4 + 31))
    assert sweeping.sweep(at(SILENCE - 4 + 31 + 6)) == 4
    assert {last_reason(board) for board in boards} == {"silence"}


def test_a_sweep_that_takes_its_time_is_no_absence(boards: list[Board]) -> None:
    hear(boards, 0)
    for second in (0, 25, 50):
        assert sweeping.sweep(at(second)) == 0
    assert sweeping.sweep(at(75)) == 4
    assert last_reason(boards[0]) == "silence"


def test_the_first_sweep_of_all_knows_of_no_absence(boards: list[Board]) -> None:
    hear(boards, 0)
    assert sweeping.sweep(at(1000)) == 4
    assert last_reason(boards[0]) == "silence"


@pytest.mark.django_db(transaction=True)
def test_sweepers_at_once_agree(boards: list[Board]) -> None:
    hear(boards, 0)
    sweeping.sweep(at(0))

    def work(number: int) -> Any:
        return sweeping.sweep(at(600 + number / 10)) + sweeping.sweep(at(607))

    swept = run_at_once(4, work)
    assert sum(count for count in swept if isinstance(count, int)) == 4, swept
    assert {last_reason(board) for board in boards} == {"server_restart"}
