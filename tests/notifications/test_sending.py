"""Deliveries: what arrives, what is tried again, what is given up, and what a death leaves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from devices.models import Device
from kernel import row_security
from kernel.actors import Actor
from notifications.choices import ChannelState, Purpose
from notifications.models import Channel, Delivery
from notifications.services import channels, sending
from notifications.types import Outcome
from tests.devices.connections import at
from tests.factories.devices import connected_device
from tests.kernel.threads import run_at_once
from tests.notifications.receiver import Receiver, receiving
from tests.notifications.telling import WHY, deliveries, fresh, lose, make_webhook, own_mail, tick

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_NETWORKS = ["127.0.0.1/32"]
    settings.WEBHOOK_ALLOW_HTTP = True
    with receiving() as found:
        yield found


@pytest.fixture
def hook(owner: Actor, receiver: Receiver) -> Channel:
    """A webhook to the receiver, with one device lost and ready to be told."""
    channel = make_webhook(owner, url=receiver.url)
    lose(connected_device(owner, now=at(0)), 100)
    tick(190)
    now = timezone.now()
    Delivery.objects.unscoped(WHY).filter(channel=channel).update(created_at=now, next_at=now)
    return channel


def send(channel: Channel, *, moment: Any = None) -> Delivery:
    """Try what is due of the channel once; returns its newest delivery."""
    now = moment or timezone.now()
    with row_security.platform_scope("job.test"):
        for delivery_id in sending.due(now):
            lease = sending.claim(delivery_id, now)
            assert lease is not None
            sending.attempt(delivery_id, lease)
    return deliveries(channel)[-1]


def settle(delivery: Delivery, outcome: Outcome, now: Any) -> Delivery:
    """Have an attempt of the delivery end like that."""
    with row_security.platform_scope("job.test"):
        lease = sending.claim(delivery.pk, now)
        assert lease is not None
        prepared = sending._prepared(delivery.pk, lease, now)
        assert prepared is not None
        sending.settle(attempt=prepared, outcome=outcome, now=now)
    return next(row for row in deliveries(delivery.channel) if row.pk == delivery.pk)


def secret_of(channel: Channel) -> str:
    return channels.secrets_of(fresh(channel), timezone.now())[0]


def test_a_receiver_can_verify_what_arrives(hook: Channel, receiver: Receiver) -> None:
    delivery = send(hook)
    assert (delivery.state, delivery.last_status, delivery.count) == ("delivered", 204, 1)
    ((headers, body),) = receiver.requests
    assert headers["webhook-id"] == delivery.uid
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    key = base64.b64decode(secret_of(hook).removeprefix("whsec_"))
    signed = f"{delivery.uid}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    (change,) = json.loads(body)["data"]["changes"]
    assert (change["kind"], change["connectivity"], change["reason"]) == (
        "offline", "offline", "connection_closed",
    )  # fmt: skip


def test_after_a_rotation_both_secrets_sign_for_a_day(
    owner: Actor, hook: Channel, receiver: Receiver
) -> None:
    former = secret_of(hook)
    now = timezone.now()
    made = channels.rotate_secret(channel_uid=hook.uid, actor=owner, now=now)
    assert channels.secrets_of(made.channel, now) == (made.secret, former)
    assert channels.secrets_of(made.channel, now + channels.OVERLAP) == (made.secret,)
    send(hook)
    assert receiver.requests[0][0]["webhook-signature"].count("v1,") == 2


def test_what_fails_is_tried_again_under_the_same_id(hook: Channel, receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 500 Oops\r\n\r\n"]
    failed = send(hook)
    assert (failed.state, failed.attempts, failed.last_error) == ("failed", 1, "It answered 500.")
    assert failed.next_at is not None
    assert fresh(hook).failing_since is not None
    again = send(hook, moment=failed.next_at)
    assert (again.pk, again.state, again.attempts) == (failed.pk, "delivered", 2)
    assert fresh(hook).failing_since is None
    first, second = receiver.requests
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


def test_a_receiver_may_ask_for_more_time(hook: Channel, receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 429 Slow\r\nRetry-After: 900\r\n\r\n"]
    before = timezone.now()
    failed = send(hook)
    assert failed.next_at is not None
    assert failed.next_at - before >= timedelta(seconds=900)


def test_after_a_day_a_delivery_is_given_up(hook: Channel) -> None:
    (delivery,) = deliveries(hook)
    no, now = Outcome(is_delivered=False, error="It could not be reached."), delivery.created_at
    for _ in range(100):
        delivery = settle(delivery, no, now)
        if delivery.next_at is None:
            break
        now = delivery.next_at
    assert (delivery.state, delivery.attempts) == ("dead", pytest.approx(32, abs=5))
    assert delivery.finished_at is not None
    assert delivery.finished_at - delivery.created_at <= timedelta(hours=24)


def test_a_receiver_that_is_gone_is_told_nothing_more_and_its_maker_hears_of_it(
    owner: Actor, user: Any, hook: Channel, receiver: Receiver
) -> None:
    receiver.answers = [b"HTTP/1.1 410 Gone\r\n\r\n"]
    send(hook)
    channel = fresh(hook)
    assert (channel.state, channel.state_reason) == ("disabled", "refused")
    assert send(hook).state == "delivered"
    (sent,) = mail.outbox
    assert sent.to == [user.email]
    assert "On-call" in sent.subject
    lose(connected_device(owner, now=at(300)), 400)
    tick(800)
    assert len(receiver.requests) == 1


def test_a_channel_that_fails_for_days_is_disabled_and_can_be_switched_on_again(
    owner: Actor, hook: Channel
) -> None:
    now = deliveries(hook)[0].created_at
    Channel.objects.unscoped(WHY).filter(pk=hook.pk).update(
        failing_since=now - sending.DISABLED_AFTER
    )
    lose(connected_device(owner, now=at(300)), 400)
    tick(800)
    later = now + timedelta(hours=24)
    settle(deliveries(hook)[0], Outcome(is_delivered=False, error="No."), later)
    assert fresh(hook).state == ChannelState.DISABLED
    assert [row.state for row in deliveries(hook)] == ["dead", "dropped", "pending"]
    on = channels.ChannelWish(is_paused=False)
    channels.update_channel(channel_uid=hook.uid, wish=on, actor=owner, now=now)
    assert (fresh(hook).state, fresh(hook).failing_since) == ("active", None)


def test_who_dies_in_the_middle_leaves_a_lease_that_ends(hook: Channel, receiver: Receiver) -> None:
    now = timezone.now()
    with row_security.platform_scope("job.test"):
        (delivery_id,) = sending.due(now)
        assert sending.claim(delivery_id, now) is not None
        # Nobody else has it meanwhile, and then everybody may.
        assert sending.claim(delivery_id, now) is None
        assert sending.release_lost(now + timedelta(seconds=59)) == 0
        assert sending.release_lost(now + timedelta(seconds=60)) == 1
    assert send(hook, moment=now + timedelta(seconds=60)).state == "delivered"


def test_who_lost_its_lease_settles_nothing(hook: Channel) -> None:
    now = timezone.now()
    with row_security.platform_scope("job.test"):
        (delivery_id,) = sending.due(now)
        slow = sending.claim(delivery_id, now)
        assert slow is not None
        prepared = sending._prepared(delivery_id, slow, now)
        assert prepared is not None
        later = now + timedelta(seconds=61)
        sending.release_lost(later)
        assert sending.claim(delivery_id, later) is not None
        sending.settle(attempt=prepared, outcome=Outcome(is_delivered=True), now=later)
    assert deliveries(hook)[0].state == "sending"


def test_a_slow_receiver_leaves_room_for_other_tenants(owner: Actor, receiver: Receiver) -> None:
    now = timezone.now()
    for _ in range(4):
        channel = make_webhook(owner, url=receiver.url)
        for _ in range(2):
            channels.queue(channel=channel, purpose=Purpose.TEST, now=now)
    with row_security.platform_scope("job.test"):
        first = sending.due(now)
        assert len(first) == sending.MOST_OF_TENANT
        assert sending.claim(first[0], now) is not None
        assert len(sending.due(now)) == sending.MOST_OF_TENANT - 1


def test_a_receiver_that_does_not_answer_collects_few_messages(
    owner: Actor, receiver: Receiver
) -> None:
    channel = make_webhook(owner, url=receiver.url, after_s=0, window_s=0)
    for number in range(10):
        lose(connected_device(owner, now=at(100 * number)), 100 * number + 50)
        tick(100 * number + 60)
    assert len(deliveries(channel)) == 5
    sent = send(channel)
    assert sent.state in {"pending", "delivered"}
    tick(2000)
    assert sum(row.count for row in deliveries(channel)) == 10


def test_a_member_gets_mail_with_one_click_to_end_it(
    owner: Actor, user: Any, settings: Any, client: Any
) -> None:
    settings.PUBLIC_URL = "https://homepot.example"
    channel = own_mail(owner)
    lose(connected_device(owner, now=at(0)), 100)
    tick(190)
    assert send(channel).state == "delivered"
    (sent,) = mail.outbox
    assert sent.to == [user.email]
    assert "is offline" in sent.subject
    link = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = link.removeprefix("https://homepot.example")
    # What fetches links beforehand changes nothing.
    assert client.get(path).status_code == 200
    assert fresh(channel).state == "active"
    answer = client.post(path, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert (fresh(channel).state, fresh(channel).state_reason) == ("paused", "unsubscribed")
    assert client.post(path[:-1] + "x").status_code == 404


def test_another_address_is_asked_first(owner: Actor, settings: Any, client: Any) -> None:
    settings.PUBLIC_URL = "https://homepot.example"
    wish = channels.ChannelWish(name="On-call", email="oncall@example.com")
    made = channels.create_channel(transport="email", wish=wish, actor=owner, now=at(-10))
    board = connected_device(owner, now=at(0))
    lose(board, 100)
    tick(190)
    assert send(made.channel).state == "delivered"
    (sent,) = mail.outbox
    assert (sent.to, fresh(made.channel).state) == (["oncall@example.com"], "unconfirmed")
    path = sent.body.split("https://homepot.example")[1].split()[0]
    assert client.post(path).status_code == 200
    assert fresh(made.channel).state == "active"


def test_names_cannot_add_headers_to_a_mail(owner: Actor, settings: Any) -> None:
    channel = own_mail(owner)
    board = connected_device(owner, now=at(0))
    rows = Device.all_objects.unscoped(WHY).filter(pk=board.device_id)
    rows.update(name="Till\r\nBcc: victim@example.com")
    lose(board, 100)
    tick(190)
    assert send(channel).state == "delivered"
    message = mail.outbox[0].message()
    assert message["Bcc"] is None
    assert "Till Bcc:" in str(message["Subject"])


def test_a_secret_that_cannot_be_read_drops_the_delivery_and_says_so(
    hook: Channel, receiver: Receiver, settings: Any
) -> None:
    settings.SECRET_KEY = "another key than the one it was sealed under"
    dropped = send(hook)
    assert (dropped.state, dropped.last_error) == (
        "dropped", "Its secret cannot be read; give it a new one.",
    )  # fmt: skip
    assert receiver.requests == []


@pytest.mark.django_db(transaction=True)
def test_two_dispatchers_send_each_message_once(owner: Actor, receiver: Receiver) -> None:
    made = [make_webhook(owner, url=receiver.url) for _ in range(2)]
    now = timezone.now()
    for channel in made:
        channels.queue(channel=channel, purpose=Purpose.TEST, now=now)

    def work(number: int) -> int:
        with row_security.platform_scope("job.test"):
            return sending.dispatch(now)

    assert sum(result for result in run_at_once(2, work) if isinstance(result, int)) == 2
    until = time.monotonic() + 20
    while time.monotonic() < until:
        states = [row.state for channel in made for row in deliveries(channel)]
        if states == ["delivered", "delivered"]:
            break
        time.sleep(0.05)
    assert states == ["delivered", "delivered"]
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert len(ids) == len(set(ids)) == 2
