"""Who wants to hear no more hears no more, whatever the channel's owner does."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from kernel import row_security
from kernel.actors import Actor
from notifications.models import Channel
from notifications.services import channels, links, sending
from notifications.types import ChannelWish
from tests.devices.connections import at
from tests.notifications.telling import WHY, fresh

pytestmark = [pytest.mark.django_db]
ADDRESS = "oncall@example.com"


@pytest.fixture
def channel(owner: Actor, settings: Any) -> Channel:
    """A tenant's mail to somebody who has agreed to it."""
    settings.PUBLIC_URL = "https://homepot.example"
    wish = ChannelWish(name="On-call", email=ADDRESS)
    made = channels.create_channel(transport="email", wish=wish, actor=owner, now=at(-10))
    _click(made.channel, links.CONFIRM)
    return fresh(made.channel)


def test_only_the_receiver_takes_back_that_they_want_no_more(
    owner: Actor, channel: Channel
) -> None:
    _click(channel, links.UNSUBSCRIBE)
    # Pausing it first is no way around it.
    for is_paused in (True, False):
        _switch(owner, channel, is_paused)
    assert fresh(channel).state == "unconfirmed"
    with row_security.platform_scope("job.test"):
        now = timezone.now()
        for key in sending.due(now):
            lease = sending.claim(key, now)
            assert lease is not None
            sending.attempt(key, lease)
    assert "Do you want to hear" in mail.outbox[-1].subject
    _click(channel, links.CONFIRM)
    assert fresh(channel).state == "active"


@pytest.mark.parametrize("state", ["paused", "disabled", "unconfirmed"])
def test_it_holds_for_a_channel_that_is_not_on(owner: Actor, channel: Channel, state: str) -> None:
    Channel.objects.unscoped(WHY).filter(pk=channel.pk).update(state=state, state_reason="")
    _click(channel, links.UNSUBSCRIBE)
    _switch(owner, channel, False)
    assert fresh(channel).state == "unconfirmed"


def test_members_switch_their_own_mail_on_again_themselves(owner: Actor, settings: Any) -> None:
    settings.PUBLIC_URL = "https://homepot.example"
    made = channels.create_channel(
        transport="email", is_own=True, wish=ChannelWish(name="Me"), actor=owner, now=at(-10)
    )
    _click(made.channel, links.UNSUBSCRIBE)
    assert fresh(made.channel).state_reason == "unsubscribed"
    _switch(owner, made.channel, False)
    assert fresh(made.channel).state == "active"


def _click(channel: Channel, deed: str) -> None:
    address = links.address_of(fresh(channel))
    link = links.link(deed=deed, channel_uid=channel.uid, address=address)
    links.use_link(token=link.rpartition("/")[2], now=timezone.now())


def _switch(owner: Actor, channel: Channel, is_paused: bool) -> None:
    wish = ChannelWish(is_paused=is_paused)
    channels.update_channel(channel_uid=channel.uid, wish=wish, actor=owner, now=timezone.now())
