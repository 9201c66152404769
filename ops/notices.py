"""Read models of notification channels, and the forms that make and change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.paginator import Page, Paginator

from accounts import selectors as accounts
from accounts.permissions import has_role, one_tenant
from devices import selectors as devices
from kernel.actors import Actor
from notifications import selectors as notifications
from notifications.choices import Topic, Transport
from notifications.services import links
from notifications.types import ChannelWish

PAGE_SIZE = 50
DELIVERIES_SHOWN = 25
ME, WEBHOOK, EMAIL = "me", "webhook", "email"
_HOLDS = (
    (0, "At once"),
    (60, "After a minute"),
    (300, "After 5 minutes"),
    (900, "After 15 minutes"),
    (3600, "After an hour"),
)
TOPICS = (
    (Topic.OFFLINE.value, "A device goes offline"),
    (Topic.ONLINE.value, "It is back"),
    (Topic.SITE_OUTAGE.value, "A whole site is lost"),
    (Topic.FLAPPING.value, "A device comes and goes"),
    (Topic.DRIFT.value, "A device is long other than desired"),
)
_TOPIC_WORDS = {
    Topic.OFFLINE.value: "offline",
    Topic.ONLINE.value: "back online",
    Topic.SITE_OUTAGE.value: "site outages",
    Topic.FLAPPING.value: "flapping",
    Topic.DRIFT.value: "drift",
}
STATES = {
    "active": ("On", "good"),
    "paused": ("Paused", ""),
    "disabled": ("Stopped", "bad"),
    "unconfirmed": ("Waits for its receiver", "warn"),
}
_REASONS = {
    "unsubscribed": "Its receiver wants to hear nothing more.",
    "refused": "Its receiver is gone: it answered 410. Switch it on once that is mended.",
    "refused by mail": "The mail server refuses its address. Switch it on once that is mended.",
    "failing": "Nothing has arrived for five days. Switch it on once that is mended.",
}
REFUSALS = {
    "off": "It is not on, so no test was sent.",
    "many": "It was tried often enough for this hour, so no test was sent.",
}
_DELIVERY_STATES = {
    "pending": ("Waiting", "busy"),
    "sending": ("Being sent", "busy"),
    "failed": ("Tried again", "warn"),
    "delivered": ("Arrived", "good"),
    "dead": ("Given up", "bad"),
    "dropped": ("Dropped", ""),
}
_PURPOSES = {
    "test": "A test",
    "confirm": "Asked whether it wants to be told",
    "disabled": "Its maker was told that it stopped",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelCard:
    """A channel as the pages show it."""

    uid: str
    name: str
    icon: str
    to: str
    what: str
    owner: str
    is_own: bool
    is_webhook: bool
    is_on: bool
    # Its receiver decides whether it goes on.
    is_asked: bool
    state: str
    tone: str
    reason: str
    failing_since: datetime | None
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One delivery as the page of its channel shows it."""

    uid: str
    title: str
    state: str
    tone: str
    created_at: datetime
    next_at: datetime | None
    attempts: int
    error: str


def channels_page(*, actor: Actor, number: str) -> tuple[list[ChannelCard], Page[Any]]:
    """One page of the viewer's channels and those they manage, by name."""
    found = notifications.channels_visible_to(actor).order_by("name", "pk")
    page = Paginator(found, PAGE_SIZE).get_page(number)
    return [_card(row) for row in page.object_list], page


def channel_card(*, actor: Actor, uid: str) -> tuple[ChannelCard, list[Sent]]:
    """One channel with what went over it lately. Raises NotFound, PermissionDenied."""
    channel = notifications.channel_by_uid(actor=actor, uid=uid)
    recent = notifications.deliveries_of(channel).order_by("-pk")[:DELIVERIES_SHOWN]
    return _card(channel), [_sent(row) for row in recent]


def receivers_for(actor: Actor) -> list[tuple[str, str, str]]:
    """Whom the viewer may have told in the one tenant they act in: word, label and meaning.

    Raises TenantRequired.
    """
    tenant_id = one_tenant(actor)
    found = []
    if settings.EMAIL_CONFIGURED:
        found.append((ME, "Me", f"A mail to {_own_address(actor)}."))
    if has_role(actor, tenant_id, "admin") and actor.site_limits.get(tenant_id) is None:
        found.append((WEBHOOK, "A program", "A webhook: signed JSON to an address of yours."))
        if settings.EMAIL_CONFIGURED:
            found.append((EMAIL, "Another address of mail", "It is asked first."))
    return found


def sites_of(actor: Actor) -> Sequence[tuple[str, str]]:
    """The sites that a channel of the viewer's one tenant can be for."""
    found = devices.sites_visible_to(actor).filter(tenant_id=one_tenant(actor))
    return list(found.order_by("name", "pk").values_list("site_id", "name"))


