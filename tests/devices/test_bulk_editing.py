"""Many devices at once: moved and unpaired, each by who may, the same again changing nothing."""

from __future__ import annotations

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from devices.services import bulk_editing
from devices.services.bulk_editing import NO_SUCH_SITE, ROLE_TOO_LOW
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from tests.factories.devices import Board, connected_device
from tests.factories.sites import devices_at, join, make_site, site_row
from tests.factories.users import actor_of, make_actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db: None) -> Actor:
    """Who owns the devices."""
    return make_actor()


@pytest.fixture
def boards(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> list[Board]:
    """Three devices of theirs, which are changed two together."""
    monkeypatch.setattr(bulk_editing, "TOGETHER", 2)
    return [connected_device(owner) for _ in range(3)]


def _keys(boards: list[Board]) -> list[int]:
    return [board.device_id for board in boards]


def _noted(action: str) -> int:
    entries = AuditEntry.objects.unscoped("tests look at everything")
    return int(entries.filter(action=action).count())


@pytest.mark.core
def test_devices_move_together_are_noted_one_by_one_and_only_once(
    owner: Actor, boards: list[Board]
) -> None:
    make_site(owner, "bay")
    now, keys = timezone.now(), _keys(boards)
    seen = bulk_editing.foresee_move(device_ids=keys, site_id="bay", actor=owner)
    assert (seen.changed, devices_at(owner, "bay")) == (3, set())
    before = _noted("devices.device.updated")
    done = bulk_editing.move_devices(device_ids=keys, site_id="bay", actor=owner, now=now)
    assert (done.changed, done.unchanged, dict(done.refused)) == (3, 0, {})
    assert devices_at(owner, "bay") == {board.uid for board in boards}
    again = bulk_editing.move_devices(device_ids=keys, site_id="bay", actor=owner, now=now)
    assert (again.changed, again.unchanged) == (0, 3)
    assert _noted("devices.device.updated") - before == 3
    away = bulk_editing.move_devices(device_ids=keys, site_id="", actor=owner, now=now)
    assert (away.changed, devices_at(owner, "bay")) == (3, set())


def test_a_site_that_is_not_theirs_refuses_each_device(owner: Actor, boards: list[Board]) -> None:
    make_site(make_actor(), "elsewhere")
    done = bulk_editing.move_devices(
        device_ids=_keys(boards), site_id="elsewhere", actor=owner, now=timezone.now()
    )
    assert done.changed == 0 and len(done.refused[NO_SUCH_SITE]) == 3


@pytest.mark.core
def test_strangers_see_none_and_low_roles_change_none(owner: Actor, boards: list[Board]) -> None:
    now, keys = timezone.now(), _keys(boards)
    stranger = bulk_editing.unpair_devices(device_ids=keys, actor=make_actor(), now=now)
    assert (stranger.changed, dict(stranger.refused)) == (0, {})
    operator = actor_of(join(owner, "operator"))
    assert (
        len(
            bulk_editing.unpair_devices(device_ids=keys, actor=operator, now=now).refused[
                ROLE_TOO_LOW
            ]
        )
        == 3
    )
    assert bulk_editing.unpair_devices(device_ids=keys, actor=owner, now=now).changed == 3
    assert bulk_editing.unpair_devices(device_ids=keys, actor=owner, now=now).changed == 0


def test_who_is_limited_to_a_site_moves_nothing_away_from_all_sites(
    owner: Actor, boards: list[Board]
) -> None:
    make_site(owner, "bay")
    now = timezone.now()
    bulk_editing.move_devices(device_ids=_keys(boards)[:1], site_id="bay", actor=owner, now=now)
    bay = site_row(owner, "bay")
    limited = actor_of(join(owner, "operator", site_ids=[bay.pk]))
    seen = bulk_editing.move_devices(device_ids=_keys(boards), site_id="", actor=limited, now=now)
    assert seen.changed == 0 and seen.refused[NO_SUCH_SITE] == [boards[0].uid]


def test_more_than_ten_thousand_are_refused_before_any(owner: Actor) -> None:
    with pytest.raises(ValidationFailed):
        bulk_editing.unpair_devices(device_ids=range(1, 10_002), actor=owner, now=timezone.now())
