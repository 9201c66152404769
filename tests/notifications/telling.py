"""Channels made by the real services, and what they are told, in tests."""

from __future__ import annotations

from typing import Any

from accounts.models import Tenant
from devices.models import Device
from devices.services import presence, sessions
from kernel import row_security
from kernel.actors import Actor
from notifications.models import Change, Channel, Delivery, Notice
from notifications.services import bundling, channels, planning
from notifications.types import ChannelWish
from tests.accounts import households
from tests.devices.connections import at
from tests.factories.devices import Board, connected_device
from tests.factories.users import tenant_of

ALL_TOPICS = ["offline", "online", "flapping", "site_outage"]
WHY = "tests look at everything"


def make_webhook(
    owner: Actor, *, url: str = "https://hooks.example.com/homepot", **more: Any
) -> Channel:
    """A webhook of the owner's tenant: everything, after 60 s, in windows of 30 s."""
    wish = ChannelWish(**({"name": "On-call", "url": url, "topics": ALL_TOPICS} | more))
    made = channels.create_channel(transport="webhook", wish=wish, actor=owner, now=at(-3600))
    return made.channel


def own_mail(member: Actor, **more: Any) -> Channel:
    """A member's mail to themselves."""
    wish = ChannelWish(**({"name": "Me", "topics": ALL_TOPICS} | more))
    made = channels.create_channel(
        transport="email", is_own=True, wish=wish, actor=member, now=at(-3600)
    )
    return made.channel


def at_site(owner: Actor, name: str, count: int) -> list[Board]:
    """New devices of the owner's at a new site, connected."""
    site = households.make_site(Tenant.objects.get(pk=tenant_of(owner)), name)
    boards = [connected_device(owner, now=at(0)) for _ in range(count)]
    Device.all_objects.unscoped(WHY).filter(pk__in=[board.device_id for board in boards]).update(
        site=site
    )
    return boards


def lose(board: Board, seconds: float, *, reason: str = "connection_closed") -> None:
    """The device's session ends then."""
    sessions.close_session(
        device_id=board.device_id, epoch=board.session().epoch, reason=reason, now=at(seconds)
    )


def back(board: Board, seconds: float) -> None:
    """The device opens a session then."""
    sessions.open_session(device_id=board.device_id, address=None, now=at(seconds))


def tick(seconds: float) -> int:
    """Let the jobs that make deliveries run once then; returns how many they made."""
    with row_security.platform_scope("job.test"):
        planning.plan(at(seconds))
        return bundling.bundle(at(seconds))


def sweep(seconds: float) -> None:
    """Let the sweep of presence run then."""
    presence.sweep(at(seconds))


def changes() -> int:
    """How many changes nobody has looked at."""
    return int(Change.objects.unscoped(WHY).count())


def notices(channel: Channel) -> list[tuple[str, str, str]]:
    """Kind, state and reason of each notice of the channel, in order."""
    rows = Notice.objects.unscoped(WHY).filter(channel=channel).order_by("pk")
    return [(row.kind, row.state, row.state_reason) for row in rows]


def told(channel: Channel) -> list[list[str]]:
    """The kinds in each of the channel's deliveries, in order."""
    rows = Delivery.objects.unscoped(WHY).filter(channel=channel, purpose="changes")
    found = []
    for delivery in rows.order_by("pk"):
        inside = Notice.objects.unscoped(WHY).filter(delivery=delivery)
        found.append(list(inside.order_by("at", "pk").values_list("kind", flat=True)))
    return found


def deliveries(channel: Channel) -> list[Delivery]:
    """The channel's deliveries, in order."""
    return list(Delivery.objects.unscoped(WHY).filter(channel=channel).order_by("pk"))


def fresh(channel: Channel) -> Channel:
    """The channel as it is now."""
    row: Channel = Channel.objects.unscoped(WHY).select_related("user", "tenant").get(pk=channel.pk)
    return row
