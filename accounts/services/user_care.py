"""What a platform administrator sees of a user before shutting them out, and ending their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from accounts import permissions, selectors
from accounts.choices import EndReason, PlatformRole, Role
from accounts.models import AccountErasure, LoginSession, Membership, User
from accounts.services import administration, sessions
from accounts.services.administration import UserSearch
from audit.services import recording
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True, slots=True)
class UserRow:
    """A user as lists show them; `used_at` is when a session of theirs was last in use."""

    uid: str
    pk: int
    email: str
    display_name: str
    is_active: bool
    is_administrator: bool
    is_erased: bool
    joined_at: datetime
    tenant_count: int
    used_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatRow:
    """Where a user belongs; `is_only_owner` when nobody else there is one and can sign in."""

    name: str
    role: str
    is_personal: bool
    is_only_owner: bool
    others: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRow:
    """One place where somebody is signed in."""

    uid: str
    kind: str
    user_agent: str
    address: str
    created_at: datetime
    used_at: datetime
    is_current: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class UserSheet:
    """Everything about one user that decides what becomes of a change."""

    user: UserRow
    is_me: bool
    is_last_administrator: bool
    seats: Sequence[SeatRow]
    sessions: Sequence[SessionRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class UserPage:
    """Some users, the newest first; `after` goes on behind them."""

    users: Sequence[UserRow]
    after: int | None


def list_users(
    *, wanted: UserSearch, after: int | None, size: int, actor: Actor, now: datetime
) -> UserPage:
    """Users of the installation that fit; the look is audited. Raises PermissionDenied."""

    def take(found: Any) -> UserPage:
        rows = found if after is None else found.filter(pk__lt=after)
        users = list(rows.order_by("-pk")[: size + 1])
        shown = users[:size]
        used = _last_used([user.pk for user in shown])
        following = shown[-1].pk if len(users) > size else None
        return UserPage(users=[_row(user, used.get(user.pk)) for user in shown], after=following)

    return administration.look_at_users(wanted=wanted, take=take, actor=actor, now=now)


def user_sheet(*, user_uid: str, actor: Actor, now: datetime) -> UserSheet:
    """One user with what hangs on them; the look is audited. Raises NotFound, PermissionDenied."""
    return administration.look_at_user(
        user_uid=user_uid, take=lambda user: _sheet(user, actor), actor=actor, now=now
    )


def end_sessions(
    *, user_uid: str, session_uid: str | None = None, actor: Actor, now: datetime
) -> int:
    """End one session of a user, or all of them; returns how many ended.

    The one the administrator works in stays when they end all of their own. Raises NotFound,
    PermissionDenied.
    """
    permissions.require_platform_admin(actor)
    user = User.objects.filter(uid=user_uid).first() if user_uid.isalnum() else None
    if user is None:
        raise errors.NotFound
    with row_security.platform_scope("admin.users"), unit_of_work():
        live = LoginSession.objects.of(user.pk).live()
        if session_uid is not None:
            live = live.filter(uid=session_uid if session_uid.isalnum() else "")
        elif actor.session_id is not None:
            live = live.exclude(pk=actor.session_id)
        found = lock_rows(live)
        if session_uid is not None and not found:
            raise errors.NotFound
        is_own = user.pk == actor.user_id
        reason = EndReason.ENDED_BY_USER if is_own else EndReason.ENDED_BY_ADMIN
        sessions.end_locked(found, reason=reason, actor=actor, now=now)
        recording.record(
            tenant_id=None,
            action="platform.user.sessions_ended",
            actor=actor,
            target_type="user",
            target_id=user.uid,
            before=None,
            after={"sessions": len(found)},
            now=now,
        )
    return len(found)


def my_sessions(*, actor: Actor) -> list[SessionRow]:
    """Where the actor is signed in, the present session first, then by use."""
    rows = [
        _session(session, session.pk == actor.session_id)
        for session in selectors.sessions_of(actor).order_by("-last_used_at")[:100]
    ]
    return sorted(rows, key=lambda row: not row.is_current)


def _sheet(user: User, actor: Actor) -> UserSheet:
    others = User.objects.filter(platform_role=PlatformRole.ADMIN, is_active=True)
    live = LoginSession.objects.of(user.pk).live().order_by("-last_used_at")[:100]
    used = _last_used([user.pk])
    return UserSheet(
        user=_row(user, used.get(user.pk)),
        is_me=user.pk == actor.user_id,
        is_last_administrator=(
            user.is_active and user.is_staff and not others.exclude(pk=user.pk).exists()
        ),
        seats=_seats(user),
        sessions=[_session(session, session.pk == actor.session_id) for session in live],
    )


def _seats(user: User) -> list[SeatRow]:
    members = Membership.objects.unscoped("an administrator looks at a user's tenants")
    mine = selectors.memberships_of(user.pk)
    others = members.filter(tenant_id__in=[one.tenant_id for one in mine]).exclude(user=user)
    among: dict[int, list[bool]] = {one.tenant_id: [] for one in mine}
    for tenant_id, role, is_active in others.values_list("tenant_id", "role", "user__is_active"):
        among[tenant_id].append(role == Role.OWNER and is_active)
    return [
        SeatRow(
            name=one.tenant.name,
            role=one.role,
            is_personal=one.tenant.personal_of_id == user.pk,
            is_only_owner=one.role == Role.OWNER and not any(among[one.tenant_id]),
            others=len(among[one.tenant_id]),
        )
        for one in mine
    ]


def _last_used(user_ids: Sequence[int]) -> dict[int, datetime]:
    rows = LoginSession.objects.filter(user_id__in=user_ids).values_list("user_id")
    return dict(rows.annotate(used=Max("last_used_at")))


def _row(user: Any, used_at: datetime | None) -> UserRow:
    return UserRow(
        uid=user.uid,
        pk=user.pk,
        email=user.email,
        display_name=user.display_name,
        is_active=user.is_active,
        is_administrator=user.platform_role == PlatformRole.ADMIN,
        is_erased=AccountErasure.objects.filter(user_id=user.pk).exists()
        if not user.is_active
        else False,
        joined_at=user.date_joined,
        tenant_count=user.tenant_count,
        used_at=used_at,
    )


def _session(session: LoginSession, is_current: bool) -> SessionRow:
    return SessionRow(
        uid=session.uid,
        kind=session.kind,
        user_agent=session.user_agent,
        address=session.address,
        created_at=session.created_at,
        used_at=session.last_used_at,
        is_current=is_current,
    )
