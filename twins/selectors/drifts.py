"""Which devices are other than desired, and for how long."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from kernel.actors import Actor
from twins.models import DEFAULT_ALERT_AFTER_S, Twin, TwinPolicy
from twins.types import DriftView, LongDrift


def drift_of(device_ids: Collection[int]) -> dict[int, DriftView]:
    """Whether each device drifts; those without a twin are left out."""
    rows = Twin.objects.unscoped("the caller has found the devices within its scope")
    found = rows.filter(device_id__in=device_ids)
    return {
        device_id: DriftView(is_drifting, since)
        for device_id, is_drifting, since in found.values_list(
            "device_id", "is_drifting", "drift_since"
        )
    }


def drift_count(actor: Actor) -> int:
    """How many devices that the actor may see are other than desired."""
    return int(Twin.objects.visible_to(actor).filter(is_drifting=True).count())


def long_drifts(*, now: datetime, limit: int) -> list[LongDrift]:
    """Devices that drift for longer than their tenants put up with, and nobody was told.

    Of all tenants, the longest drifts first.
    """
    rows: Any = Twin.objects.unscoped("what is to be told, of all tenants")
    untold = rows.filter(is_drifting=True, drift_told_at__isnull=True, tenant_id__isnull=False)
    due = untold.filter(_is_long(now)).order_by("drift_since")[:limit]
    return [LongDrift(*row) for row in due.values_list("device_id", "tenant_id", "drift_since")]


def _is_long(now: datetime) -> Q:
    """Drifts beyond the default, or beyond what their tenants have set instead."""
    policies: Any = TwinPolicy.objects.unscoped("how long each tenant puts up with drift")
    own = dict(policies.values_list("tenant_id", "drift_alert_after_s"))
    usual = now - timedelta(seconds=DEFAULT_ALERT_AFTER_S)
    found = Q(drift_since__lte=usual) & ~Q(tenant_id__in=list(own))
    for after_s in set(own.values()) - {0}:
        tenants = [tenant_id for tenant_id, held in own.items() if held == after_s]
        found |= Q(drift_since__lte=now - timedelta(seconds=after_s), tenant_id__in=tenants)
    return found
