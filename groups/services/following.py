"""Following dynamic groups: what joined and left since the journal last looked, and why.

Each group has a due time; whoever moves it on looks at the group, so any number of processes may.
The database finds the difference between who is in the group and who was; only that is read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Max

from devices import selectors as devices
from devices.choices import Pairing
from groups import definitions, fact_selectors
from groups import query as language
from groups.choices import GroupKind, MembershipChange, Why
from groups.compiling import compile_query
from groups.errors import QueryTooSlow
from groups.models import DeviceGroup, GroupMember, MembershipEvent
from groups.query import Facts, Query, Verdict
from groups.selectors import keys_of
from groups.services import journal
from groups.types import Line
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=30)
# A query that takes too long is left alone for a while: others are due too.
_LATER: Final = timedelta(minutes=5)
# The other jobs of the ticker wait while this one works.
_BUDGET_S: Final = 1.0
# Changes of one group that are written in one transaction: more where no facts are looked at.
_TOGETHER: Final = 2_000
_FACTS_TOGETHER: Final = 500
_ACTOR: Final = Actor.system("groups.journal")
_WHY: Final = "the journal follows the groups of all tenants"


def sweep(now: datetime, *, budget_s: float = _BUDGET_S) -> int:
    """Look at the dynamic groups that are due, for a second at most; returns how many."""
    until = time.monotonic() + budget_s
    looked_at = 0
    while (group := _next_due(now)) is not None:
        if not _follow(group, now, until):
            # The rest of its changes comes after the groups that have been due for longer.
            _rows().filter(pk=group.pk).update(sweep_due_at=now)
        looked_at += 1
        if time.monotonic() >= until:
            break
    return looked_at


def _rows() -> Any:
    """Living groups: one that was removed meanwhile is made due by nothing any more."""
    groups: Any = DeviceGroup.objects.unscoped(_WHY)
    return groups.filter(removed_at__isnull=True)


def _next_due(now: datetime) -> DeviceGroup | None:
    """The group that has been due for longest, for this process alone; None when none is."""
    due = _rows().filter(kind=GroupKind.DYNAMIC, sweep_due_at__lte=now).order_by("sweep_due_at")
    while (group := due.first()) is not None:
        seen = group.sweep_due_at
        if _rows().filter(pk=group.pk, sweep_due_at=seen).update(sweep_due_at=now + EVERY):
            found: DeviceGroup = group
            return found
    return None


def _follow(group: DeviceGroup, now: datetime, until: float) -> bool:
    """Write what changed in the group; False when there is more than the time allows."""
    try:
        # Most of the time nothing did: that is found without a lock.
        is_more = any(_differences(group, now))
        while is_more:
            is_more = _write_some(group, now)
            if is_more and time.monotonic() >= until:
                return False
    except QueryTooSlow:
        logger.warning("A group takes too long to look at", extra={"group": group.uid})
        _rows().filter(pk=group.pk).update(sweep_due_at=now + _LATER, sweep_error=QueryTooSlow.code)
        return True
    if group.swept_version != group.query_version or group.sweep_error:
        _rows().filter(pk=group.pk, query_version=group.query_version).update(
            swept_version=group.query_version, sweep_error=""
        )
    return True


@unit_of_work()
def _write_some(group: DeviceGroup, now: datetime) -> bool:
    """Write some of what changed; whether there is more of it.

    There is not in a group that is another one meanwhile, or gone: who changed it made it due.
    """
    held = lock_rows(_rows().filter(pk=group.pk))
    if not held or held[0].query_version != group.query_version:
        return False
    joined, left = _differences(group, now)
    journal.write(group=group, lines=_lines(group, joined, left, now), now=now)
    return len(joined) + len(left) >= _together(group)


def _together(group: DeviceGroup) -> int:
    """As many changes as are written in one transaction."""
    return _FACTS_TOGETHER if group.swept_version == group.query_version else _TOGETHER


def _differences(group: DeviceGroup, now: datetime) -> tuple[list[int], list[int]]:
    """Keys of some devices that the query finds and the journal has not, and the other way round.

    In one statement that asks the query once: a device on one side only is a change.
    """
    query = compile_query(definitions.kept(group.query), now)
    everybody = devices.devices_visible_to(_ACTOR).filter(tenant_id=group.tenant_id)
    found = keys_of(everybody.filter(query))
    members: Any = GroupMember.objects.unscoped(_WHY)
    known = members.filter(group_id=group.pk).order_by().values_list("device_id", flat=True)
    with fact_selectors.bounded():
        return _on_one_side(found, known, limit=_together(group))


def _on_one_side(found: Any, known: Any, *, limit: int) -> tuple[list[int], list[int]]:
    """Up to `limit` keys in all that only the first of the queries finds, or only the second."""
    try:
        asked, values = found.query.sql_with_params()
    except EmptyResultSet:
        # One that can find nothing has no statement.
        return [], list(known[:limit])
    listed, more = known.query.sql_with_params()
    # Statements that Django wrote, with their parameters; each finds a key once at most.
    statement = (
        f"WITH found (key) AS ({asked}), known (key) AS ({listed}) "  # noqa: S608
        "SELECT key, max(side) FROM (SELECT key, 1 AS side FROM found "
        "UNION ALL SELECT key, 0 FROM known) AS sides GROUP BY key HAVING count(*) = 1 LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, (*values, *more, limit))
        rows = cursor.fetchall()
    return [key for key, side in rows if side], [key for key, side in rows if not side]


def _lines(
    group: DeviceGroup, joined: Sequence[int], left: Sequence[int], now: datetime
) -> list[Line]:
    changes = dict.fromkeys(joined, MembershipChange.JOINED)
    changes |= dict.fromkeys(left, MembershipChange.LEFT)
    ordered = sorted(changes)
    if group.swept_version != group.query_version:
        why = Why.QUERY_CHANGED if group.swept_version else Why.GROUP_CREATED
        cause = {"why": str(why), "query": group.query_text[:500]}
        return [Line(device_id=key, change=changes[key], cause=cause) for key in ordered]
    query = definitions.kept(group.query)
    facts = fact_selectors.facts_of(ordered)
    before = _leaves_before(group, joined, left)
    return [
        _line(group, query, key, changes[key], facts.get(key), before.get(key, ""), now)
        for key in ordered
    ]


def _line(
    group: DeviceGroup,
    query: Query,
    device_id: int,
    change: str,
    facts: Facts | None,
    before: str,
    now: datetime,
) -> Line:
    if facts is None or facts.pairing == Pairing.UNPAIRED:
        return Line(device_id=device_id, change=change, cause={"why": str(Why.DEVICE_GONE)})
    verdicts = language.explain(query, facts, now).leaves()
    leaves = "".join("1" if verdict.is_met else "0" for verdict in verdicts)
    version, _, bits = before.partition(":")
    # Conditions of another query are not these.
    before = bits if version == str(group.query_version) else ""
    told = [
        {
            "pointer": verdict.pointer,
            "condition": verdict.text,
            "is_met": verdict.is_met,
            "actual": verdict.actual,
        }
        for verdict, was in zip(verdicts, before.ljust(len(leaves)), strict=False)
        # Without a look before, whatever speaks for the change now.
        if (was != ("1" if verdict.is_met else "0") if before else _speaks(change, verdict))
    ]
    is_new = not before and change == MembershipChange.JOINED and _is_new(group, facts)
    why = Why.DEVICE_NEW if is_new else Why.FACTS_CHANGED
    return Line(
        device_id=device_id,
        change=change,
        cause={"why": str(why), "changed": told},
        leaves=f"{group.query_version}:{leaves}",
    )


def _speaks(change: str, verdict: Verdict) -> bool:
    """Whether a condition as it stands is for the change; under a "not" it is turned around."""
    is_turned = verdict.pointer.split("/").count("not") % 2 == 1
    return (verdict.is_met != is_turned) == (change == MembershipChange.JOINED)


def _is_new(group: DeviceGroup, facts: Facts) -> bool:
    """Whether the tenant got the device after the journal last looked at the group."""
    if group.sweep_due_at is None or facts.claimed_at is None:
        return False
    return facts.claimed_at >= group.sweep_due_at - EVERY


def _leaves_before(
    group: DeviceGroup, joined: Sequence[int], left: Sequence[int]
) -> dict[int, str]:
    """How the conditions stood when each device was last looked at: as it joined, or left."""
    members: Any = GroupMember.objects.unscoped(_WHY)
    found = dict(
        members.filter(group_id=group.pk, device_id__in=left).values_list("device_id", "leaves")
    )
    lines: Any = MembershipEvent.objects.unscoped(_WHY)
    last = (
        lines.filter(group_id=group.pk, device_id__in=joined)
        .order_by()
        .values("device_id")
        .annotate(last=Max("pk"))
        .values("last")
    )
    found.update(lines.filter(pk__in=last).values_list("device_id", "leaves"))
    return found
