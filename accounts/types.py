"""Plain values that the services of accounts hand out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel.actors import Actor

if TYPE_CHECKING:
    from accounts.models import LoginSession, User


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenPair:
    """What an API client signs in with; neither token is stored in clear anywhere."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedIn:
    """A session that was just opened or renewed; `tokens` is None for a browser's."""

    user: User
    session: LoginSession
    tokens: TokenPair | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticated:
    """Who presented a valid credential."""

    user: User
    session: LoginSession
    actor: Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A one-time ticket for a socket."""

    value: str = field(repr=False)
    expires_in: int
