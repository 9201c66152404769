"""Access and refresh tokens: a session's refresh tokens form one line, with one live end.

The successor of a refresh token is derived from it under the installation's key. Two tabs that
refresh at the same moment therefore get the same successor, and the database still holds
nothing but digests.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from accounts import selectors, signing
from accounts.choices import EndReason, SessionKind
from accounts.models import LoginSession, RefreshToken, User
from accounts.services import sessions
from accounts.types import LoggedIn, TokenPair
from kernel import errors, row_security, tokens
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

# How long after its use a refresh token still yields the successor it was exchanged for.
GRACE = timedelta(seconds=10)
# Lets scanners of repositories and logs recognise a leaked one.
_PREFIX = "hpr_"


@unit_of_work()
def issue_pair(*, session: LoginSession, user: User, now: datetime) -> TokenPair:
    """The first tokens of a session that was just opened."""
    refresh_token = f"{_PREFIX}{tokens.new_token(32)}"
    expires_at = now + _refresh_lifetime()
    _store(session, refresh_token, expires_at=expires_at, now=now)
    return _pair(session, user, refresh_token, expires_at=expires_at, now=now)


def rotate(
    *,
    refresh_token: str,
    address: str,
    user_agent: str,
    request_id: str = "",
    kind: str = SessionKind.API,
    now: datetime,
) -> LoggedIn:
    """Exchange a refresh token for its successor and a fresh access token.

    Raises InvalidCredentials for one that is unknown, expired, revoked, used before or of another
    kind of session. Use after the grace ends the session, and that stays although this refuses.
    """
    known = RefreshToken.objects.filter(token_hash=tokens.digest(refresh_token), session__kind=kind)
    session_id = known.values_list("session_id", flat=True).first()
    with row_security.platform_scope("accounts.refresh"):
        renewed = session_id and _rotate_in(
            session_id,
            refresh_token,
            address=address,
            user_agent=user_agent,
            request_id=request_id,
            now=now,
        )
    if not renewed:
        raise errors.InvalidCredentials("The refresh token is not valid. Sign in again.")
    return renewed


@unit_of_work()
def _rotate_in(
    session_id: int,
    refresh_token: str,
    *,
    address: str,
    user_agent: str,
    request_id: str,
    now: datetime,
) -> LoggedIn | None:
    # The session's row is the mutex of its family: a logout and all refreshes queue up here.
    live = LoginSession.objects.live().filter(pk=session_id)
    locked = lock_rows(live.select_related("user"))
    presented = RefreshToken.objects.filter(token_hash=tokens.digest(refresh_token)).first()
    if not locked or presented is None or not _is_usable(presented, now):
        return None
    session, user = locked[0], locked[0].user
    successor = f"{_PREFIX}{tokens.keyed_digest('refresh-successor', refresh_token)}"
    expires_at = now + _refresh_lifetime()
    won = RefreshToken.objects.filter(pk=presented.pk, used_at__isnull=True).update(used_at=now)
    if won:
        _store(session, successor, expires_at=expires_at, now=now)
        _mark_used(session, address=address, user_agent=user_agent, now=now)
    else:
        heir = _heir_within_grace(presented, successor, now)
        if heir is None:
            actor = selectors.actor_for_user(user_id=user.pk, request_id=request_id)
            actor = replace(actor, address=address or None)
            sessions.end_locked([session], reason=EndReason.REFRESH_REUSE, actor=actor, now=now)
            return None
        expires_at = heir.expires_at
    pair = _pair(session, user, successor, expires_at=expires_at, now=now)
    return LoggedIn(user=user, session=session, tokens=pair)


def _is_usable(token: RefreshToken, now: datetime) -> bool:
    return token.revoked_at is None and token.expires_at > now


def _heir_within_grace(
    presented: RefreshToken, successor: str, now: datetime
) -> RefreshToken | None:
    # Once the successor was used, its client has it: whoever still shows the old one is another.
    if presented.used_at is None or now - presented.used_at > GRACE:
        return None
    return RefreshToken.objects.filter(
        token_hash=tokens.digest(successor), used_at__isnull=True
    ).first()


def _store(session: LoginSession, token: str, *, expires_at: datetime, now: datetime) -> None:
    RefreshToken.objects.create(
        session=session, token_hash=tokens.digest(token), issued_at=now, expires_at=expires_at
    )


def _mark_used(session: LoginSession, *, address: str, user_agent: str, now: datetime) -> None:
    session.last_used_at = now
    session.address, session.user_agent = address[:45], user_agent[:200]
    session.save(update_fields=["last_used_at", "address", "user_agent"])


def _pair(
    session: LoginSession, user: User, refresh_token: str, *, expires_at: datetime, now: datetime
) -> TokenPair:
    lifetime = timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)
    claims = signing.AccessClaims(
        user_uid=user.uid, session_uid=session.uid, token_version=user.token_version
    )
    ring = signing.key_ring(settings.JWT_KEYS)
    return TokenPair(
        access_token=signing.sign(claims, ring=ring, now=now, lifetime=lifetime),
        expires_in=settings.ACCESS_TOKEN_SECONDS,
        refresh_token=refresh_token,
        refresh_expires_in=max(0, int((expires_at - now).total_seconds())),
    )


def _refresh_lifetime() -> timedelta:
    return timedelta(days=settings.REFRESH_TOKEN_DAYS)
