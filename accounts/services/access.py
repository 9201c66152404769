"""Who is behind a credential that came with a request."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from accounts import selectors, signing
from accounts.choices import SessionKind
from accounts.services import sessions
from accounts.types import Authenticated
from kernel import errors


def authenticate_token(
    *, token: str, request_id: str = "", address: str | None = None, now: datetime
) -> Authenticated:
    """The user of an access token, as of this moment: one query, so a revocation holds at once.

    Raises NotAuthenticated for a token that is not ours or over, whose session has ended, or
    whose user is inactive or has a newer token version.
    """
    try:
        claims = signing.verify(token, ring=signing.key_ring(settings.JWT_KEYS), now=now)
    except signing.InvalidAccessToken:
        raise errors.NotAuthenticated("The access token is not valid.") from None
    found = selectors.live_session(
        via="api",
        request_id=request_id,
        address=address,
        uid=claims.session_uid,
        user__uid=claims.user_uid,
        user__token_version=claims.token_version,
    )
    if found is None:
        raise errors.NotAuthenticated("The access token is not valid.")
    return found


def authenticate_browser(
    *,
    session_uid: object,
    user_id: object,
    user_agent: str,
    request_id: str = "",
    address: str | None = None,
    now: datetime,
) -> Authenticated | None:
    """The user of a browser's cookie session, or None when its LoginSession is over."""
    if not isinstance(session_uid, str) or not isinstance(user_id, str) or not user_id.isdecimal():
        return None
    found = selectors.live_session(
        via="page",
        request_id=request_id,
        address=address,
        uid=session_uid,
        user_id=int(user_id),
        kind=SessionKind.BROWSER,
    )
    if found is not None:
        sessions.touch(session=found.session, address=address or "", user_agent=user_agent, now=now)
    return found
