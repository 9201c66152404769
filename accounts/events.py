"""What happened to sessions and users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class SessionEnded(DomainEvent):
    """A session is over: its tokens, cookie and sockets are good for nothing any more."""

    name: ClassVar[str] = "accounts.session.ended.v1"
    user_id: int
    session_id: int
    session_uid: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class UserDeactivated(DomainEvent):
    """A user may not sign in any more, and all their sessions are over."""

    name: ClassVar[str] = "accounts.user.deactivated.v1"
    user_id: int
