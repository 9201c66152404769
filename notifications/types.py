"""Plain values that the services of notifications take and hand out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifications.models import Channel


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelWish:
    """A channel as somebody wants it; for a change, what is None stays as it is."""

    name: str | None = None
    url: str | None = None
    email: str | None = None
    topics: list[str] | None = None
    # Ids of sites and uids of devices.
    sites: list[str] | None = None
    devices: list[str] | None = None
    device_classes: list[str] | None = None
    include_simulated: bool | None = None
    after_s: int | None = None
    window_s: int | None = None
    # An empty one takes the quiet hours away.
    quiet_hours: dict[str, Any] | None = None
    is_paused: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeChannel:
    """A channel with its secret, which is shown this once; None where there is none."""

    channel: Channel
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one attempt to deliver."""

    is_delivered: bool
    status: int | None = None
    error: str = ""
    # The receiver is gone for good.
    is_final: bool = False
    asked_to_wait: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt to deliver, with everything it needs: no row is read while it waits for a peer."""

    delivery_id: int
    delivery_uid: str
    lease: str
    purpose: str
    transport: str
    created_at: datetime
    attempts: int
    channel_uid: str
    channel_name: str
    tenant_uid: str
    tenant_name: str
    # Where it goes: a URL, or an address of mail.
    to: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    changes: tuple[dict[str, Any], ...] = ()
    count: int = 0
    state_reason: str = ""
