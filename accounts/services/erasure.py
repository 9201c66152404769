"""A user has their account erased: at once nobody can use it, and soon it tells of nobody."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from accounts import errors as account_errors
from accounts import events, selectors
from accounts.choices import EndReason, PlatformRole, Role, TenantKind
from accounts.models import AccountErasure, Invitation, Membership, Tenant, User
from accounts.services import belonging, invitations, lifecycle, passwords, sessions, tenancy
from audit.services import recording
from kernel import errors, ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

# The member of the stored report that is nobody's to read.
PRIVATE: Final = "private"
# What a home of a user who has gone is called, where others live on in it.
_SHARED_NAME: Final = "Home"
_WINDOW_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What the erasing of an account would end, and what stands in its way."""

    ends: tuple[Tenant, ...] = ()
    leaves: tuple[Tenant, ...] = ()
    hand_over_first: tuple[Tenant, ...] = ()
    is_last_administrator: bool = False

    @property
    def is_possible(self) -> bool:
        """Whether nothing stands in its way."""
        return not (self.hand_over_first or self.is_last_administrator)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedErasure:
    """A started erasing; the token reads its report and is shown this once."""

    uid: str
    state: str
    requested_at: datetime
    report_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureReport:
    """Where an erasing is; the report says what was erased, and what is kept and why."""

    uid: str
    state: str
    requested_at: datetime
    finished_at: datetime | None
    report: dict[str, Any] | None


def foresee_erasure(*, actor: Actor) -> Outlook:
    """What `request_erasure` would do now."""
    if actor.user_id is None:
        raise errors.NotAuthenticated
    with row_security.platform_scope("accounts.erasure"):
        user = selectors.user_by_id(actor.user_id)
        others = User.objects.filter(platform_role=PlatformRole.ADMIN, is_active=True)
        is_last = user.is_superuser and not others.exclude(pk=user.pk).exists()
        return _outlook(user.pk, is_last_administrator=is_last)


def request_erasure(*, password: str, actor: Actor, now: datetime) -> RequestedErasure:
    """Shut the actor's account for good and have it erased; only with their password.

    Sessions, tokens and sockets end in this call, and so do memberships where others live on.
    Raises ValidationFailed for a wrong password, RateLimited after too many tries, LastOwner
    where others would be left without an owner, Conflict for the last administrator. A second
    call finds nobody signed in.
    """
    if actor.user_id is None:
        raise errors.NotAuthenticated
    ratelimit.hit(
        key=f"password:{actor.user_id}",
        limit=settings.LOGIN_ATTEMPTS_PER_MINUTE,
        window_s=_WINDOW_SECONDS,
        now=now,
    )
    # Outside the transaction: hashing takes its time on purpose, and must hold no lock for it.
    if not passwords.matches(password, selectors.user_by_id(actor.user_id)):
        raise errors.ValidationFailed(details={"password": ["This is not your password."]})
    with row_security.platform_scope("accounts.erasure"), unit_of_work():
        user, is_last = lifecycle.lock_with_administrators(actor.user_id)
        if not user.is_active:
            raise errors.NotAuthenticated
        for tenant_id in _tenant_ids(user.pk):
            belonging.lock_tenant(tenant_id)
        outlook = _outlook(user.pk, is_last_administrator=is_last)
        _require_possible(outlook)
        token = tokens.new_token()
        erasure = AccountErasure.objects.create(
            user=user, requested_at=now, report={PRIVATE: {"token_digest": tokens.digest(token)}}
        )
        _shut(user, erasure, actor=actor, now=now)
        _part(user, outlook, actor=actor, now=now)
    return RequestedErasure(
        uid=erasure.uid, state=erasure.state, requested_at=now, report_token=token
    )


