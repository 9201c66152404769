"""Sending for many at once: who fails, dies, or wants too much costs nobody else anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from django.utils import timezone

from kernel import errors, row_security
from kernel.actors import Actor
from notifications.choices import ChannelState, DeliveryState, Purpose
from notifications.models import Channel, Delivery, Notice
from notifications.services import channels, sending
from notifications.types import ChannelWish, Outcome
from tests.devices.connections import at
from tests.factories.devices import connected_device
from tests.factories.users import make_actor
from tests.notifications.telling import WHY, deliveries, fresh, lose, make_webhook, own_mail, tick

pytestmark = [pytest.mark.django_db]
NO = Outcome(is_delivered=False, error="It could not be reached.")


@pytest.fixture(autouse=True)
def _platform() -> Iterator[None]:
    with row_security.platform_scope("job.test"):
        yield


def queue(channel: Channel, now: datetime, purpose: Purpose = Purpose.TEST) -> Delivery:
    return channels.queue(channel=channel, purpose=purpose, now=now)


def told_of_a_loss(owner: Actor, channel: Channel) -> datetime:
    """One message about a lost device, due now; returns the time."""
    lose(connected_device(owner, now=at(0)), 100)
    tick(190)
    now = timezone.now()
    Delivery.objects.unscoped(WHY).filter(channel=channel).update(created_at=now, next_at=now)
    return now


def settle(channel: Channel, outcome: Outcome, now: datetime) -> Delivery:
    """Have an attempt of the channel's oldest due message end like that."""
    waiting = [row for row in deliveries(channel) if row.next_at is not None]
    lease = sending.claim(waiting[0].pk, now)
    assert lease is not None
    prepared = sending._prepared(waiting[0].pk, lease, now)
    assert prepared is not None
    sending.settle(attempt=prepared, outcome=outcome, now=now)
    return next(row for row in deliveries(channel) if row.pk == waiting[0].pk)


