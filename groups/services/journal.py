"""The journal: every change of a membership as a line, an event and a hint for browsers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from groups import events
from groups.choices import MembershipChange
from groups.models import DeviceGroup, GroupMember, MembershipEvent
from groups.types import Line
from kernel import live
from kernel.events import publish_all
from kernel.unit_of_work import require_unit_of_work, unit_of_work

_CHUNK: Final = 1_000
_EVENTS: Final = {
    MembershipChange.JOINED: events.DeviceJoinedGroup,
    MembershipChange.LEFT: events.DeviceLeftGroup,
}


def write(*, group: DeviceGroup, lines: Sequence[Line], now: datetime) -> None:
    """Carry out and tell changes of a group's members, within the caller's unit of work.

    The caller holds the group's lock, so that its lines are in the order of what happened.
    """
    require_unit_of_work()
    if not lines:
        return
    joined = [line for line in lines if line.change == MembershipChange.JOINED]
    left = [line.device_id for line in lines if line.change == MembershipChange.LEFT]
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
    members: Any = GroupMember.objects.unscoped("a group whose lock is held").filter(group=group)
    for start in range(0, len(left), _CHUNK):
        members.filter(device_id__in=left[start : start + _CHUNK]).delete()
    note(group=group, lines=lines, now=now)


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


def forget_old(now: datetime) -> int:
    """Delete lines older than the journal is kept, some with each transaction; returns how many."""
    rows: Any = MembershipEvent.objects.unscoped("the end of the journal, of all tenants")
    old = rows.filter(at__lt=now - timedelta(days=settings.GROUP_JOURNAL_DAYS)).order_by("at")
    forgotten = 0
    while keys := list(old.values_list("pk", flat=True)[:_CHUNK]):
        with unit_of_work():
            rows.filter(pk__in=keys).delete()
        forgotten += len(keys)
    return forgotten
