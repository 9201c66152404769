"""How somebody without an account comes in: through a valid invitation, and through nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts import selectors
from accounts.choices import SessionKind
from accounts.errors import InvitationInvalid
from accounts.models import Invitation
from accounts.services import authentication, invitations, registration
from accounts.types import LoggedIn
from kernel import errors, ratelimit, row_security, tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What a link says to who is not signed in.

    A link for one address names nobody: whoever has found it learns no more than that.
    """

    tenant_name: str
    tenant_kind: str
    invited_by: str
    expires_at: datetime


def show_offer(*, token: str, address: str, now: datetime) -> Offer:
    """What the link offers to a stranger.

    Raises InvitationInvalid for one that is unknown, expired, used or revoked (the same answer),
    RateLimited after too many tries from one network address.
    """
    _count_try(address, now)
    # A stranger belongs to no tenant.
    with row_security.platform_scope("accounts.invitation"):
        invitation = _open(token, now)
        is_for_anyone = not invitation.email
        return Offer(
            tenant_name=invitation.tenant.name if is_for_anyone else "",
            tenant_kind=invitation.tenant.kind if is_for_anyone else "",
            invited_by=invitation.created_by.partition(" ")[2] if is_for_anyone else "",
            expires_at=invitation.expires_at,
        )


def sign_up_invited(
    *,
    token: str,
    email: str,
    password: str,
    display_name: str,
    address: str,
    user_agent: str,
    request_id: str = "",
    now: datetime,
) -> LoggedIn:
    """Register whom the link invites, make them a member and open a browser session.

    Sent again it finds the address taken. Should somebody else use the link up at the same moment,
    the account stays, without the membership. Raises InvitationInvalid and RateLimited as
    `show_offer` does, ValidationFailed by field.
    """
    _count_try(address, now)
    with row_security.platform_scope("accounts.invitation"):
        invitation = _open(token, now)
    if invitation.email not in ("", email.strip().lower()):
        problem = "The invitation is for another address."
        raise errors.ValidationFailed(details={"email": [problem]})
    user = registration.register_user(
        email=email,
        password=password,
        display_name=display_name,
        address=address,
        request_id=request_id,
        now=now,
    )
    actor = selectors.actor_for_user(
        user_id=user.pk, request_id=request_id, address=address or None, via="page"
    )
    invitations.accept_invitation(token=token, actor=actor, now=now)
    with row_security.platform_scope("accounts.login"):
        return authentication.open_for(
            user=user,
            kind=SessionKind.BROWSER,
            address=address,
            user_agent=user_agent,
            request_id=request_id,
            now=now,
        )


def _open(token: str, now: datetime) -> Invitation:
    known = Invitation.objects.unscoped("the token names the invitation")
    found: Invitation | None = (
        known.filter(
            token_digest=tokens.digest(token) if token.isascii() else "",
            accepted_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=now,
        )
        .select_related("tenant")
        .first()
    )
    if found is None:
        raise InvitationInvalid
    return found


def _count_try(address: str, now: datetime) -> None:
    key = f"invitation:address:{address}"
    ratelimit.hit(key=key, limit=invitations.TRIES_PER_MINUTE, window_s=60, now=now)
