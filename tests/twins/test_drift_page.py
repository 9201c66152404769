"""The page of devices counts those that are other than desired, and shows them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.accounts.people import browser_of
from tests.factories.devices import connected_device
from tests.twins.test_desiring import desire
from tests.twins.test_reporting import report

if TYPE_CHECKING:
    from accounts.models import User
    from kernel.actors import Actor
    from tests.factories.devices import Board

pytestmark = [pytest.mark.django_db]


def test_drifting_devices_are_counted_and_found(user: User, owner: Actor, board: Board) -> None:
    fine = connected_device(owner)
    for each in (board, fine):
        desire(each, {"a": 1})
    report(fine, {"a": 1})
    client = browser_of(user)
    page = client.get("/dashboard/devices").content.decode()
    assert 'Drift <span class="tab__count">1</span>' in page
    found = client.get("/dashboard/devices", {"sync": "drift"}).content.decode()
    assert (board.uid in found, fine.uid in found) == (True, False)
    report(board, {"a": 1})
    assert "Drift <span" not in client.get("/dashboard/devices").content.decode()
