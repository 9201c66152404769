"""What happened to sessions, users and memberships."""

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


@dataclass(frozen=True, kw_only=True)
class MembershipChanged(DomainEvent):
    """A user belongs to a tenant now, or no longer, or with another role or other sites."""

    name: ClassVar[str] = "accounts.membership.changed.v1"
    user_id: int
    tenant_id: int
