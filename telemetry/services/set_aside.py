"""Keep what devices sent and nobody could use, and try it again when somebody asks for it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from devices import selectors as devices
from devices.registry import Claimed
from devices.services import sessions
from devices.types import DeviceOwner
from kernel.row_security import PLATFORM_TENANT
from kernel.unit_of_work import unit_of_work
from telemetry.models import SetAsidePayload

# Why a payload was set aside, where the codec does not say it.
UNKNOWN_DEVICE: Final = "unknown_device"
UNPAIRED: Final = "device_unpaired"
WRONG_CHANNEL: Final = "wrong_channel"
NOT_STORED: Final = "not_stored"

MAX_PAYLOAD_BYTES: Final = 64 * 1024
KEPT_FOR = timedelta(days=14)
MAX_OF_ONE = 100
# Of names that no device has, all together: somebody's mistake must not fill the database.
MAX_UNKNOWN = 1_000
CHUNK = 500
KEPT = "Nothing: payloads that could not be used go whole."
_INGEST = "set aside on behalf of the platform's ingest"
_MAX_DETAIL_CHARS = 200
_MAX_TOPIC_CHARS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusable:
    """A payload as it came, and why it could not be used."""

    device_uid: str
    topic: str
    payload: bytes
    reason: str
    detail: str = ""


def keep(*, unusable: Sequence[Unusable], now: datetime) -> None:
    """Keep these payloads in one transaction; one that is kept already is counted.

    The oldest of a device give way when it has too many.
    """
    with unit_of_work():
        owners = _owners({one.device_uid for one in unusable})
        kept: set[tuple[str, str]] = set()
        for one in unusable:
            payload = one.payload[:MAX_PAYLOAD_BYTES]
            digest = hashlib.sha256(one.topic.encode() + b"\0" + payload).hexdigest()
            if not _count_again(one.device_uid, digest, now):
                _insert(one, payload, digest, owners.get(one.device_uid), now)
            kept.add((one.device_uid, digest))
        for uid in {uid for uid, _ in kept}:
            _make_room(uid, is_known=uid in owners)


def hand_to_owner(claimed: Claimed) -> None:
    """Give the new owner what the device sent before it had one."""
    rows = SetAsidePayload.objects.unscoped("the device whose lock is held")
    rows.filter(device_id=claimed.device_id, tenant_id=PLATFORM_TENANT).update(
        tenant_id=claimed.tenant_id
    )


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Remove what the device sent and nobody could use, within its lock."""
    rows = SetAsidePayload.objects.unscoped("the device whose lock is held")
    deleted = rows.filter(device_id=device_id).delete()[0]
    return {"payloads_deleted": deleted} if deleted else {}


def forget_old(now: datetime) -> int:
    """Delete payloads that have not come for 14 days, a bounded number of them; says how many."""
    rows = SetAsidePayload.objects.unscoped("retention holds for all tenants")
    old = rows.filter(last_received_at__lt=now - KEPT_FOR).order_by("last_received_at")
    deleted: int = rows.filter(pk__in=list(old.values_list("pk", flat=True)[:CHUNK])).delete()[0]
    return deleted


def _owners(uids: Collection[str]) -> dict[str, DeviceOwner]:
    """Who owns the devices of these names, locked, so that none is claimed meanwhile."""
    sessions.lock_devices(device_ids=(), device_uids=uids)
    return devices.owners_by_uid(uids)


def _count_again(device_uid: str, digest: str, now: datetime) -> bool:
    rows = SetAsidePayload.objects.unscoped(_INGEST)
    counted = rows.filter(device_uid=device_uid, digest=digest).update(
        count=F("count") + 1, last_received_at=now
    )
    return bool(counted)


def _insert(
    one: Unusable, payload: bytes, digest: str, owner: DeviceOwner | None, now: datetime
) -> None:
    reason = one.reason
    if reason == UNKNOWN_DEVICE and owner is not None and not owner.is_active:
        reason = UNPAIRED
    row = SetAsidePayload(
        device_id=None if owner is None else owner.device_id,
        tenant_id=PLATFORM_TENANT if owner is None else owner.tenant_id or PLATFORM_TENANT,
        device_uid=one.device_uid,
        topic=one.topic[:_MAX_TOPIC_CHARS],
        payload=payload,
        digest=digest,
        reason=reason,
        detail=one.detail[:_MAX_DETAIL_CHARS],
        received_at=now,
        last_received_at=now,
    )
    # Another process may have kept the same one between the look and here.
    SetAsidePayload.objects.bulk_create([row], ignore_conflicts=True)


def _make_room(device_uid: str, *, is_known: bool) -> None:
    rows = SetAsidePayload.objects.unscoped(_INGEST)
    kept = rows.filter(device_uid=device_uid) if is_known else rows.filter(device_id=None)
    limit = MAX_OF_ONE if is_known else MAX_UNKNOWN
    surplus = kept.order_by("-last_received_at", "-pk").values_list("pk", flat=True)[limit:]
    if keys := list(surplus[:CHUNK]):
        rows.filter(pk__in=keys).delete()
