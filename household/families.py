"""The homes of the viewer, and who belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts import selectors as accounts
from accounts.choices import Role, TenantKind
from accounts.permissions import has_role, role_allows
from accounts.services import invitations, members, tenants
from accounts.types import Authenticated, InvitationView, MemberView, TenantView
from kernel import errors
from kernel.actors import Actor

ROLES: Final = (
    ("viewer", "May look", "Sees the devices, and changes nothing."),
    ("operator", "May switch", "Switches the devices too."),
    ("admin", "May manage", "Adds and removes devices and people too."),
)
_LABELS: Final = {role: label for role, label, _ in ROLES} | {"owner": "Owner"}
ROLE_CHOICES: Final = tuple((role, label) for role, label, _ in ROLES)


@dataclass(frozen=True, kw_only=True, slots=True)
class HomeChoice:
    """One of the viewer's homes; `is_shown` when the app shows it alone."""

    uid: str
    name: str
    is_mine: bool
    is_shown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who belongs to a home, in the words of the page."""

    uid: str
    name: str
    email: str
    role: str
    label: str
    is_me: bool
    may_change: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A home with its people; the services decide who may do what, this only foretells it."""

    tenant: TenantView
    people: Sequence[Person]
    invitations: Sequence[tuple[InvitationView, str]]

    @property
    def is_family(self) -> bool:
        """Whether it is somebody's own home, and no organisation."""
        return self.tenant.kind == TenantKind.PERSONAL

    @property
    def may_manage(self) -> bool:
        """Whether the viewer changes who belongs to it."""
        return role_allows(self.tenant.role, Role.ADMIN)

    def person(self, uid: str) -> Person:
        """One of the people. Raises NotFound."""
        for person in self.people:
            if person.uid == uid:
                return person
        raise errors.NotFound


def homes_of(found: Authenticated) -> list[HomeChoice]:
    """Every home of who is signed in, their own first."""
    shown = found.actor.tenant_ids if len(found.actor.roles) == 1 else ()
    choices = [
        HomeChoice(
            uid=membership.tenant.uid,
            name=membership.tenant.name,
            is_mine=membership.tenant.personal_of_id == found.user.pk,
            is_shown=membership.tenant_id in shown,
        )
        for membership in accounts.memberships_of(found.user.pk)
    ]
    return sorted(choices, key=lambda home: (not home.is_mine, home.name))


def chosen_home(found: Authenticated, uid: str = "") -> HomeChoice:
    """The home of that uid, else the one that is shown, else the viewer's own.

    Raises NotFound for one that is not theirs.
    """
    choices = homes_of(found)
    if uid:
        wanted = [home for home in choices if home.uid == uid]
    else:
        wanted = [home for home in choices if home.is_shown] or choices
    if not wanted:
        raise errors.NotFound
    return wanted[0]


def homes_to_add_to(found: Authenticated, actor: Actor) -> list[tuple[str, str]]:
    """The homes that the viewer may take devices in for."""
    by_uid = found.tenants
    return [
        (home.uid, home.name)
        for home in homes_of(found)
        if has_role(actor, by_uid[home.uid], Role.ADMIN)
        and actor.may_see_site(by_uid[home.uid], None)
    ]


def family(*, uid: str, actor: Actor, now: datetime, least: str = Role.VIEWER) -> Family:
    """A home of the viewer's with its people. Raises NotFound, and PermissionDenied below `least`."""
    tenant = tenants.show_tenant(tenant_uid=uid, actor=actor)
    if not role_allows(tenant.role, least):
        raise errors.PermissionDenied(f"This needs the role {Role(least).value} or more.")
    is_manager = role_allows(tenant.role, Role.ADMIN)
    open_ones = (
        invitations.list_invitations(tenant_uid=uid, actor=actor, now=now) if is_manager else []
    )
    return Family(
        tenant=tenant,
        people=[
            _person(member, is_manager=is_manager)
            for member in members.list_members(tenant_uid=uid, actor=actor)
        ],
        invitations=[(each, _LABELS.get(each.role, each.role)) for each in open_ones],
    )


def _person(member: MemberView, *, is_manager: bool) -> Person:
    return Person(
        uid=member.uid,
        name=member.display_name or member.email or "Somebody",
        email=member.email or "",
        role=str(member.role),
        label=_LABELS.get(str(member.role), str(member.role)),
        is_me=member.is_me,
        may_change=is_manager
        and not member.is_me
        and not member.is_permanent
        and member.role != Role.OWNER,
    )
