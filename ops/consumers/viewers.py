"""Who watches: a one-time ticket of an API client, or the session cookie of our own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from django.conf import settings
from django.utils import timezone

from accounts import selectors
from accounts.services import tickets
from kernel import errors
from kernel.sockets import Socket
from ops.consumers import origins


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """A user's login session and the tenants whose streams it may see."""

    user_id: int
    session_id: int
    tenants: Mapping[int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the handshake brought."""

    ticket: str | None
    session_key: str


def may_open(socket: Socket) -> bool:
    """Whether a page of that origin may open this socket; judged before any credential."""
    origin = socket.header("origin")
    host = socket.header("host") or ""
    if "ticket" in socket.query():
        # A ticket is shown on purpose; programs that hold one have no origin.
        return origin is None or origins.is_allowed(
            origin,
            host=host,
            public_url=settings.PUBLIC_URL,
            configured=settings.CORS_ALLOWED_ORIGINS,
        )
    # A cookie comes along by itself, so only our own pages may use it.
    return origin is not None and origins.is_own(origin, host=host, public_url=settings.PUBLIC_URL)


def shown(socket: Socket) -> Shown:
    """Ticket and cookie of the handshake."""
    try:
        cookies = SimpleCookie(socket.header("cookie") or "")
    except CookieError:
        cookies = SimpleCookie()
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    return Shown(
        ticket=socket.query().get("ticket"), session_key="" if morsel is None else morsel.value
    )


def viewer_of(presented: Shown, address: str) -> Viewer:
    """The viewer behind a ticket or cookie. Runs on a database thread; raises HomepotError."""
    user_id, session_id = _session(presented)
    # Refuses a session that ended between the two looks, and a user who may not sign in.
    actor = selectors.actor_for_user(
        user_id=user_id, session_id=session_id, address=address, via="socket"
    )
    tenants = {
        membership.tenant_id: membership.tenant.uid
        for membership in selectors.memberships_of(user_id)
        if membership.tenant_id in actor.tenant_ids
    }
    return Viewer(user_id=user_id, session_id=session_id, tenants=tenants)


def _session(presented: Shown) -> tuple[int, int]:
    if presented.ticket is not None:
        return tickets.redeem_ticket(ticket=presented.ticket, now=timezone.now())
    found = selectors.session_from_cookie(presented.session_key)
    if found is None:
        raise errors.NotAuthenticated
    return found