def test_a_database_that_fails_costs_no_place_for_sending(
    webhook: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(delivery_id: int, now: datetime) -> None:
        raise OperationalError("database is locked")

    now = timezone.now()
    queue(webhook, now)
    monkeypatch.setattr(sending, "claim", fail)
    for _ in range(sending.THREADS):
        with pytest.raises(OperationalError):
            sending.dispatch(now)
    places = [sending._free.acquire(blocking=False) for _ in range(sending.THREADS)]
    for is_mine in places:
        if is_mine:
            sending._free.release()
    assert all(places)


def test_however_much_of_a_tenant_waits_it_hides_no_other(webhook: Channel) -> None:
    now = timezone.now()
    other = make_webhook(make_actor())
    Delivery.objects.bulk_create(
        Delivery(
            uid=f"msg_{number}", tenant_id=webhook.tenant_id, channel=webhook, purpose="test",
            state="pending", created_at=now, next_at=now - timedelta(seconds=1),
        )
        for number in range(300)
    )  # fmt: skip
    mine = queue(other, now)
    assert mine.pk in sending.due(now)


def test_receivers_that_do_not_answer_leave_room_for_those_that_do() -> None:
    now = timezone.now()
    failing = [make_webhook(make_actor()) for _ in range(4)]
    rows = Channel.objects.unscoped(WHY).filter(pk__in=[channel.pk for channel in failing])
    rows.update(failing_since=now - timedelta(hours=1))
    slow = [queue(channel, now - timedelta(seconds=60)).pk for channel in failing]
    mine = queue(make_webhook(make_actor()), now)
    assert sending.due(now) == [*slow[: sending.MOST_FAILING], mine.pk]


def test_what_kills_each_of_its_senders_is_given_up_in_the_end(webhook: Channel) -> None:
    begun = timezone.now()
    delivery = queue(webhook, begun)
    later = begun + timedelta(minutes=10)
    assert sending.claim(delivery.pk, later) is not None
    assert sending.release_lost(later + timedelta(minutes=1)) == 1
    (row,) = deliveries(webhook)
    assert (row.state, row.attempts) == (DeliveryState.FAILED, 1)
    later = begun + timedelta(hours=25)
    assert sending.claim(delivery.pk, later) is not None
    assert sending.release_lost(later + timedelta(minutes=1)) == 0
    (row,) = deliveries(webhook)
    assert (row.state, row.attempts, row.next_at) == (DeliveryState.DEAD, 2, None)


def test_a_sender_that_breaks_waits_like_one_that_was_refused(
    owner: Actor, webhook: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(attempt: Any) -> Outcome:
        raise KeyError(attempt.delivery_uid)

    now = told_of_a_loss(owner, webhook)
    monkeypatch.setitem(sending._SENDERS, "webhook", broken)
    (delivery,) = deliveries(webhook)
    lease = sending.claim(delivery.pk, now)
    assert lease is not None
    sending.attempt(delivery.pk, lease)
    (row,) = deliveries(webhook)
    assert (row.state, row.last_error) == ("failed", "Sending it failed: KeyError.")
    assert row.next_at is not None and row.next_at > now


def test_one_failure_long_after_another_disables_nothing(owner: Actor, webhook: Channel) -> None:
    now = told_of_a_loss(owner, webhook)
    Channel.objects.unscoped(WHY).filter(pk=webhook.pk).update(
        failing_since=now - timedelta(days=30)
    )
    assert settle(webhook, NO, now).state == DeliveryState.FAILED
    assert fresh(webhook).state == ChannelState.ACTIVE
    assert settle(webhook, NO, now + timedelta(hours=24)).state == DeliveryState.DEAD
    assert fresh(webhook).state == ChannelState.DISABLED


def test_a_test_that_fails_is_not_held_against_the_channel(webhook: Channel) -> None:
    now = timezone.now()
    queue(webhook, now)
    assert settle(webhook, NO, now).state == DeliveryState.DEAD
    assert fresh(webhook).failing_since is None


def test_another_receiver_is_not_blamed_for_the_one_before(owner: Actor, webhook: Channel) -> None:
    Channel.objects.unscoped(WHY).filter(pk=webhook.pk).update(failing_since=at(0))
    wish = ChannelWish(url="https://other.example.com/hook")
    channels.update_channel(channel_uid=webhook.uid, wish=wish, actor=owner, now=at(1))
    assert fresh(webhook).failing_since is None


def test_a_message_whose_changes_were_erased_is_not_sent(owner: Actor, webhook: Channel) -> None:
    now = told_of_a_loss(owner, webhook)
    Notice.objects.unscoped(WHY).filter(channel=webhook).delete()
    (delivery,) = deliveries(webhook)
    lease = sending.claim(delivery.pk, now)
    assert lease is not None
    sending.attempt(delivery.pk, lease)
    assert deliveries(webhook)[0].state == DeliveryState.DROPPED


def test_a_mail_server_may_take_its_time(owner: Actor) -> None:
    channel = own_mail(owner)
    now = told_of_a_loss(owner, channel)
    (delivery,) = deliveries(channel)
    lease = sending.claim(delivery.pk, now)
    assert lease is not None
    assert sending._prepared(delivery.pk, lease, now) is not None
    # It would otherwise be sent a second time while the first is on its way.
    assert sending.release_lost(now + timedelta(minutes=4)) == 0
    assert sending.release_lost(now + timedelta(minutes=5)) == 1


def test_who_made_a_tenants_mail_hears_that_its_address_is_refused(
    owner: Actor, user: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://homepot.example"
    wish = ChannelWish(name="Night shift", email="gone@example.com")
    made = channels.create_channel(transport="email", wish=wish, actor=owner, now=at(-10))
    Channel.objects.unscoped(WHY).filter(pk=made.channel.pk).update(state="active")
    Delivery.objects.unscoped(WHY).filter(channel=made.channel).delete()
    now = told_of_a_loss(owner, made.channel)
    settle(made.channel, Outcome(is_delivered=False, status=550, is_final=True), now)
    (notice,) = [row for row in deliveries(made.channel) if row.purpose == Purpose.DISABLED]
    lease = sending.claim(notice.pk, now)
    assert lease is not None
    sending.attempt(notice.pk, lease)
    assert [message.to for message in mail.outbox] == [[user.email]]


def test_a_channel_is_tried_so_often_in_an_hour(owner: Actor, webhook: Channel) -> None:
    for _ in range(channels.TESTS_PER_HOUR):
        channels.send_test(channel_uid=webhook.uid, actor=owner, now=at(0))
    with pytest.raises(errors.RateLimited):
        channels.send_test(channel_uid=webhook.uid, actor=owner, now=at(1))
