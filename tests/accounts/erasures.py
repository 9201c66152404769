"""Asking for an erasure, running it, and reading its report, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role, TenantKind
from accounts.models import Invitation, Membership, Tenant, User
from accounts.services import erasing
from audit.models import AuditEntry
from kernel import tokens
from tests.accounts import people

URL = "/api/v1/auth/me/erase"
PASSWORD = {"password": people.PASSWORD}


def erase(api: APIClient) -> dict[str, Any]:
    answer = api.post(URL, PASSWORD)
    assert answer.status_code == 202, answer.content
    body: dict[str, Any] = answer.json()
    return body | {"location": answer["Location"]}


def report(begun: dict[str, Any], token: str | None = None) -> Any:
    headers = {"X-Report-Token": begun["report_token"] if token is None else token}
    return APIClient().get(begun["location"], headers=headers)


def run(times: int = 1) -> int:
    return sum(erasing.run_erasures(now=timezone.now()) for _ in range(times))


def shop_of(*members: tuple[User, Role], kind: TenantKind = TenantKind.ORGANISATION) -> Tenant:
    now = timezone.now()
    shop = Tenant.objects.create(name="Shop", kind=kind, created_at=now)
    for user, role in members:
        Membership.objects.create(user=user, tenant=shop, role=role, created_at=now)
    return shop


def members_of(tenant: Tenant) -> set[str]:
    rows = Membership.objects.unscoped("test").filter(tenant=tenant)
    return set(rows.values_list("user__email", flat=True))


def invitation(tenant: Tenant, **values: Any) -> Invitation:
    now = timezone.now()
    return Invitation.objects.create(
        tenant=tenant,
        role=Role.VIEWER,
        token_digest=tokens.digest(tokens.new_token()),
        created_at=now,
        created_by="x",
        expires_at=now + timedelta(days=7),
        **values,
    )


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.unscoped("test").filter(action=action))
