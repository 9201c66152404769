"""Tenants and who belongs to them."""

from __future__ import annotations

from datetime import datetime

from accounts.choices import Role, TenantKind
from accounts.models import Membership, Tenant, User
from kernel import errors, row_security
from kernel.unit_of_work import unit_of_work


def personal_tenant_id(user_id: int) -> int:
    """Primary key of the user's own tenant; raises NotFound."""
    found = home_of(user_id)
    if found is None:
        raise errors.NotFound
    return found


def home_of(user_id: int) -> int | None:
    """The tenant whose audit log tells what happens to the user: their own, if there is one."""
    # Whose log it is must be known also by those who do not belong to it.
    with row_security.platform_scope("accounts.home"):
        return Tenant.objects.filter(personal_of_id=user_id).values_list("pk", flat=True).first()


@unit_of_work()
def create_personal_tenant(*, user: User, now: datetime) -> Tenant:
    """Give a new user a tenant of their own and make them its owner."""
    tenant = Tenant.objects.create(
        name=user.label, kind=TenantKind.PERSONAL, personal_of=user, created_at=now
    )
    Membership.objects.create(user=user, tenant=tenant, role=Role.OWNER, created_at=now)
    return tenant
