"""One-time tickets: how a client that can send no header opens a socket."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts import selectors
from accounts.models import SocketTicket
from accounts.types import Ticket
from kernel import errors, tokens
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

LIFETIME = timedelta(seconds=30)


@unit_of_work()
def issue_ticket(*, actor: Actor, now: datetime) -> Ticket:
    """A ticket that opens one socket in the name of the actor's session within 30 seconds."""
    session = selectors.current_session(actor).first()
    if session is None:
        raise errors.NotAuthenticated
    value = tokens.new_token(32)
    SocketTicket.objects.create(
        session=session, ticket_hash=tokens.digest(value), expires_at=now + LIFETIME
    )
    return Ticket(value=value, expires_in=int(LIFETIME.total_seconds()))


def redeem_ticket(*, ticket: str, now: datetime) -> tuple[int, int]:
    """(user id, session id) of a valid ticket, which is void from now on.

    Raises InvalidCredentials for one that is unknown, used or too old, or whose session ended.
    """
    if not ticket.isascii():
        raise errors.InvalidCredentials("The ticket is not valid.")
    unused = SocketTicket.objects.filter(
        ticket_hash=tokens.digest(ticket), used_at__isnull=True, expires_at__gt=now
    )
    # One statement decides: of two sockets that show the ticket at once, one finds it unused.
    if unused.update(used_at=now) != 1:
        raise errors.InvalidCredentials("The ticket is not valid.")
    session = SocketTicket.objects.filter(
        ticket_hash=tokens.digest(ticket),
        session__ended_at__isnull=True,
        session__user__is_active=True,
    )
    found = session.values_list("session__user_id", "session_id").first()
    if found is None:
        raise errors.InvalidCredentials("The ticket is not valid.")
    return found
