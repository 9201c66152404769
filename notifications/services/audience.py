"""Whom a channel may be told of: its own filter, and what its member may see at this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from accounts import selectors as accounts
from devices.types import DeviceName, SiteName
from notifications.choices import ChannelState
from notifications.models import Channel


@dataclass(frozen=True, slots=True)
class Listener:
    """An active channel, narrowed to the sites its member may see (None: all of them)."""

    channel: Channel
    site_limit: frozenset[int] | None

    def takes(self, topic: str) -> bool:
        """Whether it asked to be told of this."""
        return topic in self.channel.topics

    def hears_of(self, device: DeviceName) -> bool:
        """Whether the device is one that it is for."""
        channel = self.channel
        if device.tenant_id != channel.tenant_id or not device.is_active:
            return False
        if device.is_simulated and not channel.includes_simulated:
            return False
        if channel.devices and device.uid not in channel.devices:
            return False
        if channel.device_classes and device.device_class not in channel.device_classes:
            return False
        return self.is_for(device.site_pk)

    def hears_of_site(self, site: SiteName) -> bool:
        """Whether outages of the site are for it; who asked for single devices gets those."""
        channel = self.channel
        if channel.devices or channel.device_classes:
            return False
        if not site.has_real_devices and not channel.includes_simulated:
            return False
        return self.is_for(site.site_pk)

    def is_for(self, site_pk: int | None) -> bool:
        """Whether what is at the site is for it, as far as its own choice and its member's seat go."""
        if self.channel.sites and site_pk not in self.channel.sites:
            return False
        return self.site_limit is None or site_pk in self.site_limit


def listeners_of(tenant_ids: Collection[int]) -> dict[int, list[Listener]]:
    """The active channels of each of the tenants with what they may be told of now.

    Within platform-wide work. A member who has left, or may not sign in any more, hears nothing.
    """
    channels = Channel.objects.unscoped("channels of the tenants of what happened")
    active = channels.filter(tenant_id__in=tenant_ids, state=ChannelState.ACTIVE)
    found: dict[int, list[Listener]] = {}
    for listener in narrowed(active.select_related("user").order_by("pk")):
        found.setdefault(listener.channel.tenant_id, []).append(listener)
    return found


def narrowed(channels: Iterable[Channel]) -> Sequence[Listener]:
    """The channels with the limits of their members; those whose members are gone left out."""
    rows = list(channels)
    seats = accounts.seats_of({row.user_id for row in rows if row.user_id is not None})
    found = []
    for row in rows:
        if row.user_id is None:
            found.append(Listener(row, None))
            continue
        own = [seat for seat in seats.get(row.user_id, ()) if seat.tenant_id == row.tenant_id]
        if own and row.user is not None and row.user.is_active:
            found.append(Listener(row, own[0].site_limit))
    return found
