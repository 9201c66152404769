"""Invitations: a one-time link that makes whoever opens it a member."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q

from accounts import registry, selectors
from accounts.choices import Role
from accounts.errors import InvitationInvalid
from accounts.models import Invitation, Membership, User
from accounts.services import belonging, tenants
from accounts.types import (
    AcceptedInvitation,
    InvitationPreview,
    InvitationView,
    IssuedInvitation,
    SiteLimit,
)
from audit.services import recording
from kernel import errors, ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

DEFAULT_DAYS = 7
MAX_DAYS = 30
MAX_OPEN = 200
TRIES_PER_MINUTE = 30
# Lets scanners of repositories and logs recognise a leaked one.
_PREFIX = "hpi_"
_EVERYTHING = SiteLimit()
_record = partial(recording.record_of, "accounts.invitation", "invitation")


@unit_of_work()
def create_invitation(
    *,
    tenant_uid: str,
    role: str,
    email: str = "",
    limit: SiteLimit = _EVERYTHING,
    valid_days: int = DEFAULT_DAYS,
    actor: Actor,
    now: datetime,
) -> IssuedInvitation:
    """A link that makes whoever opens it, or only the user with that address, a member.

    Each call makes another one. Raises NotFound, PermissionDenied below admin or for more than
    the actor has, ValidationFailed by field, Conflict while too many are open.
    """
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.ADMIN)
    if role not in Role.values:
        raise errors.ValidationFailed(details={"role": [f"One of {', '.join(Role.values)}."]})
    if not 1 <= valid_days <= MAX_DAYS:
        raise errors.ValidationFailed(details={"valid_days": [f"1 to {MAX_DAYS}."]})
    site_ids = belonging.site_keys(tenant_id=mine.tenant_id, role=role, limit=limit)
    belonging.require_may_give(mine, role=role, site_ids=site_ids)
    if _open(mine.tenant_id, now).count() >= MAX_OPEN:
        raise errors.Conflict(f"{MAX_OPEN} invitations are open. Revoke some of them first.")
    token = f"{_PREFIX}{tokens.new_token(32)}"
    invitation: Invitation = Invitation.objects.create(
        tenant_id=mine.tenant_id,
        email=_address(email),
        role=role,
        site_ids=site_ids,
        token_digest=tokens.digest(token),
        created_at=now,
        created_by=_signature(actor.id, actor.label),
        expires_at=now + timedelta(days=valid_days),
    )
    view = _view(invitation)
    # The address is for those who manage the tenant; its log is read by every member.
    facts = {"role": role, "sites": _json(view.sites), "is_personal": bool(invitation.email)}
    _record(invitation, "created", None, facts, actor, now)
    return IssuedInvitation(
        invitation=view, token=token, url=f"{settings.PUBLIC_URL}/invite/{token}"
    )


def list_invitations(*, tenant_uid: str, actor: Actor, now: datetime) -> list[InvitationView]:
    """Invitations that can still be accepted, the newest first.

    Raises NotFound, PermissionDenied below admin.
    """
    mine = belonging.place_of(tenant_uid=tenant_uid, actor=actor)
    belonging.require_held(mine, Role.ADMIN)
    return [_view(one) for one in _open(mine.tenant_id, now).order_by("-pk")]


@unit_of_work()
def revoke_invitation(*, tenant_uid: str, invitation_uid: str, actor: Actor, now: datetime) -> None:
    """Make a link worthless; revoking it again changes nothing.

    Raises NotFound (also for one that was accepted), PermissionDenied below admin or for more
    than the actor has.
    """
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.ADMIN)
    invitations = Invitation.objects.unscoped("invitations of the tenant that is locked")
    unused = invitations.filter(tenant_id=mine.tenant_id, accepted_at__isnull=True)
    found: Invitation | None = (
        unused.filter(uid=invitation_uid).first() if invitation_uid.isalnum() else None
    )
    if found is None:
        raise errors.NotFound
    belonging.require_may_give(mine, role=found.role, site_ids=found.site_ids)
    if found.revoked_at is None:
        _revoke(found, actor, now)


def preview_invitation(*, token: str, actor: Actor, now: datetime) -> InvitationPreview:
    """What a link offers the actor.

    Raises InvitationInvalid for one that is unknown, expired, used, revoked or for somebody else
    (the same answer), RateLimited after too many tries from one address.
    """
    user_id = _count_try(actor, now)
    # The actor is no member yet.
    with row_security.platform_scope("accounts.invitation"):
        invitation = _usable(token, selectors.user_by_id(user_id), now)
        tenant = invitation.tenant
        members = Membership.objects.unscoped("whether the actor is a member already")
        is_member = members.filter(tenant=tenant, user_id=user_id).exists()
        if invitation.accepted_at is not None and not is_member:
            raise InvitationInvalid
        view = _view(invitation)
        return InvitationPreview(
            tenant_name=tenant.name,
            tenant_kind=tenant.kind,
            role=view.role,
            sites=view.sites,
            invited_by=view.created_by,
            expires_at=view.expires_at,
            is_member=is_member,
        )


def accept_invitation(*, token: str, actor: Actor, now: datetime) -> AcceptedInvitation:
    """Make the actor a member; it counts from their next request on.

    Who is a member already stays what they are, and the link stays good for somebody else. Sent
    again by who has accepted, it answers the same. Raises InvitationInvalid and RateLimited as
    `preview_invitation` does; of two who accept at once, one.
    """
    user_id = _count_try(actor, now)
    with row_security.platform_scope("accounts.invitation"), unit_of_work():
        user = selectors.user_by_id(user_id)
        belonging.lock_tenant(_usable(token, user, now).tenant_id)
        # Once more under the lock: whoever was faster has used it.
        invitation = _usable(token, user, now)
        members = Membership.objects.unscoped("whether the actor is a member already")
        mine = members.filter(tenant_id=invitation.tenant_id, user=user).select_related("tenant")
        found: Membership | None = mine.first()
        if found is not None:
            return AcceptedInvitation(tenant=tenants.view_of(found), was_member=True)
        if invitation.accepted_at is not None:
            raise InvitationInvalid
        membership = _take_in(invitation, user, actor, now)
        return AcceptedInvitation(tenant=tenants.view_of(membership), was_member=False)


def revoke_all_of(member: Membership, *, actor: Actor, now: datetime) -> None:
    """Make the open links of a member who goes worthless, under the tenant's lock."""
    for invitation in _open_of(member, now):
        _revoke(invitation, actor, now)


