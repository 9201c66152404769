"""Who belongs to a tenant: their roles, their sites, how they leave and hand over."""

from __future__ import annotations

from datetime import datetime

from accounts import permissions, registry
from accounts.choices import Role
from accounts.models import Membership
from accounts.services import belonging, invitations, tenants
from accounts.types import MemberView, SiteLimit, TenantView
from audit.services import recording
from kernel import errors
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work


def list_members(*, tenant_uid: str, actor: Actor) -> list[MemberView]:
    """The members of a tenant of the actor's, the oldest first; raises NotFound."""
    mine = belonging.place_of(tenant_uid=tenant_uid, actor=actor)
    members = Membership.objects.unscoped("members of the actor's own tenant")
    found = list(
        members.filter(tenant_id=mine.tenant_id).select_related("user", "tenant").order_by("pk")
    )
    names = registry.site_names({key for one in found for key in one.site_ids or ()})
    return [_view(one, mine, names) for one in found]


@unit_of_work()
def change_member(
    *,
    tenant_uid: str,
    user_uid: str,
    role: str | None = None,
    limit: SiteLimit | None = None,
    actor: Actor,
    now: datetime,
) -> MemberView:
    """Give a member another role or other sites; what is None stays, the same again is nothing.

    Whoever becomes an owner sees all sites. Raises NotFound (also for who is no member),
    PermissionDenied below admin or for more than the actor has, LastOwner, PersonalTenant,
    ValidationFailed.
    """
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.ADMIN)
    member = _member(mine, user_uid)
    wanted = _role(role) if role is not None else Role(member.role)
    site_ids = None if wanted == Role.OWNER else member.site_ids
    if limit is not None:
        site_ids = belonging.site_keys(tenant_id=member.tenant_id, role=wanted, limit=limit)
    if (wanted, site_ids) == (member.role, member.site_ids):
        return _view_now(member, mine)
    belonging.require_may_give(mine, role=member.role, site_ids=member.site_ids)
    belonging.require_may_give(mine, role=wanted, site_ids=site_ids)
    if wanted != Role.OWNER:
        _require_can_step_down(member)
    before = belonging.as_facts(member)
    member.role, member.site_ids = wanted, site_ids
    member.save(update_fields=["role", "site_ids"])
    # What somebody who may no longer invite has promised does not hold any more.
    invitations.revoke_excessive(member, actor=actor, now=now)
    belonging.note(
        member,
        "accounts.membership.changed",
        before=before,
        after=belonging.as_facts(member),
        actor=actor,
        now=now,
    )
    return _view_now(member, mine if member.pk != mine.pk else member)


@unit_of_work()
def remove_member(*, tenant_uid: str, user_uid: str, actor: Actor, now: datetime) -> None:
    """End a membership: from the next request on, and within 5 s on every open socket.

    Removing oneself is leaving. Raises NotFound (also for who is no member, so also the second
    time), PermissionDenied below admin or for who has more than the actor, LastOwner,
    PersonalTenant.
    """
    if user_uid == actor.id:
        leave_tenant(tenant_uid=tenant_uid, actor=actor, now=now)
        return
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.ADMIN)
    member = _member(mine, user_uid)
    belonging.require_may_give(mine, role=member.role, site_ids=member.site_ids)
    _end(member, reason="removed", actor=actor, now=now)


@unit_of_work()
def leave_tenant(*, tenant_uid: str, actor: Actor, now: datetime) -> None:
    """End the actor's own membership, whatever their role.

    Raises NotFound (also the second time), LastOwner, PersonalTenant.
    """
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.VIEWER)
    _end(mine, reason="left", actor=actor, now=now)


@unit_of_work()
def hand_over_tenant(*, tenant_uid: str, user_uid: str, actor: Actor, now: datetime) -> TenantView:
    """Make another member an owner in the actor's place, who stays as an administrator.

    Raises NotFound (also for who is no member), PermissionDenied for who is no owner (so also when
    it is sent again), PersonalTenant, ValidationFailed for handing it to oneself.
    """
    mine = belonging.locked_place(tenant_uid=tenant_uid, actor=actor, minimum=Role.OWNER)
    belonging.require_not_at_home(mine)
    heir = _member(mine, user_uid)
    if heir.pk == mine.pk:
        raise errors.ValidationFailed(details={"user": ["This is you."]})
    if not heir.user.is_active:
        raise errors.Conflict("This account is deactivated.")
    recording.record(
        tenant_id=mine.tenant_id,
        action="accounts.tenant.handed_over",
        actor=actor,
        target_type="tenant",
        target_id=mine.tenant.uid,
        before={"owner": actor.id},
        after={"owner": heir.user.uid},
        now=now,
    )
    for membership, role in ((heir, Role.OWNER), (mine, Role.ADMIN)):
        before = belonging.as_facts(membership)
        membership.role, membership.site_ids = role, None
        membership.save(update_fields=["role", "site_ids"])
        belonging.note(
            membership,
            "accounts.membership.changed",
            before=before,
            after=belonging.as_facts(membership),
            actor=actor,
            now=now,
        )
    invitations.revoke_excessive(mine, actor=actor, now=now)
    return tenants.view_of(mine)


def _end(member: Membership, *, reason: str, actor: Actor, now: datetime) -> None:
    _require_can_step_down(member)
    before = belonging.as_facts(member)
    invitations.revoke_all_of(member, actor=actor, now=now)
    belonging.note(
        member,
        "accounts.membership.removed",
        before=before,
        after={"reason": reason},
        actor=actor,
        now=now,
    )
    member.delete()


def _require_can_step_down(member: Membership) -> None:
    belonging.require_not_at_home(member)
    belonging.require_another_owner(member)


def _member(mine: Membership, user_uid: str) -> Membership:
    members = Membership.objects.unscoped("a member of the tenant that is locked")
    same = members.filter(tenant_id=mine.tenant_id).select_related("user", "tenant")
    found: Membership | None = (
        same.filter(user__uid=user_uid).first() if user_uid.isalnum() else None
    )
    if found is None:
        raise errors.NotFound
    return found


def _role(role: str) -> Role:
    if role not in Role.values:
        raise errors.ValidationFailed(details={"role": [f"One of {', '.join(Role.values)}."]})
    return Role(role)


def _view_now(member: Membership, mine: Membership) -> MemberView:
    return _view(member, mine, registry.site_names(member.site_ids or ()))


def _view(member: Membership, mine: Membership, names: dict[int, str]) -> MemberView:
    is_me = member.pk == mine.pk
    is_told = is_me or permissions.role_allows(mine.role, Role.ADMIN)
    return MemberView(
        uid=member.user.uid,
        email=member.user.email if is_told else None,
        display_name=member.user.display_name,
        role=member.role,
        sites=belonging.site_ids_of(member.site_ids, names) if is_told else None,
        is_me=is_me,
        is_permanent=member.tenant.personal_of_id == member.user_id,
        joined_at=member.created_at,
    )
