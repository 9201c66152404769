"""The devices' share in erasing an account: lives end, and what tells of people goes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from accounts.registry import ErasedPart
from devices.choices import ErasureState, LifeEnd
from devices.models import (
    Device,
    DeviceErasure,
    Enrolment,
    EnrolmentRow,
    MaintenanceWindow,
    ProvisioningKey,
    Site,
)
from devices.querysets import DeviceQuerySet
from devices.services import erasing, unpairing
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

# Devices handled by one call: each is a transaction of its own, and other jobs wait meanwhile.
BATCH = 50
_ROWS = 1_000
_WHY: Final = "the tenants of an account that is erased"
_ERASED_NAME: Final = "Erased"
_ACTOR = Actor.system("devices.account_erasure")
_KEPT: Final = {
    "devices": "Each life as an empty entry with its dates, so that totals of the past stay right.",
    "sites": "An empty entry with its id, that archived devices and the log of changes refer to.",
    "metrics": "Measurements without any reference to a person, as totals over time.",
}


def erase_for_account(user_id: int, tenant_ids: Collection[int], now: datetime) -> ErasedPart:
    """End and erase the devices of tenants that end with an account, some with each call.

    Safe to run twice and in two processes: what is done already is left out, and the counts are
    those of the tenants as they are now.
    """
    if not tenant_ids:
        return ErasedPart(is_done=True)
    lives = _lives(tenant_ids)
    for device_id in list(lives.active().order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with unit_of_work():
            unpairing.end_life(
                device_id=device_id, reason=LifeEnd.ACCOUNT_ERASED, actor=_ACTOR, now=now
            )
    for uid in list(_not_asked_for(tenant_ids).values_list("uid", flat=True)[:BATCH]):
        erasing.request_erasure(device_uid=uid, actor=_ACTOR, now=now)
    is_forgotten = _forget_the_rest(tenant_ids, now)
    erased = _erasures(tenant_ids).filter(state=ErasureState.DONE).count()
    total = lives.count()
    return ErasedPart(
        is_done=is_forgotten and erased == total and not lives.active().exists(),
        counts={
            "devices_erased": erased,
            "lives_ended": lives.filter(end_reason=LifeEnd.ACCOUNT_ERASED).count(),
            "sites_emptied": Site.objects.unscoped(_WHY).filter(tenant__in=tenant_ids).count(),
        },
        kept=_KEPT if total else {},
    )


def _lives(tenant_ids: Collection[int]) -> DeviceQuerySet:
    found: DeviceQuerySet = Device.all_objects.unscoped(_WHY).filter(tenant_id__in=tenant_ids)
    return found


def _erasures(tenant_ids: Collection[int]) -> QuerySet[DeviceErasure]:
    found: QuerySet[DeviceErasure] = DeviceErasure.objects.unscoped(_WHY).filter(
        device__tenant_id__in=tenant_ids
    )
    return found


def _not_asked_for(tenant_ids: Collection[int]) -> DeviceQuerySet:
    asked = _erasures(tenant_ids).values("device_id")
    return _lives(tenant_ids).filter(is_active=False).exclude(pk__in=asked).order_by("pk")


def _forget_the_rest(tenant_ids: Collection[int], now: datetime) -> bool:
    """Void the keys and empty what names people or places; returns whether nothing is left."""
    with unit_of_work():
        _of(ProvisioningKey, tenant_ids).filter(revoked_at__isnull=True).update(revoked_at=now)
        _of(ProvisioningKey, tenant_ids).update(name=_ERASED_NAME, created_by="")
        _of(MaintenanceWindow, tenant_ids).update(reason="", created_by="")
        _of(Enrolment, tenant_ids).update(created_by="", seal_key=None, seal_salt=None)
        _of(Site, tenant_ids).filter(removed_at__isnull=True).update(removed_at=now)
        _of(Site, tenant_ids).update(name=_ERASED_NAME, address="", latitude=None, longitude=None)
        told = _of(EnrolmentRow, tenant_ids).exclude(
            Q(given={}) & Q(problems__isnull=True) & Q(sealed_secret__isnull=True)
        )
        keys = list(told.order_by("pk").values_list("pk", flat=True)[:_ROWS])
        told.filter(pk__in=keys).update(given={}, problems=None, sealed_secret=None)
    return len(keys) < _ROWS


def _of(model: Any, tenant_ids: Collection[int]) -> QuerySet[Any]:
    found: QuerySet[Any] = model.objects.unscoped(_WHY).filter(tenant_id__in=tenant_ids)
    return found
