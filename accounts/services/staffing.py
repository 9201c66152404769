"""Making users staff: what they may see and do in Django's admin, in their own tenants only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, Permission

from accounts import permissions
from accounts.choices import EndReason
from accounts.models import LoginSession, User
from accounts.services import sessions
from audit.services import recording
from kernel import errors
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work


@unit_of_work()
def make_staff(
    *,
    user_id: int,
    group_ids: Collection[int],
    permission_ids: Collection[int] = (),
    actor: Actor,
    now: datetime,
) -> None:
    """Open Django's admin to a user for exactly this; what they were given before is replaced.

    They see rows of the tenants they belong to, with the role they have there. Raises NotFound,
    ValidationFailed when nothing is given, Conflict for who runs the platform and needs none.
    """
    user = _locked(user_id, actor)
    if user.is_superuser:
        raise errors.Conflict("Who runs the installation may see and do everything already.")
    if not user.is_active:
        raise errors.Conflict("This user is shut out. Let them in first.")
    groups = list(Group.objects.filter(pk__in=group_ids).order_by("name"))
    given = list(Permission.objects.filter(pk__in=permission_ids).order_by("codename"))
    if not groups and not given:
        raise errors.ValidationFailed(details={"groups": ["Choose a role or a permission."]})
    before = _rights_of(user)
    user.may_administer = True
    user.save(update_fields=["may_administer"])
    user.groups.set(groups)
    user.user_permissions.set(given)
    _record(user, "made_staff", before, _rights_of(user), actor, now)


@unit_of_work()
def withdraw_staff(*, user_id: int, actor: Actor, now: datetime) -> None:
    """Close Django's admin to a user again; doing so twice is fine. Raises NotFound."""
    user = _locked(user_id, actor)
    if not user.may_administer:
        return
    before = _rights_of(user)
    user.may_administer = False
    user.save(update_fields=["may_administer"])
    user.groups.clear()
    user.user_permissions.clear()
    _record(user, "no_longer_staff", before, _rights_of(user), actor, now)


@unit_of_work()
def define_role(
    *,
    role_id: int | None = None,
    name: str,
    permission_ids: Collection[int],
    actor: Actor,
    now: datetime,
) -> Group:
    """Make or change a role that can be given to staff: a name for some permissions.

    Raises NotFound, ValidationFailed for a name that is taken.
    """
    permissions.require_platform_admin(actor)
    group, before = _role(role_id)
    if Group.objects.filter(name=name).exclude(pk=group.pk).exists():
        raise errors.ValidationFailed(details={"name": ["There is a role of this name."]})
    group.name = name
    group.save()
    group.permissions.set(Permission.objects.filter(pk__in=permission_ids))
    _record_role(group, "defined", before, _facts(group), actor, now)
    return group


@unit_of_work()
def remove_role(*, role_id: int, actor: Actor, now: datetime) -> None:
    """Take a role away, and with it what it gave to who had it. Raises NotFound."""
    permissions.require_platform_admin(actor)
    group, before = _role(role_id)
    _record_role(group, "removed", before, None, actor, now)
    group.delete()


@unit_of_work()
def end_sessions_of(*, user_id: int, actor: Actor, now: datetime) -> int:
    """Sign a user out everywhere; returns how many sessions ended. Raises NotFound."""
    user = _locked(user_id, actor)
    keep = actor.session_id if actor.user_id == user.pk else None
    return sessions.end_others(
        user_id=user.pk,
        keep_session_id=keep,
        reason=EndReason.ENDED_BY_USER if keep else EndReason.ENDED_BY_ADMIN,
        actor=actor,
        now=now,
    )


@unit_of_work()
def end_one_session(*, session_uid: str, actor: Actor, now: datetime) -> None:
    """End anybody's session. Raises NotFound for one that has ended or never was."""
    permissions.require_platform_admin(actor)
    wanted = LoginSession.objects.filter(uid=session_uid, ended_at__isnull=True)
    found = lock_rows(wanted) if session_uid.isalnum() else []
    if not found:
        raise errors.NotFound("This session has ended already.")
    sessions.end_locked(found, reason=EndReason.ENDED_BY_ADMIN, actor=actor, now=now)


def _locked(user_id: int, actor: Actor) -> User:
    permissions.require_platform_admin(actor)
    found = lock_rows(User.objects.filter(pk=user_id))
    if not found:
        raise errors.NotFound
    return found[0]


def _role(role_id: int | None) -> tuple[Group, dict[str, Any] | None]:
    if role_id is None:
        return Group(), None
    group = Group.objects.filter(pk=role_id).first()
    if group is None:
        raise errors.NotFound
    return group, _facts(group)


def _facts(group: Group) -> dict[str, Any]:
    return {"name": group.name, "permissions": _names(group.permissions)}


def _rights_of(user: User) -> dict[str, Any]:
    return {
        "may_administer": user.may_administer,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": _names(user.user_permissions),
    }


def _names(found: Any) -> list[str]:
    pairs = found.values_list("content_type__app_label", "codename")
    return sorted(f"{label}.{codename}" for label, codename in pairs)


def _record(
    user: User,
    verb: str,
    before: dict[str, Any],
    after: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=None,
        action=f"platform.user.{verb}",
        actor=actor,
        target_type="user",
        target_id=user.uid,
        before=before,
        after=after,
        now=now,
    )


def _record_role(
    group: Group,
    verb: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=None,
        action=f"platform.staff_role.{verb}",
        actor=actor,
        target_type="staff_role",
        target_id=group.name,
        before=before,
        after=after,
        now=now,
    )
