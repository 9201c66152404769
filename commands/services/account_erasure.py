"""The ledger's share in erasing an account: what tenants that end with it had for themselves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from accounts.registry import ErasedPart
from commands.models import CommandBatch, CustomKind
from kernel.unit_of_work import unit_of_work

_WHY: Final = "tenants that end with an account that is erased"


def erase_for_account(user_id: int, tenant_ids: Collection[int], now: datetime) -> ErasedPart:
    """Remove the kinds of tenants that end with the account, and empty their batches.

    Safe to run twice. Their commands are emptied with their devices.
    """
    if tenant_ids:
        with unit_of_work():
            CustomKind.objects.unscoped(_WHY).filter(tenant_id__in=tenant_ids).delete()
            batches = CommandBatch.objects.unscoped(_WHY).filter(tenant_id__in=tenant_ids)
            batches.update(payload={}, target={}, cause=[], created_by="")
    return ErasedPart(is_done=True)
