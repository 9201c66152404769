"""What the explanation of a device is made from. Plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """When and why a life ended, and by whom."""

    at: datetime
    by: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """The last contact: how it began, and how it ended if it has."""

    wire: str
    began: str = ""
    end_code: str = ""
    ended: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a device stands: how many devices of the site are there, and whether all were lost."""

    site_id: str
    name: str
    total: int
    online: int
    outage_since: datetime | None = None
    outage_lost: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Maintenance:
    """A time in which absence is no fault."""

    until: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """How the keys of a device stand; `state` as `devices.choices.KeyState` has it."""

    state: str
    rotation_started_at: datetime | None = None
    old_key_retires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A document that a device is to take over, and how far it has."""

    version: int
    applied: int
    at: datetime | None = None
    by: str = ""
    since: datetime | None = None
    refused: bool = False
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A command that is not over."""

    id: str
    title: str
    state: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that is known of how a device stands."""

    now: datetime
    connectivity: str
    sync: str
    may_operate: bool
    role: str
    since: datetime | None = None
    last_seen_at: datetime | None = None
    offline_after_s: int = 60
    is_flapping: bool = False
    ending: Ending | None = None
    contact: Contact | None = None
    place: Place | None = None
    maintenance: Maintenance | None = None
    keys: Keys
    broker_trouble: str = ""
    clock: str = ""
    twin: Wish
    config: Wish
    differing: Sequence[str] = ()
    has_relays: bool = False
    asked: Sequence[Asked] = ()
