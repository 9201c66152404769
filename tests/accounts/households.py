"""Tenants with members, made by the real services."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone

from accounts import selectors
from accounts.models import Membership, Tenant, User
from accounts.services import invitations, tenants
from accounts.types import SiteLimit
from audit.models import AuditEntry
from devices.models import Site
from kernel.actors import Actor
from tests.accounts import people

_numbers = itertools.count(1)


def actor_of(user: User, *, address: str = "192.0.2.7") -> Actor:
    """The user as services see them now."""
    return selectors.actor_for_user(user_id=user.pk, address=address)


def organisation(owner: User, name: str = "Bakery") -> Tenant:
    """An organisation of that owner."""
    made = tenants.create_tenant(name=name, actor=actor_of(owner), now=timezone.now())
    return Tenant.objects.get(uid=made.uid)


def invite(tenant: Tenant, by: User, role: str, **more: Any) -> str:
    """The token of an invitation."""
    issued = invitations.create_invitation(
        tenant_uid=tenant.uid, role=role, actor=actor_of(by), now=timezone.now(), **more
    )
    return issued.token


def join(tenant: Tenant, by: User, role: str, user: User | None = None, **more: Any) -> User:
    """A user who has accepted an invitation; a new one unless given."""
    joining = user or people.make_user(f"member{next(_numbers)}@example.com")
    token = invite(tenant, by, role, **more)
    invitations.accept_invitation(
        token=token,
        actor=actor_of(joining, address=f"198.51.100.{next(_numbers) % 250}"),
        now=timezone.now(),
    )
    return joining


def role_of(user: User, tenant: Tenant) -> str | None:
    """The user's role there now."""
    found = Membership.objects.unscoped("tests look at everything")
    return found.filter(user=user, tenant=tenant).values_list("role", flat=True).first()


def make_site(tenant: Tenant, site_id: str) -> Site:
    """A site of the tenant."""
    return Site.objects.create(
        site_id=site_id, tenant=tenant, name=site_id, created_at=timezone.now()
    )


def at(*site_ids: str) -> SiteLimit:
    """A limit to those sites."""
    return SiteLimit(tuple(site_ids))


def told(tenant: Tenant, action: str) -> list[AuditEntry]:
    """What the tenant's log has under that action, the oldest first."""
    entries = AuditEntry.objects.unscoped("tests look at everything")
    return list(entries.filter(tenant_id=tenant.pk, action=action).order_by("pk"))
