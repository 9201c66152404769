"""How long files are kept, and what becomes of them when an account or a tenant goes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from accounts.registry import ErasedPart
from exports.models import Export
from exports.services import making, requesting
from kernel import row_security
from kernel.unit_of_work import unit_of_work

# A million rows take minutes; what is not done in an hour never will be.
MADE_WITHIN: Final = timedelta(hours=1)
_TOGETHER: Final = 20


def sweep(now: datetime) -> int:
    """Delete files whose time is over and end those that do not come on; returns how many."""
    # Deadlines are the platform's matter.
    with row_security.platform_scope("exports.keeping"):
        late = _rows().filter(finished_at__isnull=True, created_at__lte=now - MADE_WITHIN)
        for export in late.order_by("pk")[:_TOGETHER]:
            making.fail(export, "timed_out", "It was not made in time. Ask for it again.", now)
        over = _rows().filter(expires_at__lte=now, finished_at__isnull=False)
        return sum(_delete(export, now) for export in over.order_by("pk")[:_TOGETHER])


def erase_for_account(user_id: int, tenant_ids: Collection[int], now: datetime) -> ErasedPart:
    """Remove the files a user asked for, and those of tenants that end with the account."""
    with unit_of_work():
        found = _rows().filter(Q(requester_id=user_id) | Q(tenant_id__in=tenant_ids))
        keys = list(found.order_by("pk").values_list("pk", flat=True)[:_TOGETHER])
        _rows().filter(pk__in=keys).delete()
    return ErasedPart(is_done=len(keys) < _TOGETHER)


def _delete(export: Export, now: datetime) -> bool:
    with unit_of_work():
        # Of what became ready meanwhile the time is not over.
        gone, _ = _rows().filter(pk=export.pk, expires_at__lte=now).delete()
        if gone:
            requesting.tell(export, now, state="removed")
        return bool(gone)


def _rows() -> Any:
    return Export.objects.unscoped("deadlines and ends of accounts")
