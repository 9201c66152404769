"""Takes the tallies: how every tenant's devices stand, once in each slot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Count

from commands import selectors as commands
from devices import selectors as devices
from devices.choices import Sync
from devices.selectors import attention as needs
from fleet.models import FleetTally
from fleet.selectors.attention import FAILED_STATES
from fleet.slots import KEPT_FOR, SLOT, slot_of
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

_PLATFORM: Final = Actor.system("fleet.tally")
_TENANTS_AT_ONCE: Final = 1_000
_ROWS_AT_ONCE: Final = 5_000
# Tenant, site (None: no site), and whether it is of simulated devices.
_Key = tuple[int, int | None, bool]


def take(now: datetime) -> int:
    """Write the tallies of the present slot, all or none; returns how many.

    A slot that has some is done: any number of tickers may try.
    """
    at = slot_of(now)
    rows = FleetTally.objects.unscoped("of all tenants")
    if rows.filter(at=at).exists():
        return 0
    tallies = _tallies(at, now)
    with unit_of_work():
        # Where two have counted at once, the first one's figures stay.
        FleetTally.objects.bulk_create(tallies, batch_size=_ROWS_AT_ONCE, ignore_conflicts=True)
    return len(tallies)


def forget_old(now: datetime) -> int:
    """Delete some tallies that no trend reaches back to; the rest goes next time."""
    rows = FleetTally.objects.unscoped("the end of the tallies, of all tenants")
    with unit_of_work():
        old = rows.filter(at__lt=now - KEPT_FOR).order_by("at")[:_ROWS_AT_ONCE]
        deleted: int = rows.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]
    return deleted


def _tallies(at: datetime, now: datetime) -> list[FleetTally]:
    counted = {_key(row): row for row in _standings(now)}
    drifting = _drifting()
    failed = _failed({tenant_id for tenant_id, _, _ in counted}, at)
    return [
        FleetTally(
            tenant_id=key[0],
            site_id=key[1],
            is_simulated=key[2],
            at=at,
            total=row["total"],
            online=row["online"],
            never_connected=row["never_connected"],
            drifting=drifting.get(key, 0),
            failed_commands=failed.get(key, 0),
        )
        for key, row in counted.items()
    ]


def _standings(now: datetime) -> Any:
    return (
        needs.standings(_PLATFORM, now)
        .filter(tenant_id__isnull=False)
        .values("tenant_id", "site_id", "is_simulated", "total", "online", "never_connected")
    )


def _drifting() -> dict[_Key, int]:
    found = devices.in_sync_state(devices.devices_visible_to(_PLATFORM), Sync.DRIFT)
    owned = found.filter(tenant_id__isnull=False).select_related(None).order_by()
    rows: Any = owned.values("tenant_id", "site_id", "is_simulated").annotate(number=Count("pk"))
    return {_key(row): row["number"] for row in rows}


def _failed(tenant_ids: Collection[int], at: datetime) -> Mapping[_Key, int]:
    """The commands that failed in the slot before this one, by where their devices are now."""
    found: dict[_Key, int] = defaultdict(int)
    ordered = sorted(tenant_ids)
    for start in range(0, len(ordered), _TENANTS_AT_ONCE):
        failed = commands.commands_visible_to(_PLATFORM).filter(
            # Tenant by tenant: there is an index on both.
            tenant_id__in=ordered[start : start + _TENANTS_AT_ONCE],
            state__in=FAILED_STATES,
            finished_at__gte=at - SLOT,
            finished_at__lt=at,
        )
        where = ("tenant_id", "device__site_id", "device__is_simulated")
        rows = failed.select_related(None).order_by().values_list(*where)
        for tenant_id, site_id, is_simulated, number in rows.annotate(number=Count("pk")):
            found[tenant_id, site_id, is_simulated] += number
    return found


def _key(row: Mapping[str, Any]) -> _Key:
    return row["tenant_id"], row["site_id"], row["is_simulated"]