class ChannelForm(forms.Form):
    """What a channel is for, and when."""

    name = forms.CharField(
        max_length=100, strip=True, error_messages={"required": "Give it a name."}
    )
    url = forms.CharField(required=False, max_length=2_000, strip=True)
    email = forms.CharField(required=False, max_length=254, strip=True)
    topics = forms.MultipleChoiceField(
        choices=TOPICS, error_messages={"required": "Choose at least one."}
    )
    sites = forms.MultipleChoiceField(required=False)
    after_s = forms.TypedChoiceField(choices=_HOLDS, coerce=int)
    quiet_from = forms.RegexField(r"^\d\d:\d\d$", required=False)
    quiet_to = forms.RegexField(r"^\d\d:\d\d$", required=False)
    zone = forms.CharField(required=False, max_length=64)
    include_simulated = forms.BooleanField(required=False)

    def __init__(self, *args: Any, sites: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sites"].choices = list(sites)  # type: ignore[attr-defined]

    def keep(self, after_s: int) -> None:
        """Offer a time that was set by other means, so that saving does not change it."""
        choices = self.fields["after_s"].choices  # type: ignore[attr-defined]
        if after_s not in dict(choices):
            self.fields["after_s"].choices = [*choices, (after_s, f"After {after_s} seconds")]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Quiet hours have a beginning and an end, or neither."""
        given: dict[str, Any] = super().clean() or {}
        if bool(given.get("quiet_from")) != bool(given.get("quiet_to")):
            self.add_error("quiet_to", "Give both, or neither.")
        return given

    def wish(self, *, is_webhook: bool, is_email: bool) -> ChannelWish:
        """The input as the service takes it."""
        given = self.cleaned_data
        quiet = {"from": given["quiet_from"], "to": given["quiet_to"]}
        zone = {"time_zone": given["zone"] or "UTC"}
        return ChannelWish(
            name=given["name"],
            url=given["url"] if is_webhook else None,
            email=given["email"] if is_email else None,
            topics=given["topics"],
            sites=given["sites"],
            after_s=given["after_s"],
            quiet_hours=quiet | zone if given["quiet_from"] else {},
            include_simulated=given["include_simulated"],
        )


class NewChannelForm(ChannelForm):
    """A channel to be made: whom it tells, besides."""

    to = forms.ChoiceField(error_messages={"required": "Choose whom to tell."})

    def __init__(
        self, *args: Any, receivers: Iterable[tuple[str, str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [(word, label) for word, label, _ in receivers]  # type: ignore[attr-defined]

    def made(self) -> dict[str, Any]:
        """The input as the service takes it."""
        to = self.cleaned_data["to"]
        return {
            "transport": Transport.WEBHOOK if to == WEBHOOK else Transport.EMAIL,
            "is_own": to == ME,
            "wish": self.wish(is_webhook=to == WEBHOOK, is_email=to == EMAIL),
        }


def initial_of(*, actor: Actor, uid: str) -> tuple[dict[str, Any], int]:
    """A channel as its form shows it, and its version. Raises NotFound, PermissionDenied."""
    channel = notifications.channel_by_uid(actor=actor, uid=uid)
    quiet = channel.quiet_hours or {}
    shown = {
        "name": channel.name,
        "url": channel.url,
        "email": channel.email,
        "topics": channel.topics,
        "sites": list(devices.site_slugs(channel.sites).values()) if channel.sites else [],
        "after_s": channel.after_s,
        "quiet_from": quiet.get("from", ""),
        "quiet_to": quiet.get("to", ""),
        "zone": quiet.get("time_zone", "UTC"),
        "include_simulated": channel.includes_simulated,
    }
    return shown, channel.version


def _card(channel: Any) -> ChannelCard:
    is_webhook = channel.transport == Transport.WEBHOOK
    state, tone = STATES[channel.state]
    reason = channel.state_reason
    if reason == "refused" and not is_webhook:
        reason = "refused by mail"
    has_left = reason == links.UNSUBSCRIBED and bool(channel.email)
    return ChannelCard(
        uid=channel.uid,
        name=channel.name,
        icon="link" if is_webhook else "mail",
        to=str(urlsplit(channel.url).hostname) if is_webhook else links.address_of(channel),
        what=", ".join(_TOPIC_WORDS[topic] for topic in channel.topics),
        owner=channel.tenant.name,
        is_own=channel.user_id is not None,
        is_webhook=is_webhook,
        is_on=channel.state == "active",
        is_asked=channel.state == "unconfirmed" or has_left,
        state=state,
        tone=tone,
        reason=_REASONS.get(reason, ""),
        failing_since=channel.failing_since,
        rows=_rows(channel),
    )


def _rows(channel: Any) -> tuple[tuple[str, str], ...]:
    """What there is to know of it, in the order of the page."""
    quiet = channel.quiet_hours
    places = sorted(devices.site_slugs(channel.sites).values()) if channel.sites else []
    found = [
        ("Tells of", ", ".join(_TOPIC_WORDS[topic] for topic in channel.topics)),
        ("When away for", dict(_HOLDS).get(channel.after_s, f"{channel.after_s} seconds")),
        ("Sites", ", ".join(places) or "All"),
    ]
    if channel.devices:
        found.append(("Devices", f"{len(channel.devices)} chosen"))
    if channel.device_classes:
        found.append(("Classes", ", ".join(channel.device_classes)))
    if quiet:
        found.append(("Quiet", f"{quiet['from']} to {quiet['to']} ({quiet['time_zone']})"))
    if channel.includes_simulated:
        found.append(("Simulated devices", "Told too"))
    return tuple(found)


def _sent(delivery: Any) -> Sent:
    state, tone = _DELIVERY_STATES[delivery.state]
    changes = "change" if delivery.count == 1 else "changes"
    return Sent(
        uid=delivery.uid,
        title=_PURPOSES.get(delivery.purpose, f"{delivery.count} {changes}"),
        state=state,
        tone=tone,
        created_at=delivery.created_at,
        next_at=delivery.next_at if delivery.state == "failed" else None,
        attempts=delivery.attempts,
        error=delivery.last_error if delivery.state != "delivered" else "",
    )


def _own_address(actor: Actor) -> str:
    return accounts.user_by_id(actor.user_id).email if actor.user_id is not None else ""
