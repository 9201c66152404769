"""Who is told when a device has been other than desired for too long: once for each drift."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from devices.services import unpairing
from notifications.choices import ChannelState, Transport
from notifications.models import Change, Channel, Notice
from notifications.services import planning
from notifications.wording import sentence
from tests.factories.devices import connected_device
from tests.factories.users import tenant_of
from tests.kernel.threads import run_at_once
from tests.twins.test_desiring import desire
from tests.twins.test_reporting import report, twin
from twins import delta
from twins.models import TwinPolicy
from twins.services import alerting

if TYPE_CHECKING:
    from kernel.actors import Actor
    from tests.factories.devices import Board

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


@pytest.fixture
def channel(owner: Actor) -> Channel:
    """A receiver that asked for drift."""
    return Channel.objects.create(
        uid="ops",
        tenant_id=tenant_of(owner),
        transport=Transport.WEBHOOK,
        state=ChannelState.ACTIVE,
        name="Ops",
        url="https://hooks.example.com/",
        topics=["drift"],
        created_at=timezone.now(),
        changed_at=timezone.now(),
    )


def notices() -> list[Any]:
    return list(Notice.objects.unscoped(WHY).order_by("pk"))


def test_a_long_drift_is_told_once_and_the_next_one_again(board: Board, channel: Channel) -> None:
    start = timezone.now()
    desire(board, {"a": 1}, now=start)
    late = start + timedelta(seconds=3_600)
    assert alerting.tell_of_long_drifts(late - timedelta(seconds=1)) == 0
    assert alerting.tell_of_long_drifts(late) == 1
    assert alerting.tell_of_long_drifts(late + timedelta(hours=9)) == 0
    planning.plan(late)
    (told,) = notices()
    assert (told.kind, told.state, told.device_id) == ("drift", "waiting", board.device_id)
    change = told.facts | {"kind": told.kind, "at": told.at.isoformat()}
    assert "is other than desired since" in sentence(change)
    # As it is desired again before anybody was told.
    report(board, {"a": 1}, now=late)
    planning.plan(late)
    assert [(row.state, row.state_reason) for row in notices()] == [("withdrawn", "in_sync")]
    report(board, {"a": 2}, now=late)
    assert alerting.tell_of_long_drifts(late + timedelta(seconds=3_600)) == 1
    planning.plan(late + timedelta(seconds=3_600))
    assert [row.state for row in notices()] == ["withdrawn", "waiting"]


def test_each_tenant_says_how_long_is_too_long(owner: Actor, board: Board) -> None:
    start = timezone.now()
    desire(board, {"a": 1}, now=start)
    policy = TwinPolicy.objects.create(
        tenant_id=tenant_of(owner), drift_alert_after_s=60, changed_at=start
    )
    assert alerting.tell_of_long_drifts(start + timedelta(seconds=59)) == 0
    policy.drift_alert_after_s = 0
    policy.save()
    assert alerting.tell_of_long_drifts(start + timedelta(days=9)) == 0
    policy.drift_alert_after_s = 60
    policy.save()
    assert alerting.tell_of_long_drifts(start + timedelta(seconds=60)) == 1


def test_who_is_told_while_the_drift_ends_hears_of_its_end(
    board: Board, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job commits between the device's lock and the judgement."""
    start = timezone.now()
    late = start + timedelta(hours=2)
    desire(board, {"a": 1}, now=start)
    judge = delta.is_in_sync

    def judged(*documents: Any) -> bool:
        alerting.tell_of_long_drifts(late)
        return judge(*documents)

    monkeypatch.setattr(delta, "is_in_sync", judged)
    report(board, {"a": 1}, now=late)
    kinds = Change.objects.unscoped(WHY).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["drift", "drift_ended"]


def test_nobody_is_told_of_a_life_that_has_ended(owner: Actor, board: Board) -> None:
    start = timezone.now()
    desire(board, {"a": 1}, now=start)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=start)
    assert alerting.tell_of_long_drifts(start + timedelta(days=9)) == 0


@pytest.mark.django_db(transaction=True)
def test_several_processes_tell_of_each_drift_once(owner: Actor, channel: Channel) -> None:
    start = timezone.now()
    boards = [connected_device(owner) for _ in range(5)]
    for each in boards:
        desire(each, {"a": 1}, now=start)
    late = start + timedelta(hours=2)
    told = run_at_once(4, lambda _: alerting.tell_of_long_drifts(late))
    assert sum(number for number in told if isinstance(number, int)) == len(boards)
    changes = list(Change.objects.unscoped(WHY).filter(kind="drift"))
    assert sorted(key for change in changes for key in change.device_ids) == sorted(
        each.device_id for each in boards
    )
    assert all(twin(each).drift_told_at == late for each in boards)
