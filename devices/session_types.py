"""Frozen values about how devices are connected; `types` shows them to other apps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

# A fetch may itself last 25 s, and the device needs its time between two.
_LEAST_PATIENCE = timedelta(seconds=35)
_LATE_WORDS = timedelta(seconds=30)


class HeldSession(NamedTuple):
    """A session as the process that holds its connection knows it."""

    device_id: int
    epoch: int
    # The owner when the session began; None for a device that had none, and may have one by now.
    tenant_id: int | None
    uid: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """How a device is heard besides sessions, read under its lock."""

    # The connection of its MQTT client that greeted last, unless that one was lost.
    greeter: str = ""
    greeted_at: datetime | None = None
    # When it last fetched its commands over HTTP, and since when it has without a break.
    polled_at: datetime | None = None
    polls_since: datetime | None = None
    poll_interval_s: int | None = None

    def is_polling(self, now: datetime) -> bool:
        """Whether it fetches its commands over HTTP, and its next fetch is not overdue."""
        patience = max(_LEAST_PATIENCE, timedelta(seconds=2.5 * (self.poll_interval_s or 0)))
        return self.polled_at is not None and now < self.polled_at + patience

    def has_greeted_lately(self, now: datetime) -> bool:
        """Whether words of its former MQTT connection may still be on their way."""
        return self.greeted_at is not None and now - self.greeted_at < _LATE_WORDS


NOWHERE = Beside()


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFacts:
    """A device and its present session, read under the device's lock."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    epoch: int
    is_live: bool
    is_active: bool
    relay_count: int
    is_online: bool
    last_seen_at: datetime | None
    observed_seq: int = -1
    wire: str = ""
    address: str = ""
    close_reason: str = ""
    # Silence after which it counts as offline; None: the installation's default.
    offline_after_s: int | None = None
    # How it stands on wires without sessions; nothing, while a session holds it.
    beside: Beside = NOWHERE

    def wire_at(self, now: datetime) -> str:
        """The one wire on which commands reach it at this time (`choices.Wire`); "" on none."""
        if not self.is_online:
            return ""
        if self.is_live:
            return self.wire or "websocket"
        if self.beside.is_polling(now):
            return "http"
        return "mqtt" if self.beside.greeter else ""

    def is_reachable(self, lifetime: timedelta, *, now: datetime) -> bool:
        """Whether a command of that lifetime would reach it before it expires.

        One that fetches its commands more seldom than that is not.
        """
        wire = self.wire_at(now)
        if wire == "http":
            return timedelta(seconds=self.beside.poll_interval_s or 0) <= lifetime
        return bool(wire)

    def has_greeted_lately(self, now: datetime) -> bool:
        """See `Beside`."""
        return self.beside.has_greeted_lately(now)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionCheck:
    """What a process that holds a device's socket must know now and then."""

    epoch: int
    is_active: bool
    credential_ids: frozenset[int]
    # Since when the device is heard over MQTT too, and nobody has said that the session is held.
    doubted_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """How a device is heard: in a session, or (`session_epoch` None) by single calls and messages.

    `client_session` is the name that an MQTT client gave its connection.
    """

    session_epoch: int | None = None
    wire: str = "http"
    address: str = ""
    client_session: str = ""


class KnownCaller(NamedTuple):
    """A device that has shown its key over HTTP, as it was then; `name` is what it called itself."""

    device_id: int
    credential_id: int
    tenant_id: int | None
    uid: str
    name: str


class KnownPublisher(NamedTuple):
    """A device whose MQTT client the broker has let in, and whose life goes on."""

    device_id: int
    tenant_id: int | None
    uid: str
