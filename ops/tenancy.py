"""The tenants of the viewer, as the pages offer them for choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts import selectors as accounts
from accounts.choices import Role
from accounts.permissions import role_allows
from accounts.types import Authenticated
from kernel.actors import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A tenant to choose; `is_shown` when it is the one the pages show."""

    uid: str
    name: str
    is_personal: bool
    is_shown: bool


def choices_of(found: Authenticated | None, least: str = Role.VIEWER) -> Sequence[Choice]:
    """The tenants of who is signed in, if there is anything to choose.

    Only those where they have at least the role `least`.
    """
    if found is None or len(found.tenants) < 2:
        return ()
    shown = found.actor.tenant_ids if len(found.actor.roles) == 1 else ()
    return [
        Choice(
            uid=membership.tenant.uid,
            name=membership.tenant.name,
            is_personal=membership.tenant.personal_of_id == found.user.pk,
            is_shown=membership.tenant_id in shown,
        )
        for membership in accounts.memberships_of(found.user.pk)
        if role_allows(membership.role, least)
    ]


def uid_to_name(found: Authenticated, actor: Actor) -> str:
    """The uid that addresses and forms must carry for the one tenant the actor acts in.

    Empty where the viewer has no other, or acts in several.
    """
    if len(found.tenants) < 2 or len(actor.roles) != 1:
        return ""
    return next(uid for uid, key in found.tenants.items() if key in actor.roles)
