"""Timeouts of presence: the device's own, its poll interval, its class, the default."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Membership
from devices import selectors
from devices.errors import PresencePolicyExists
from devices.models import PresencePolicy
from devices.services import editing, policies, presence, sessions, timeouts
from devices.types import DeviceChanges
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from tests.accounts import households, people
from tests.devices.connections import at
from tests.factories.devices import Board, connected_device, make_device, reconnected
from tests.factories.users import make_actor
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]
CLASS = "relay_controller"


def policy(owner: Actor, seconds: int, device_class: str = CLASS) -> PresencePolicy:
    return policies.create_policy(
        device_class=device_class, offline_after_s=seconds, actor=owner, now=at(0)
    )


def edit(owner: Actor, board: Board, **changes: Any) -> None:
    editing.update_device(
        device_uid=board.uid, changes=DeviceChanges(**changes), actor=owner, now=at(1)
    )


def silent_after(board: Board, seconds: float) -> bool:
    presence.sweep(at(seconds))
    return not board.presence().is_online


def test_without_any_rule_the_default_holds(owner: Actor) -> None:
    board = connected_device(owner, now=at(0))
    assert board.presence().offline_after_s is None
    assert not silent_after(board, settings.OFFLINE_AFTER_SECONDS - 1)
    assert silent_after(board, settings.OFFLINE_AFTER_SECONDS)


def test_a_policy_holds_for_its_class_and_tenant_at_once(owner: Actor) -> None:
    board = connected_device(owner, now=at(0))
    foreign = connected_device(make_actor(), now=at(0))
    policy(owner, 300, "server")
    assert board.presence().offline_after_s is None
    policy(owner, 20)
    assert silent_after(board, 20)
    assert foreign.presence().is_online


def test_a_device_claimed_later_is_under_the_policy(owner: Actor) -> None:
    policy(owner, 600)
    board = connected_device(owner, now=at(0))
    assert not silent_after(board, 599)
    assert silent_after(board, 600)


def test_signs_of_life_keep_to_each_devices_own_time_in_one_statement(owner: Actor) -> None:
    boards = [connected_device(owner, now=at(0)) for _ in range(3)]
    edit(owner, boards[0], offline_after_s=10)
    edit(owner, boards[1], poll_interval_s=100)
    with CaptureQueriesContext(connection) as asked:
        presence.touch(device_ids=[board.device_id for board in boards], now=at(5))
    table = "UPDATE devices_devicepresence"
    updates = [query for query in asked.captured_queries if table in query["sql"]]
    assert len(updates) == 1
    due = [board.presence().offline_due_at for board in boards]
    assert due == [at(15), at(305), at(5 + settings.OFFLINE_AFTER_SECONDS)]


def test_the_devices_own_wins_over_its_interval_and_that_over_its_class(owner: Actor) -> None:
    policy(owner, 50)
    board = connected_device(owner, now=at(0))
    allowed = []
    for changes in (
        {"poll_interval_s": 40},
        {"offline_after_s": 77},
        {"poll_interval_s": 0},
        {"offline_after_s": 0},
    ):
        edit(owner, board, **changes)
        allowed.append(board.presence().offline_after_s)
    assert allowed == [120, 77, 77, 50]


def test_a_policy_that_changes_or_goes_holds_at_once(owner: Actor) -> None:
    made = policy(owner, 50)
    board = connected_device(owner, now=at(0))
    policies.update_policy(policy_uid=made.uid, offline_after_s=80, actor=owner, now=at(1))
    assert board.presence().offline_due_at == at(80)
    policies.delete_policy(policy_uid=made.uid, actor=owner, now=at(2))
    assert board.presence().offline_due_at == at(settings.OFFLINE_AFTER_SECONDS)
    with pytest.raises(NotFound):
        policies.delete_policy(policy_uid=made.uid, actor=owner, now=at(3))


def test_there_is_one_policy_of_a_class(owner: Actor) -> None:
    policy(owner, 50)
    with pytest.raises(PresencePolicyExists):
        policy(owner, 60)
    policy(make_actor(), 60)


@pytest.mark.parametrize("seconds", [0, 9, 86_401])
def test_what_is_out_of_range_is_refused(owner: Actor, seconds: int) -> None:
    with pytest.raises(ValidationFailed):
        policy(owner, seconds)
    if seconds:
        with pytest.raises(ValidationFailed):
            edit(owner, make_device(owner), offline_after_s=seconds)


def test_who_is_limited_to_sites_makes_no_policy_for_all() -> None:
    boss = people.make_user("boss@example.com")
    tenant = households.organisation(boss, "Chain")
    site = households.make_site(tenant, "store")
    admin = households.join(tenant, boss, "admin")
    members = Membership.objects.unscoped("tests look at everything")
    members.filter(user=admin, tenant=tenant).update(site_ids=[site.pk])
    actor = households.actor_of(admin)
    limited = replace(actor, roles=MappingProxyType({tenant.pk: "admin"}))
    with pytest.raises(PermissionDenied, match="sites"):
        policy(limited, 60)


def test_the_heartbeat_follows_the_devices_own_time(owner: Actor) -> None:
    board = make_device(owner)
    edit(owner, board, offline_after_s=90)
    facts = sessions.open_session(device_id=board.device_id, address=None, now=at(2))
    assert facts.offline_after_s == 90
    assert presence.heartbeat_seconds(facts.offline_after_s) == 30
    assert presence.heartbeat_seconds(86_400) == 3600
    assert presence.heartbeat_seconds() == settings.OFFLINE_AFTER_SECONDS // 3


def test_a_device_is_stale_by_its_own_time(owner: Actor) -> None:
    board = make_device(owner)
    edit(owner, board, offline_after_s=3600)
    reconnected(board, now=timezone.now() - timedelta(seconds=600))
    assert selectors.connectivity(board.row(), timezone.now()) == "online"


@pytest.mark.django_db(transaction=True)
def test_a_claim_and_a_policy_at_once_agree_in_the_end() -> None:
    for _ in range(5):
        owner = make_actor()
        outcomes = run_at_once(
            2,
            lambda turn: policy(owner, 40) if turn else make_device(owner),  # noqa: B023
        )
        (board,) = [outcome for outcome in outcomes if isinstance(outcome, Board)]
        assert board.presence().offline_after_s == 40


@given(
    own=st.none() | st.integers(10, 86_400),
    interval=st.none() | st.integers(1, 86_400),
    of_class=st.none() | st.integers(10, 86_400),
)
def test_what_holds_is_the_first_that_is_given(
    own: int | None, interval: int | None, of_class: int | None
) -> None:
    found = timeouts.resolved(offline_after_s=own, poll_interval_s=interval, policy_s=of_class)
    if own is not None:
        assert found == own
    elif interval is not None:
        assert found == min(max(3 * interval, 10), 86_400)
    else:
        assert found == of_class
