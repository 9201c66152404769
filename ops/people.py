"""Read models of the pages about people: who belongs to a tenant, and who is invited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts import selectors as accounts
from accounts.choices import Role, TenantKind
from accounts.permissions import role_allows
from accounts.services import invitations, members, tenants
from accounts.types import Authenticated, InvitationView, MemberView, TenantView
from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor

# What a role is called at home, where nobody speaks of roles.
FAMILY_ROLES: dict[str, str] = {
    "viewer": "May look",
    "operator": "May switch",
    "admin": "May manage",
    "owner": "Owner",
}
ROLES: dict[str, str] = {
    "viewer": "Viewer",
    "operator": "Operator",
    "admin": "Administrator",
    "owner": "Owner",
}
_MEANINGS: dict[str, str] = {
    "viewer": "Sees devices, readings and what happened.",
    "operator": "Also switches, and edits devices.",
    "admin": "Also adds and removes devices, sites and people.",
    "owner": "Everything, with owners, handing over and erasing.",
}
_FAMILY_MEANINGS: dict[str, str] = {
    "viewer": "Sees the devices, and changes nothing.",
    "operator": "Switches the devices too.",
    "admin": "Adds and removes devices and people too.",
    "owner": "Everything.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleChoice:
    """A role the viewer may give, in the words of the page."""

    value: str
    label: str
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Household:
    """A tenant with its people, as the viewer may see them. The services decide what they may do;
    this only foretells it."""

    tenant: TenantView
    members: Sequence[MemberView]
    invitations: Sequence[InvitationView]
    sites: Sequence[tuple[str, str]]
    roles: Sequence[RoleChoice]

    @property
    def is_family(self) -> bool:
        """Whether it is somebody's own: the page then speaks of a family."""
        return self.tenant.kind == TenantKind.PERSONAL

    @property
    def may_manage(self) -> bool:
        """Whether the viewer changes who belongs to it."""
        return role_allows(self.tenant.role, Role.ADMIN)

    @property
    def may_hand_over(self) -> bool:
        """Whether the viewer may put somebody else in their place."""
        is_owner = self.tenant.role == Role.OWNER
        return is_owner and not self.tenant.is_my_personal and len(self.members) > 1

    @property
    def may_leave(self) -> bool:
        """Whether somebody who can act for it stays when the viewer goes."""
        if self.tenant.is_my_personal:
            return False
        others = [member for member in self.members if not member.is_me]
        return self.tenant.role != Role.OWNER or any(each.role == Role.OWNER for each in others)

    @property
    def role_choices(self) -> list[tuple[str, str]]:
        """The roles as a form takes them."""
        return [(role.value, role.label) for role in self.roles]

    def member(self, uid: str) -> MemberView:
        """One of the members. Raises NotFound."""
        for member in self.members:
            if member.uid == uid:
                return member
        raise errors.NotFound


def household(
    *, tenant_uid: str, found: Authenticated, actor: Actor, now: datetime, least: str = Role.VIEWER
) -> Household:
    """A tenant of the viewer's with its people.

    Raises NotFound for a tenant that is not theirs, PermissionDenied below the role `least`.
    """
    tenant = tenants.show_tenant(tenant_uid=tenant_uid, actor=actor)
    if not role_allows(tenant.role, least):
        raise errors.PermissionDenied(f"This needs the role {Role(least).value} or more.")
    is_manager = role_allows(tenant.role, Role.ADMIN)
    within = accounts.narrowed(found, tenant_uid).actor
    open_ones = (
        invitations.list_invitations(tenant_uid=tenant_uid, actor=actor, now=now)
        if is_manager
        else []
    )
    sites = devices.sites_visible_to(within).order_by("name", "pk")
    return Household(
        tenant=tenant,
        members=members.list_members(tenant_uid=tenant_uid, actor=actor),
        invitations=open_ones,
        sites=list(sites.values_list("site_id", "name")),
        roles=_roles_to_give(tenant),
    )


def label_of(role: str, *, is_family: bool) -> str:
    """What a role is called on a page about this kind of tenant."""
    return (FAMILY_ROLES if is_family else ROLES).get(role, role)


def _roles_to_give(tenant: TenantView) -> list[RoleChoice]:
    is_family = tenant.kind == TenantKind.PERSONAL
    meanings = _FAMILY_MEANINGS if is_family else _MEANINGS
    given = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    if tenant.role == Role.OWNER and not is_family:
        given.append(Role.OWNER)
    return [
        RoleChoice(
            value=role.value,
            label=label_of(role, is_family=is_family),
            meaning=meanings[role.value],
        )
        for role in given
    ]
