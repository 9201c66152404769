"""Shutting users out, and letting them back in."""

from __future__ import annotations

from datetime import datetime

from accounts import events, permissions
from accounts.choices import EndReason, PlatformRole
from accounts.models import AccountErasure, User
from accounts.services import sessions, tenancy
from audit.services import recording
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.events import publish
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work


@row_security.platform_scope("accounts.lifecycle")
@unit_of_work()
def deactivate_user(*, user_id: int, actor: Actor, now: datetime) -> None:
    """Shut a user out at once: sessions, tokens and sockets end; doing so twice is fine.

    Raises Conflict for the last active administrator, whom nobody could let in again.
    """
    permissions.require_platform_admin(actor)
    user, is_last = lock_with_administrators(user_id)
    if not user.is_active:
        return
    if is_last:
        raise errors.Conflict("The last administrator cannot be deactivated.")
    user.is_active = False
    user.token_version += 1
    user.save(update_fields=["is_active", "token_version"])
    _record(user, "accounts.user.deactivated", actor, now)
    sessions.end_others(
        user_id=user.pk,
        keep_session_id=None,
        reason=EndReason.USER_DEACTIVATED,
        actor=actor,
        now=now,
    )
    publish(events.UserDeactivated(occurred_at=now, user_id=user.pk))


@row_security.platform_scope("accounts.lifecycle")
@unit_of_work()
def reactivate_user(*, user_id: int, actor: Actor, now: datetime) -> None:
    """Let a user sign in again; their old sessions stay ended.

    Raises NotFound, and Conflict for an account that is erased.
    """
    permissions.require_platform_admin(actor)
    found = lock_rows(User.objects.filter(pk=user_id))
    if not found:
        raise errors.NotFound
    user = found[0]
    if user.is_active:
        return
    _require_not_erased(user)
    user.is_active = True
    user.save(update_fields=["is_active"])
    _record(user, "accounts.user.reactivated", actor, now)


@row_security.platform_scope("accounts.lifecycle")
@unit_of_work()
def change_platform_role(*, user_id: int, platform_role: str, actor: Actor, now: datetime) -> None:
    """Make a user an administrator of the installation, or no longer one; twice is fine.

    It holds at once: access tokens of before are void. Raises NotFound, and Conflict for the last
    active administrator and for an account that is erased.
    """
    permissions.require_platform_admin(actor)
    user, is_last = lock_with_administrators(user_id)
    if user.platform_role == platform_role:
        return
    if is_last:
        raise errors.Conflict("The last administrator must stay one.")
    _require_not_erased(user)
    before, user.platform_role = user.platform_role, PlatformRole(platform_role)
    user.token_version += 1
    user.save(update_fields=["platform_role", "token_version"])
    recording.record(
        tenant_id=None,
        action="platform.user.role_changed",
        actor=actor,
        target_type="user",
        target_id=user.uid,
        before={"platform_role": str(before)},
        after={"platform_role": str(user.platform_role)},
        now=now,
    )


def lock_with_administrators(user_id: int) -> tuple[User, bool]:
    """The user, locked in this unit of work, and whether they are the last active administrator.

    All active administrators are locked too: two that shut each other out at once would leave
    none. Raises NotFound.
    """
    admins = User.objects.filter(platform_role=PlatformRole.ADMIN, is_active=True)
    involved = {user.pk: user for user in lock_rows(admins | User.objects.filter(pk=user_id))}
    user = involved.get(user_id)
    if user is None:
        raise errors.NotFound
    return user, user.is_active and user.is_superuser and len(involved) == 1


def _require_not_erased(user: User) -> None:
    if AccountErasure.objects.filter(user=user).exists():
        raise errors.Conflict("This account is erased. Nobody can sign in to it any more.")


def _record(user: User, action: str, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=tenancy.home_of(user.pk),
        action=action,
        actor=actor,
        target_type="user",
        target_id=user.uid,
        before={"is_active": not user.is_active},
        after={"is_active": user.is_active},
        now=now,
    )
