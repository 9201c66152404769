"""What tenants have set about their twins."""

from __future__ import annotations

from typing import Any

from twins.models import TwinPolicy


def policy_of(tenant_id: int | None) -> TwinPolicy:
    """The tenant's settings; the defaults where it has set nothing."""
    rows: Any = TwinPolicy.objects.unscoped("the caller has the tenant within its scope")
    found: TwinPolicy | None = rows.filter(tenant_id=tenant_id).first()
    return TwinPolicy() if found is None else found