def revoke_excessive(member: Membership, *, actor: Actor, now: datetime) -> None:
    """Make those open links of a member worthless that they could not send now."""
    for invitation in _open_of(member, now):
        try:
            belonging.require_held(member, Role.ADMIN)
            belonging.require_may_give(member, role=invitation.role, site_ids=invitation.site_ids)
        except errors.PermissionDenied:
            _revoke(invitation, actor, now)


def _take_in(invitation: Invitation, user: User, actor: Actor, now: datetime) -> Membership:
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    membership: Membership = Membership.objects.create(
        user=user,
        tenant=invitation.tenant,
        role=invitation.role,
        site_ids=invitation.site_ids,
        created_at=now,
    )
    facts = belonging.as_facts(membership)
    _record(invitation, "accepted", None, {"user": user.uid, **facts}, actor, now)
    belonging.note(
        membership,
        "accounts.membership.added",
        before=None,
        after={**facts, "invitation": invitation.uid},
        actor=actor,
        now=now,
    )
    return membership


def _usable(token: str, user: User, now: datetime) -> Invitation:
    """The invitation, if this user may accept it or has just done so; raises InvitationInvalid."""
    if not token.isascii():
        raise InvitationInvalid
    known = Invitation.objects.unscoped("the token names the invitation")
    found: Invitation | None = (
        known.filter(
            Q(accepted_at__isnull=True) | Q(accepted_by=user),
            token_digest=tokens.digest(token),
            revoked_at__isnull=True,
            expires_at__gt=now,
            email__in=("", user.email),
        )
        .select_related("tenant")
        .first()
    )
    if found is None:
        raise InvitationInvalid
    return found


def _open(tenant_id: int, now: datetime) -> Any:
    invitations = Invitation.objects.unscoped("invitations of the actor's own tenant")
    return invitations.filter(
        tenant_id=tenant_id,
        accepted_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=now,
    )


def _open_of(member: Membership, now: datetime) -> list[Invitation]:
    mine = _open(member.tenant_id, now).filter(created_by__startswith=_signature(member.user.uid))
    return list(mine)


def _revoke(invitation: Invitation, actor: Actor, now: datetime) -> None:
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    _record(invitation, "revoked", {"role": invitation.role}, None, actor, now)


def _count_try(actor: Actor, now: datetime) -> int:
    if actor.user_id is None:
        raise errors.NotAuthenticated
    key = f"invitation:address:{actor.address}"
    ratelimit.hit(key=key, limit=TRIES_PER_MINUTE, window_s=60, now=now)
    return actor.user_id


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        if address:
            validate_email(address)
    except ValidationError as error:
        raise errors.ValidationFailed(details={"email": list(error.messages)}) from None
    if len(address) > 254:
        raise errors.ValidationFailed(details={"email": ["At most 254 characters."]})
    return address


def _signature(uid: str, label: str = "") -> str:
    """Who invites: the uid finds their links when they go, the label is what people read."""
    return f"{uid} {label}"[:200]


def _view(invitation: Invitation) -> InvitationView:
    keys = invitation.site_ids
    return InvitationView(
        uid=invitation.uid,
        email=invitation.email,
        role=invitation.role,
        sites=belonging.site_ids_of(keys, registry.site_names(keys or ())),
        created_by=invitation.created_by.partition(" ")[2],
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )


def _json(sites: tuple[str, ...] | None) -> list[str] | None:
    return None if sites is None else list(sites)
