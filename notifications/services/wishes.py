"""What people ask of a channel: whether it makes sense, and how the row says it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from devices import selectors as devices
from devices.choices import DeviceClass
from kernel import tokens
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from notifications import quiet_hours, webhook_addresses
from notifications.choices import Topic, Transport
from notifications.models import MAX_NAME, Channel
from notifications.services.webhook_rules import rules_in_force
from notifications.types import ChannelWish

LONGEST_HOLD_S: Final = 86_400
LONGEST_WINDOW_S: Final = 3_600
MOST_SITES: Final = 200
MOST_DEVICES: Final = 200


def require_fitting(transport: str, is_own: bool, wish: ChannelWish) -> None:
    """Refuse an address that is not this channel's to have. Raises ValidationFailed."""
    wrong: dict[str, list[str]] = {}
    if transport == Transport.WEBHOOK and is_own:
        wrong["transport"] = ["A member's own channel is a mail to their own address."]
    if wish.url is not None and transport != Transport.WEBHOOK:
        wrong["url"] = ["Only a webhook has one."]
    if wish.email is not None and (transport != Transport.EMAIL or is_own):
        wrong["email"] = ["Only a tenant's channel for mail has one."]
    if wish.email and not settings.PUBLIC_URL:
        wrong["email"] = ["The operator sets PUBLIC_URL first: the address is asked by a link."]
    if wrong:
        raise ValidationFailed(details=wrong)


def fulfil(channel: Channel, wish: ChannelWish, *, actor: Actor) -> None:
    """Set the row to what was asked for. Raises ValidationFailed with every problem at once."""
    wrong: dict[str, list[str]] = {}
    if wish.name is not None:
        channel.name = wish.name.strip()
    if not channel.name or len(channel.name) > MAX_NAME:
        wrong["name"] = [f"1 to {MAX_NAME} characters."]
    _address(channel, wish, wrong)
    _filter(channel, wish, actor, wrong)
    _times(channel, wish, wrong)
    if wish.include_simulated is not None:
        channel.includes_simulated = wish.include_simulated
    if wrong:
        raise ValidationFailed(details=wrong)


def facts(channel: Channel) -> dict[str, Any]:
    """The channel as the log of changes keeps it: no secret, and of its URL the host only."""
    return {
        "transport": channel.transport,
        "own": channel.user_id is not None,
        "name": channel.name,
        "to": channel.email or urlsplit(channel.url).hostname,
        # The rest of a URL is often a secret; that it changed is seen here.
        "url_digest": tokens.digest(channel.url)[:12] if channel.url else None,
        "state": str(channel.state),
        "topics": channel.topics,
        "sites": channel.sites,
        "devices": channel.devices,
        "device_classes": channel.device_classes,
        "include_simulated": channel.includes_simulated,
        "after_s": channel.after_s,
        "window_s": channel.window_s,
        "quiet_hours": channel.quiet_hours,
    }


def _address(channel: Channel, wish: ChannelWish, wrong: dict[str, list[str]]) -> None:
    if wish.url is not None:
        channel.url = wish.url.strip()
    if wish.email is not None:
        channel.email = wish.email.strip()
    if channel.transport == Transport.WEBHOOK:
        try:
            webhook_addresses.parse(channel.url, rules_in_force())
        except webhook_addresses.AddressRefused as refusal:
            wrong["url"] = [str(refusal)]
    elif channel.user_id is None:
        try:
            validate_email(channel.email)
        except ValidationError:
            wrong["email"] = ["This is no address of mail."]


def _filter(channel: Channel, wish: ChannelWish, actor: Actor, wrong: dict[str, list[str]]) -> None:
    if wish.topics is not None:
        channel.topics = sorted(set(wish.topics))
    if not channel.topics or not set(channel.topics) <= set(Topic.values):
        wrong["topics"] = [f"At least one of {', '.join(Topic.values)}."]
    if wish.device_classes is not None:
        channel.device_classes = sorted(set(wish.device_classes))
        if not set(channel.device_classes) <= set(DeviceClass.values):
            wrong["device_classes"] = ["There is no such class."]
    _places(channel, wish, actor, wrong)


def _places(channel: Channel, wish: ChannelWish, actor: Actor, wrong: dict[str, list[str]]) -> None:
    if wish.sites is not None:
        visible = devices.sites_visible_to(actor).filter(tenant_id=channel.tenant_id)
        found = dict(visible.filter(site_id__in=wish.sites).values_list("site_id", "pk"))
        channel.sites = sorted(found.values())
        if len(wish.sites) > MOST_SITES or set(wish.sites) - found.keys():
            wrong["sites"] = [f"At most {MOST_SITES} sites of the tenant."]
    if wish.devices is not None:
        visible_devices = devices.devices_visible_to(actor).filter(tenant_id=channel.tenant_id)
        known = set(visible_devices.filter(uid__in=wish.devices).values_list("uid", flat=True))
        channel.devices = sorted(known)
        if len(wish.devices) > MOST_DEVICES or set(wish.devices) - known:
            wrong["devices"] = [f"At most {MOST_DEVICES} devices of the tenant."]


def _times(channel: Channel, wish: ChannelWish, wrong: dict[str, list[str]]) -> None:
    if wish.after_s is not None:
        channel.after_s = wish.after_s
    if not 0 <= channel.after_s <= LONGEST_HOLD_S:
        wrong["after_s"] = [f"0 to {LONGEST_HOLD_S}."]
    if wish.window_s is not None:
        channel.window_s = wish.window_s
    if not 0 <= channel.window_s <= LONGEST_WINDOW_S:
        wrong["window_s"] = [f"0 to {LONGEST_WINDOW_S}."]
    if wish.quiet_hours is not None:
        channel.quiet_hours = wish.quiet_hours or None
        try:
            if channel.quiet_hours is not None:
                quiet_hours.read(channel.quiet_hours)
        except quiet_hours.NoQuietHours as problem:
            wrong["quiet_hours"] = [str(problem)]