def read_erasure(*, uid: str, report_token: str) -> ErasureReport:
    """How far an erasing is, for who holds its token; NotFound for everybody else."""
    # PostgreSQL takes no NUL in a text, and an address may carry one.
    found = AccountErasure.objects.filter(uid=uid).first() if uid.isalnum() else None
    stored: dict[str, Any] = dict(found.report or {}) if found else {}
    expected = stored.pop(PRIVATE, {}).get("token_digest", tokens.digest(tokens.new_token()))
    given = tokens.digest(report_token) if report_token.isascii() else ""
    if not hmac.compare_digest(expected, given) or found is None:
        raise errors.NotFound
    return ErasureReport(
        uid=found.uid,
        state=found.state,
        requested_at=found.requested_at,
        finished_at=found.finished_at,
        report=stored or None,
    )


def _tenant_ids(user_id: int) -> list[int]:
    mine = Membership.objects.unscoped("a user's own memberships").filter(user_id=user_id)
    return list(mine.values_list("tenant_id", flat=True).order_by("tenant_id"))


def _outlook(user_id: int, *, is_last_administrator: bool) -> Outlook:
    mine = selectors.memberships_of(user_id)
    members = Membership.objects.unscoped("who else belongs to a user's own tenants")
    others = members.filter(tenant_id__in=[one.tenant_id for one in mine]).exclude(user_id=user_id)
    shared = set(others.values_list("tenant_id", flat=True))
    owners = others.filter(role=Role.OWNER, user__is_active=True)
    owned = set(owners.values_list("tenant_id", flat=True))
    return Outlook(
        ends=tuple(one.tenant for one in mine if one.tenant_id not in shared),
        leaves=tuple(one.tenant for one in mine if one.tenant_id in shared),
        hand_over_first=tuple(
            one.tenant for one in mine if one.role == Role.OWNER and one.tenant_id in shared - owned
        ),
        is_last_administrator=is_last_administrator,
    )


def _require_possible(outlook: Outlook) -> None:
    if outlook.is_last_administrator:
        raise errors.Conflict("The last administrator's account cannot be erased.")
    if outlook.hand_over_first:
        named = [{"uid": one.uid, "name": one.name} for one in outlook.hand_over_first]
        raise account_errors.LastOwner(details={"tenants": named})


def _shut(user: User, erasure: AccountErasure, *, actor: Actor, now: datetime) -> None:
    """End everything that speaks in the user's name."""
    user.is_active = False
    user.token_version += 1
    user.save(update_fields=["is_active", "token_version"])
    recording.record(
        tenant_id=tenancy.home_of(user.pk),
        action="accounts.user.erasure_requested",
        actor=actor,
        target_type="user",
        target_id=user.uid,
        before={"is_active": True},
        after={"is_active": False, "erasure": erasure.uid},
        now=now,
    )
    sessions.end_others(
        user_id=user.pk,
        keep_session_id=None,
        reason=EndReason.ACCOUNT_ERASED,
        actor=actor,
        now=now,
    )
    publish(events.UserDeactivated(occurred_at=now, user_id=user.pk))


def _part(user: User, outlook: Outlook, *, actor: Actor, now: datetime) -> None:
    """Leave the tenants where others live on, and let nobody into those that end.

    The memberships that remain tell the job which tenants end with the account.
    """
    mine = Membership.objects.unscoped("a user who leaves for good").filter(user=user)
    for member in mine.filter(tenant__in=outlook.leaves).select_related("tenant", "user"):
        _leave(member, actor=actor, now=now)
    unused = Invitation.objects.unscoped("tenants that end with an account").filter(
        tenant__in=outlook.ends, accepted_at__isnull=True, revoked_at__isnull=True
    )
    unused.update(revoked_at=now)


def _leave(member: Membership, *, actor: Actor, now: datetime) -> None:
    invitations.revoke_all_of(member, actor=actor, now=now)
    belonging.note(
        member,
        "accounts.membership.removed",
        before=belonging.as_facts(member),
        after={"reason": EndReason.ACCOUNT_ERASED.value},
        actor=actor,
        now=now,
    )
    home = member.tenant
    if home.personal_of_id == member.user_id:
        home.personal_of, home.kind, home.name = None, TenantKind.ORGANISATION, _SHARED_NAME
        home.save(update_fields=["personal_of", "kind", "name"])
    member.delete()
