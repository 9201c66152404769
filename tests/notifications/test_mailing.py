"""Mail as it goes over SMTP, to a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from django.utils import timezone

from homepot.settings.email import mail_server
from kernel import row_security
from kernel.actors import Actor
from notifications.models import Channel, Delivery
from notifications.services import sending
from tests.devices.connections import at
from tests.factories.devices import connected_device
from tests.notifications.mail_server import MailServer, taking_mail
from tests.notifications.telling import WHY, deliveries, fresh, lose, own_mail, tick

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with taking_mail() as found:
        asked = mail_server(f"smtp://127.0.0.1:{found.port}?tls=none")
        settings.EMAIL_BACKEND, settings.EMAIL_HOST = asked.backend, asked.host
        settings.EMAIL_PORT, settings.EMAIL_USE_TLS = asked.port, asked.starts_tls
        settings.DEFAULT_FROM_EMAIL = "homepot@example.com"
        settings.PUBLIC_URL = "https://homepot.example"
        yield found


def sent(channel: Channel) -> Delivery:
    """The one message of the channel after one try."""
    (delivery,) = deliveries(channel)
    now = timezone.now()
    Delivery.objects.unscoped(WHY).filter(pk=delivery.pk).update(created_at=now, next_at=now)
    with row_security.platform_scope("job.test"):
        lease = sending.claim(delivery.pk, now)
        assert lease is not None
        sending.attempt(delivery.pk, lease)
    (delivery,) = deliveries(channel)
    return delivery


@pytest.fixture
def channel(owner: Actor, server: MailServer) -> Channel:
    """The owner's mail to themselves, with a device lost and ready to be told."""
    made = own_mail(owner)
    lose(connected_device(owner, now=at(0)), 100)
    tick(190)
    return made


def test_a_mail_arrives_at_the_mail_server(user: Any, server: MailServer, channel: Channel) -> None:
    delivery = sent(channel)
    assert delivery.state == "delivered"
    ((sender, receiver, content),) = server.mails
    assert (sender, receiver) == ("<homepot@example.com>", f"<{user.email}>")
    message = message_from_bytes(content, policy=default)
    assert message["To"] == user.email
    assert message["Message-ID"] == f"<{delivery.uid}@homepot>"
    assert "is offline" in message["Subject"]
    assert "is offline" in message.get_content()
    link = str(message["List-Unsubscribe"]).strip()
    assert link.startswith("<https://homepot.example/notifications/link/unsubscribe.")


@pytest.mark.parametrize(
    ("answer", "delivery_state", "channel_state"),
    [("451 Later", "failed", "active"), ("550 No such mailbox", "dead", "disabled")],
)
def test_a_refused_receiver_is_tried_again_unless_it_is_refused_for_good(
    server: MailServer, channel: Channel, answer: str, delivery_state: str, channel_state: str
) -> None:
    server.answer_to_receiver = answer
    delivery = sent(channel)
    assert (delivery.state, delivery.last_status) == (delivery_state, int(answer[:3]))
    assert fresh(channel).state == channel_state
    assert server.mails == []
