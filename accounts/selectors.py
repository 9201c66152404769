"""Reads about users and their sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db.models import F

from accounts.choices import PlatformRole
from accounts.models import LoginSession, Membership, User
from accounts.querysets import LoginSessionQuerySet
from accounts.types import Authenticated, Seat
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.compiled import Select, Slot

# Where the browser's cookie session keeps the uid of its LoginSession.
LOGIN_SESSION_KEY = "login_session"
# And where it keeps the uid of the tenant that its user has chosen for the pages.
TENANT_KEY = "tenant"


def _live_sessions(*names: str) -> LoginSessionQuerySet:
    found: LoginSessionQuerySet = (
        LoginSession.objects.live()
        .filter(**{name: Slot(name) for name in names})
        .select_related("user")
        .annotate(
            role_tenant=F("user__memberships__tenant_id"),
            role_tenant_uid=F("user__memberships__tenant__uid"),
            role=F("user__memberships__role"),
            role_sites=F("user__memberships__site_ids"),
        )
    )
    return found


_SESSION = Select(_live_sessions)


# Which tenants are theirs is what is being asked.
@row_security.platform_scope("accounts.memberships")
def actor_for_user(
    *,
    user_id: int,
    session_id: int | None = None,
    request_id: str = "",
    address: str | None = None,
    via: str = "api",
) -> Actor:
    """The actor for a user, with the roles of this moment.

    Raises NotAuthenticated for an inactive or unknown user, and for a session that has ended.
    """
    if session_id is not None:
        found = live_session(
            via=via, request_id=request_id, address=address, pk=session_id, user_id=user_id
        )
        if found is None:
            raise errors.NotAuthenticated
        return found.actor
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise errors.NotAuthenticated
    seats = seats_of([user_id]).get(user_id, ())
    return _actor(user, None, seats, request_id=request_id, address=address, via=via)


# Which tenants are theirs is what is being asked.
@row_security.platform_scope("accounts.memberships")
def live_session(
    *, via: str, request_id: str = "", address: str | None = None, **where: Any
) -> Authenticated | None:
    """The one live session that fits, with its user and their roles: one query, nothing cached.

    Whatever ends a session or changes a role therefore holds from the next request on.
    """
    rows = _SESSION.rows(*where, **where)
    if not rows:
        return None
    session: Any = rows[0]
    seats = [
        _seat(row.role_tenant, row.role_tenant_uid, row.role, row.role_sites)
        for row in rows
        if row.role_tenant is not None
    ]
    actor = _actor(session.user, session.pk, seats, request_id=request_id, address=address, via=via)
    return Authenticated(
        user=session.user,
        session=session,
        actor=actor,
        everywhere=actor,
        tenants=MappingProxyType({seat.tenant_uid: seat.tenant_id for seat in seats}),
    )


# Which tenants are theirs is what is being asked.
@row_security.platform_scope("accounts.memberships")
def seats_of(user_ids: Collection[int]) -> dict[int, list[Seat]]:
    """Where each of the users belongs now; users without any tenant are left out."""
    memberships = Membership.objects.unscoped("each user's own memberships")
    rows = memberships.filter(user_id__in=user_ids).order_by("pk")
    found: dict[int, list[Seat]] = defaultdict(list)
    for user_id, *facts in rows.values_list(
        "user_id", "tenant_id", "tenant__uid", "role", "site_ids"
    ):
        found[user_id].append(_seat(*facts))
    return found


def narrowed(found: Authenticated, tenant_uid: str) -> Authenticated:
    """The same user, acting in one of their tenants only.

    Raises NotFound for a tenant that is not theirs, as for one that does not exist.
    """
    tenant_id = found.tenants.get(tenant_uid)
    if tenant_id is None:
        raise errors.NotFound
    whole = found.everywhere
    limits = {key: limit for key, limit in whole.site_limits.items() if key == tenant_id}
    actor = replace(
        whole,
        roles=MappingProxyType({tenant_id: whole.roles[tenant_id]}),
        site_limits=MappingProxyType(limits),
        member_tenants=whole.tenant_ids,
    )
    return replace(found, actor=actor)


def sessions_of(actor: Actor) -> LoginSessionQuerySet:
    """The actor's own sessions that have not ended."""
    return LoginSession.objects.of(actor.user_id).live()


def current_session(actor: Actor) -> LoginSessionQuerySet:
    """The session the actor came with, if it has not ended."""
    found = sessions_of(actor)
    return found.none() if actor.session_id is None else found.filter(pk=actor.session_id)


# Which tenants are theirs is what is being asked.
@row_security.platform_scope("accounts.memberships")
def memberships_of(user_id: int) -> Sequence[Membership]:
    """A user's memberships with their tenants, the oldest first."""
    found = Membership.objects.unscoped("a user's own memberships").filter(user_id=user_id)
    return list(found.select_related("tenant").order_by("pk"))


def user_by_id(user_id: int) -> User:
    """The user; raises NotFound."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise errors.NotFound
    return user


def invalid_sessions(session_ids: Collection[int]) -> set[int]:
    """Those of the sessions that have ended, are unknown, or belong to an inactive user."""
    wanted = set(session_ids)
    live = LoginSession.objects.live().filter(pk__in=wanted).values_list("pk", flat=True)
    return wanted - set(live)


def is_session_key(text: str) -> bool:
    """Whether a cookie may be looked up at all: PostgreSQL takes no NUL, and a cookie may."""
    return len(text) <= 64 and text.isascii() and text.isalnum()


def session_from_cookie(session_key: str) -> tuple[int, int] | None:
    """(user id, login session id) of a browser's session cookie while both are valid."""
    if not is_session_key(session_key):
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    kept = store.load()
    uid, user_id = kept.get(LOGIN_SESSION_KEY), kept.get(SESSION_KEY)
    if not isinstance(uid, str) or not isinstance(user_id, str):
        return None
    found = (
        LoginSession.objects.live().filter(uid=uid, user_id=user_id).values_list("user_id", "pk")
    )
    row = found.first()
    return None if row is None else (row[0], row[1])


def _actor(
    user: User,
    session_id: int | None,
    seats: Collection[Seat],
    *,
    request_id: str,
    address: str | None,
    via: str,
) -> Actor:
    return Actor(
        kind="user",
        id=user.uid,
        label=user.label,
        user_id=user.pk,
        session_id=session_id,
        platform_role=user.platform_role,
        roles=MappingProxyType({seat.tenant_id: seat.role for seat in seats}),
        site_limits=MappingProxyType(
            {seat.tenant_id: seat.site_limit for seat in seats if seat.site_limit is not None}
        ),
        request_id=request_id,
        address=address,
        via=via,
    )


def _seat(tenant_id: int, uid: str, role: str, site_ids: Sequence[int] | None) -> Seat:
    limit = None if site_ids is None else frozenset(site_ids)
    return Seat(tenant_id=tenant_id, tenant_uid=uid, role=role, site_limit=limit)


def user_by_email(email: str) -> User:
    """The user who signs in with that address, in whatever case. Raises NotFound."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise errors.NotFound(f"There is no user {email}.")
    return user


def first_administrator() -> User | None:
    """The administrator who has been there longest, if there is one."""
    admins = User.objects.filter(platform_role=PlatformRole.ADMIN, is_active=True)
    return admins.order_by("pk").first()
