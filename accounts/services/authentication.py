"""Signing in with e-mail and password."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings

from accounts import selectors
from accounts.choices import SessionKind
from accounts.models import User
from accounts.services import passwords, sessions, tokens
from accounts.types import LoggedIn
from kernel import errors, ratelimit, row_security
from kernel.tokens import keyed_digest
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

_WINDOW_SECONDS = 60


def log_in(
    *,
    email: str,
    password: str,
    address: str,
    user_agent: str,
    kind: SessionKind,
    request_id: str = "",
    now: datetime,
) -> LoggedIn:
    """Open a session for who knows the password.

    Raises InvalidCredentials, the same for an unknown address, a wrong password and an inactive
    user, and RateLimited after too many tries for the account or from the network address.
    """
    wanted = email.strip().lower()
    _count_try(f"login:address:{address}", now)
    _count_try(f"login:account:{keyed_digest('login', wanted)}", now)
    user = User.objects.filter(email=wanted).first()
    # Outside the transaction: hashing takes its time on purpose, and must hold no lock for it.
    if not passwords.matches(password, user) or user is None or not user.is_active:
        logger.warning("A login was refused", extra={"session_kind": str(kind)})
        raise errors.InvalidCredentials("The e-mail address or the password is wrong.")
    with row_security.platform_scope("accounts.login"):
        return open_for(
            user=user,
            kind=kind,
            address=address,
            user_agent=user_agent,
            request_id=request_id,
            now=now,
        )


@unit_of_work()
def open_for(
    *,
    user: User,
    kind: SessionKind,
    address: str,
    user_agent: str,
    request_id: str = "",
    now: datetime,
) -> LoggedIn:
    """Open a session for a user who has just proven who they are."""
    actor = selectors.actor_for_user(
        user_id=user.pk,
        request_id=request_id,
        address=address or None,
        via="page" if kind == SessionKind.BROWSER else "api",
    )
    session = sessions.open_session(
        user=user, kind=kind, address=address, user_agent=user_agent, actor=actor, now=now
    )
    pair = tokens.issue_pair(session=session, user=user, now=now)
    return LoggedIn(user=user, session=session, tokens=pair)


def _count_try(key: str, now: datetime) -> None:
    ratelimit.hit(
        key=key, limit=settings.LOGIN_ATTEMPTS_PER_MINUTE, window_s=_WINDOW_SECONDS, now=now
    )
