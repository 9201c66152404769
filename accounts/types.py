"""Plain values that the services of accounts hand out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
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
    """A session that was just opened or renewed, with the tokens by which its client goes on."""

    user: User
    session: LoginSession
    tokens: TokenPair


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticated:
    """Who presented a valid credential.

    `actor` may be narrowed to one tenant; `everywhere` has all of the user's, and `tenants` their
    primary keys by uid.
    """

    user: User
    session: LoginSession
    actor: Actor
    everywhere: Actor
    tenants: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A one-time ticket for a socket."""

    value: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """A user's place in a tenant; `site_limit` are primary keys of sites, None for all of them."""

    tenant_id: int
    tenant_uid: str
    role: str
    site_limit: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class SiteLimit:
    """The sites (by their ids) whose devices a member may see; None for all of the tenant."""

    sites: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantView:
    """A tenant as one of its members sees it; `sites` are those they are limited to, or None."""

    uid: str
    name: str
    kind: str
    role: str
    sites: tuple[str, ...] | None
    is_my_personal: bool
    member_count: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberView:
    """A member as the others see them; `sites` are ids, None for no limit.

    Below the role admin, address and sites of others are not told: both are None then.
    `is_permanent` is true for whose personal tenant it is: they can be neither removed nor demoted.
    """

    uid: str
    email: str | None
    display_name: str
    role: str
    sites: tuple[str, ...] | None
    is_me: bool
    is_permanent: bool
    joined_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationView:
    """An invitation that can still be accepted; its token is known to nobody here."""

    uid: str
    email: str
    role: str
    sites: tuple[str, ...] | None
    created_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedInvitation:
    """A new invitation with its link, which is shown this once."""

    invitation: InvitationView
    token: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationPreview:
    """What a valid link offers, to whoever may accept it."""

    tenant_name: str
    tenant_kind: str
    role: str
    sites: tuple[str, ...] | None
    invited_by: str
    expires_at: datetime
    is_member: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedInvitation:
    """The tenant a user belongs to now; `was_member` when they did already and nothing changed."""

    tenant: TenantView
    was_member: bool
