"""The journal: every change of a membership as a line, an event and a hint for browsers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from groups import events
from groups.choices import MembershipChange
from groups.models import DeviceGroup, GroupMember, MembershipEvent
from groups.types import Line
from kernel import live
from kernel.events import publish_all
from kernel.locking import lock_rows
from kernel.unit_of_work import require_unit_of_work, unit_of_work

_CHUNK: Final = 1_000
# The other jobs of the ticker wait while old lines are deleted.
_BUDGET_S: Final = 1.0
_EVENTS: Final = {
    MembershipChange.JOINED: events.DeviceJoinedGroup,
    MembershipChange.LEFT: events.DeviceLeftGroup,
}


def write(*, group: DeviceGroup, lines: Sequence[Line], now: datetime) -> None:
    """Carry out and tell changes of a group's members, within the caller's unit of work.

    The caller holds the group's lock, so that its lines are in the order of what happened.
    """
    require_unit_of_work()
    left = _held(group, [line.device_id for line in lines if line.change == MembershipChange.LEFT])
    lines = [
        line for line in lines if line.change != MembershipChange.LEFT or line.device_id in left
    ]
    if not lines:
        return
    joined = [line for line in lines if line.change == MembershipChange.JOINED]
    GroupMember.objects.bulk_create(
        [
            GroupMember(
                group=group,
                tenant_id=group.tenant_id,
                device_id=line.device_id,
                since=now,
                leaves=line.leaves,
            )
            for line in joined
        ],
        batch_size=_CHUNK,
    )
    for some in _pieces(sorted(left.values())):
        _members(group).filter(pk__in=some).delete()
    note(group=group, lines=lines, now=now)


def _held(group: DeviceGroup, device_ids: Sequence[int]) -> dict[int, int]:
    """The rows of these members by device, under their locks.

    The end of a life takes rows out without the group's lock, and tells of it.
    """
    members = _members(group)
    keys: list[int] = []
    for some in _pieces(device_ids):
        keys += members.filter(device_id__in=some).values_list("pk", flat=True)
    # In the order of their keys, as the end of many lives takes them.
    held = (
        member
        for some in _pieces(sorted(keys))
        for member in lock_rows(members.filter(pk__in=some))
    )
    return {member.device_id: member.pk for member in held}


def _pieces(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))


def _members(group: DeviceGroup) -> Any:
    members: Any = GroupMember.objects.unscoped("a group whose lock is held")
    return members.filter(group=group)


def note(*, group: DeviceGroup, lines: Sequence[Line], now: datetime) -> None:
    """Only tell of changes that have been carried out."""
    MembershipEvent.objects.bulk_create(
        [
            MembershipEvent(
                group=group,
                tenant_id=group.tenant_id,
                device_id=line.device_id,
                change=line.change,
                at=now,
                cause=line.cause,
                leaves=line.leaves,
            )
            for line in lines
        ],
        batch_size=_CHUNK,
    )
    publish_all(
        [
            _EVENTS[MembershipChange(line.change)](
                occurred_at=now,
                group_id=group.pk,
                group_uid=group.uid,
                tenant_id=group.tenant_id,
                device_id=line.device_id,
                why=line.cause.get("why", ""),
            )
            for line in lines
        ]
    )
    joined = sum(line.change == MembershipChange.JOINED for line in lines)
    live.append(
        tenant_id=group.tenant_id,
        kind="group_members_changed",
        payload={"group_uid": group.uid, "joined": joined, "left": len(lines) - joined},
        now=now,
    )


def forget_old(now: datetime, *, budget_s: float = _BUDGET_S) -> int:
    """Delete lines older than the journal is kept, for a second at most; returns how many.

    Some with each transaction; what is left goes next time.
    """
    until = time.monotonic() + budget_s
    rows: Any = MembershipEvent.objects.unscoped("the end of the journal, of all tenants")
    old = rows.filter(at__lt=now - timedelta(days=settings.GROUP_JOURNAL_DAYS)).order_by("at")
    forgotten = 0
    while keys := list(old.values_list("pk", flat=True)[:_CHUNK]):
        with unit_of_work():
            rows.filter(pk__in=keys).delete()
        forgotten += len(keys)
        if time.monotonic() >= until:
            break
    return forgotten
