"""The notifications' share in erasing devices and accounts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from accounts.registry import ErasedPart
from kernel.unit_of_work import unit_of_work
from notifications.models import Change, Channel, Notice

KEPT: Final = (
    "When messages went out and how many changes were in them, for 30 days; not what they said."
)
_PIECE: Final = 500


def erase_device(device_id: int, now: datetime) -> dict[str, int]:
    """Remove what was told of a device, some with each call; returns the counts of this one."""
    notices: Any = Notice.objects.unscoped("a device that is erased")
    keys = list(notices.filter(device_id=device_id).values_list("pk", flat=True)[:_PIECE])
    notices.filter(pk__in=keys).delete()
    return {"notices_deleted": len(keys)} if keys else {}


def erase_for_account(user_id: int, tenant_ids: Collection[int], now: datetime) -> ErasedPart:
    """Remove the account's own channels and those of tenants that end with it, with all notices.

    Safe to run twice: what is gone already is left out.
    """
    channels: Any = Channel.objects.unscoped("an account that is erased")
    own = channels.filter(Q(user_id=user_id) | Q(tenant_id__in=tenant_ids))
    with unit_of_work():
        notices = Notice.objects.unscoped("an account that is erased").filter(channel__in=own)
        keys = list(notices.order_by("pk").values_list("pk", flat=True)[:_PIECE])
        Notice.objects.unscoped("an account that is erased").filter(pk__in=keys).delete()
        if len(keys) == _PIECE:
            return ErasedPart(is_done=False)
        Change.objects.unscoped("tenants that end").filter(tenant_id__in=tenant_ids).delete()
        own.delete()
        # Channels that the person made for a tenant that lives on stay; their name in it does not.
        channels.filter(created_by_user_id=user_id).update(created_by="", created_by_user=None)
    return ErasedPart(is_done=True)
