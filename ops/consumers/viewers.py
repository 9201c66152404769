"""Who watches: a one-time ticket of an API client, or the session cookie of our own page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from django.conf import settings
from django.utils import timezone

from accounts import selectors
from accounts.services import tickets
from accounts.types import Seat
from devices import selectors as devices
from kernel import errors, row_security
from kernel.sockets import Socket
from ops.consumers import origins
from ops.consumers.feeds import Frame


@dataclass(frozen=True, slots=True)
class Sight:
    """The tenants a user belongs to (uid by key) and, where limited to sites, the devices there."""

    tenants: Mapping[int, str] = field(default_factory=dict)
    limits: Mapping[int, frozenset[str]] = field(default_factory=dict)

    def shows(self, tenant_id: int, device_uid: str | None) -> bool:
        """Whether what happens to that device may be told; what is of no device is not, if limited."""
        limit = self.limits.get(tenant_id)
        return tenant_id in self.tenants and (limit is None or device_uid in limit)

    def narrowed(self, tenant_id: int, frame: Frame) -> str:
        """What of a frame may be told; empty for nothing."""
        limit = self.limits.get(tenant_id)
        if frame.payload is not None and limit is not None:
            return frame.among(limit) if tenant_id in self.tenants else ""
        return frame.text if self.shows(tenant_id, frame.device_uid) else ""


NOTHING = Sight()


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """A user's login session, and what it may see to begin with."""

    user_id: int
    session_id: int
    sight: Sight


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Which sessions are over, and what each user may see."""

    ended: set[int]
    sights: Mapping[int, Sight]


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
    selectors.actor_for_user(user_id=user_id, session_id=session_id, address=address, via="socket")
    sight = sights_of([user_id]).get(user_id, NOTHING)
    return Viewer(user_id=user_id, session_id=session_id, sight=sight)


def look(session_ids: Collection[int], user_ids: Collection[int]) -> Look:
    """What is true now of all who watch. Runs on a database thread."""
    return Look(ended=selectors.invalid_sessions(session_ids), sights=sights_of(user_ids))


def sights_of(user_ids: Collection[int]) -> dict[int, Sight]:
    """What each of the users may see now; users without any tenant are left out."""
    known: dict[tuple[int, frozenset[int]], frozenset[str]] = {}

    def devices_within(seat: Seat, limit: frozenset[int]) -> frozenset[str]:
        key = (seat.tenant_id, limit)
        if key not in known:
            with row_security.tenant_scope(seat.tenant_id):
                known[key] = frozenset(devices.uids_within(*key))
        return known[key]

    return {
        user_id: Sight(
            tenants={seat.tenant_id: seat.tenant_uid for seat in seats},
            limits={
                seat.tenant_id: devices_within(seat, seat.site_limit)
                for seat in seats
                if seat.site_limit is not None
            },
        )
        for user_id, seats in selectors.seats_of(user_ids).items()
    }


def _session(presented: Shown) -> tuple[int, int]:
    if presented.ticket is not None:
        return tickets.redeem_ticket(ticket=presented.ticket, now=timezone.now())
    found = selectors.session_from_cookie(presented.session_key)
    if found is None:
        raise errors.NotAuthenticated
    return found
