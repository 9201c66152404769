"""What the platform's administrators look at and change; every look leaves an audit entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Count, Q, QuerySet

from accounts import permissions
from accounts.models import Tenant, User
from accounts.services import lifecycle
from audit.services import recording
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class UserSearch:
    """Which users; what is left empty narrows nothing."""

    search: str = ""
    is_active: bool | None = None
    platform_role: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantSearch:
    """Which tenants; what is left empty narrows nothing."""

    search: str = ""
    kind: str = ""


def look_at_users(
    *, wanted: UserSearch, take: Callable[[QuerySet[User]], T], actor: Actor, now: datetime
) -> T:
    """What `take` makes of all users that fit; it is called where they may be read.

    Raises PermissionDenied for everyone but platform administrators.
    """
    permissions.require_platform_admin(actor)
    with row_security.platform_scope("admin.users"), unit_of_work():
        record_look(what="users", wanted=asdict(wanted), actor=actor, now=now)
        return take(_users(wanted))


def look_at_tenants(
    *, wanted: TenantSearch, take: Callable[[QuerySet[Tenant]], T], actor: Actor, now: datetime
) -> T:
    """What `take` makes of all tenants that fit, as `look_at_users` does it for users."""
    permissions.require_platform_admin(actor)
    with row_security.platform_scope("admin.tenants"), unit_of_work():
        record_look(what="tenants", wanted=asdict(wanted), actor=actor, now=now)
        return take(_tenants(wanted))


def look_at_user(*, user_uid: str, take: Callable[[User], T], actor: Actor, now: datetime) -> T:
    """What `take` makes of one user; raises NotFound, and PermissionDenied as above."""
    permissions.require_platform_admin(actor)
    with row_security.platform_scope("admin.users"), unit_of_work():
        user = _by_uid(user_uid)
        record_look(what="users", wanted={"uid": user.uid}, actor=actor, now=now)
        return take(user)


def change_user(
    *,
    user_uid: str,
    platform_role: str | None = None,
    is_active: bool | None = None,
    take: Callable[[User], T],
    actor: Actor,
    now: datetime,
) -> T:
    """Change a user's platform role and whether they may sign in; what is None stays.

    Raises NotFound, PermissionDenied, and Conflict where no administrator would be left or the
    account is erased.
    """
    permissions.require_platform_admin(actor)
    with row_security.platform_scope("admin.users"), unit_of_work():
        user_id = _by_uid(user_uid).pk
        if platform_role is not None:
            lifecycle.change_platform_role(
                user_id=user_id, platform_role=platform_role, actor=actor, now=now
            )
        if is_active is not None:
            change = lifecycle.reactivate_user if is_active else lifecycle.deactivate_user
            change(user_id=user_id, actor=actor, now=now)
        return take(_by_uid(user_uid))


def record_look(*, what: str, wanted: dict[str, Any], actor: Actor, now: datetime) -> None:
    """Note in the platform's own chain that an administrator looked at other tenants' data."""
    recording.record(
        tenant_id=None,
        action=f"platform.{what}.listed",
        actor=actor,
        target_type="platform",
        target_id=what,
        before=None,
        after={
            "filter": {name: value for name, value in wanted.items() if value not in ("", None)}
        },
        now=now,
    )


def _with_tenant_count() -> QuerySet[User]:
    return User.objects.annotate(tenant_count=Count("memberships"))


def _by_uid(uid: str) -> User:
    # PostgreSQL takes no NUL in a text, and an address may carry one.
    user = _with_tenant_count().filter(uid=uid).first() if uid.isalnum() else None
    if user is None:
        raise errors.NotFound
    return user


def _users(wanted: UserSearch) -> QuerySet[User]:
    found = _with_tenant_count()
    if wanted.search:
        text = wanted.search
        found = found.filter(
            Q(email__icontains=text) | Q(display_name__icontains=text) | Q(uid__icontains=text)
        )
    if wanted.is_active is not None:
        found = found.filter(is_active=wanted.is_active)
    if wanted.platform_role:
        found = found.filter(platform_role=wanted.platform_role)
    return found


def _tenants(wanted: TenantSearch) -> QuerySet[Tenant]:
    found = Tenant.objects.annotate(member_count=Count("memberships"))
    if wanted.search:
        found = found.filter(Q(name__icontains=wanted.search) | Q(uid__icontains=wanted.search))
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    return found
