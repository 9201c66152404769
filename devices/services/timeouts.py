"""After how much silence a device counts as offline, kept beside its presence.

What holds is the first of: the device's own, three of its poll intervals, the policy of its class
in its tenant, the installation's default. Signs of life read the answer from the presence row,
so that noting them stays one statement for any number of devices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, IntegerField, Value
from django.db.models.functions import Coalesce

from devices import presence_store
from devices.models import (
    LONGEST_TIMEOUT_S,
    SHORTEST_TIMEOUT_S,
    Device,
    DevicePresence,
    PresencePolicy,
)
from kernel.locking import lock_rows
from kernel.unit_of_work import require_unit_of_work

# Who looks at a row sees it at most this much older than the truth.
_NOTED_EVERY_SECONDS = 15.0
# A polled device may miss two calls.
POLLS = 3
_CHUNK = 1_000
# Told apart from other users of the database's advisory locks.
_LOCK_SPACE = 0x70726573


def resolved(
    *, offline_after_s: int | None, poll_interval_s: int | None, policy_s: int | None
) -> int | None:
    """The timeout that holds; None for the installation's default."""
    if offline_after_s is not None:
        return offline_after_s
    if poll_interval_s is not None:
        return min(max(POLLS * poll_interval_s, SHORTEST_TIMEOUT_S), LONGEST_TIMEOUT_S)
    return policy_s


def in_force(offline_after_s: int | None) -> int:
    """Seconds of silence that a presence row allows."""
    return settings.OFFLINE_AFTER_SECONDS if offline_after_s is None else offline_after_s


def noted_every(offline_after_s: int | None) -> float:
    """For how many seconds signs of life need not be noted in the row: the store has them.

    Together with a heartbeat, a third of the silence at most, it stays below the two thirds after
    which a device that is online is called stale: who speaks in time is neither stale nor due by
    its row alone.
    """
    if not presence_store.is_shared_by_all():
        return 0.0
    spare = in_force(offline_after_s) - SHORTEST_TIMEOUT_S
    return min(max(spare / 4, 0.0), _NOTED_EVERY_SECONDS)


def silence() -> Any:
    """The span a presence row allows, as an expression for statements on many rows."""
    seconds = Coalesce(
        F("offline_after_s"),
        Value(settings.OFFLINE_AFTER_SECONDS),
        output_field=IntegerField(),
    )
    return ExpressionWrapper(
        seconds * Value(timedelta(seconds=1), output_field=DurationField()),
        output_field=DurationField(),
    )


def keep(device: Device) -> None:
    """Write down what holds for a device, within the caller's unit of work, under its lock.

    For who takes a device in or changes what it depends on.
    """
    require_unit_of_work()
    policy_s = None
    if device.tenant_id is not None:
        lock_policies(device.tenant_id, is_shared=True)
        policies = PresencePolicy.objects.unscoped("the tenant of the device whose lock is held")
        found = policies.filter(tenant_id=device.tenant_id, device_class=device.device_class)
        policy_s = found.values_list("offline_after_s", flat=True).first()
    wanted = resolved(
        offline_after_s=device.offline_after_s,
        poll_interval_s=device.poll_interval_s,
        policy_s=policy_s,
    )
    _write([device.pk], wanted)


def keep_class(*, tenant_id: int, device_class: str, policy_s: int | None) -> int:
    """Write down a policy for the devices it is for, within the caller's unit of work.

    The caller holds the tenant's policies alone. Returns how many devices there are.
    """
    require_unit_of_work()
    devices = Device.objects.unscoped("the tenant whose policies the caller holds")
    under_it = devices.filter(
        tenant_id=tenant_id,
        device_class=device_class,
        offline_after_s__isnull=True,
        poll_interval_s__isnull=True,
    )
    keys = list(under_it.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _CHUNK):
        some = keys[start : start + _CHUNK]
        lock_rows(DevicePresence.objects.filter(device_id__in=some))
        _write(some, policy_s)
    return len(keys)


def lock_policies(tenant_id: int, *, is_shared: bool = False) -> None:
    """Hold the tenant's policies until the unit of work ends: shared to read, alone to change.

    A row lock would not do: who reads a policy that is not there yet has nothing to lock.
    """
    if connection.vendor != "postgresql":
        return
    kind = "_shared" if is_shared else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_advisory_xact_lock{kind}(%s, %s)", [_LOCK_SPACE, tenant_id % 2**31]
        )


def _write(device_ids: Sequence[int], seconds: int | None) -> None:
    presences = DevicePresence.objects.filter(device_id__in=device_ids)
    presences.update(offline_after_s=seconds)
    presences.filter(is_online=True, last_seen_at__isnull=False).update(
        offline_due_at=F("last_seen_at") + silence()
    )
