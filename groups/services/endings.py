"""What becomes of memberships when a device or an account goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from accounts.registry import ErasedPart
from devices.registry import Ended
from groups import selectors
from groups.choices import MembershipChange, Why
from groups.models import DeviceGroup, GroupMember, MembershipEvent
from groups.services import journal
from groups.types import Line
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

KEPT: Final = "When it joined groups and left them, for as long as the journal is kept; not why."
_PIECE: Final = 500


def leave_with_lives(facts: Sequence[Ended]) -> None:
    """Take devices whose lives end out of their groups, in the transaction of the end."""
    reasons = {fact.device_id: fact.reason for fact in facts}
    now = facts[0].now
    rows: Any = GroupMember.objects.unscoped("devices whose locks are held")
    # Under their own locks: a change of the group that takes one out tells of it, and not this.
    held: list[GroupMember] = lock_rows(rows.filter(device_id__in=list(reasons)))
    by_group: dict[int, list[Line]] = defaultdict(list)
    for member in sorted(held, key=lambda member: member.device_id):
        cause = {"why": str(Why.DEVICE_GONE), "reason": reasons[member.device_id]}
        by_group[member.group_id].append(
            Line(device_id=member.device_id, change=MembershipChange.LEFT, cause=cause)
        )
    if not by_group:
        return
    keys = [member.pk for member in held]
    for start in range(0, len(keys), _PIECE):
        rows.filter(pk__in=keys[start : start + _PIECE]).delete()
    groups: Any = DeviceGroup.objects.unscoped("groups of devices whose lives end")
    for group in groups.filter(pk__in=list(by_group)).order_by("pk"):
        journal.note(group=group, lines=by_group[group.pk], now=now)


def snapshot(device_ids: Sequence[int]) -> dict[int, Any]:
    """The static groups of each device, for its final state."""
    return selectors.static_groups_of(device_ids)


def erase_device(device_id: int, now: datetime) -> dict[str, int]:
    """Empty what the journal says of a device, some with each call; returns the counts."""
    rows: Any = MembershipEvent.objects.unscoped("the device whose lock is held")
    told = rows.filter(device_id=device_id).exclude(cause={})
    keys = list(told.order_by("pk").values_list("pk", flat=True)[:_PIECE])
    rows.filter(pk__in=keys).update(cause={})
    return {"journal_lines_emptied": len(keys)} if keys else {}


def erase_for_account(user_id: int, tenant_ids: Collection[int], now: datetime) -> ErasedPart:
    """Remove the groups of tenants that end with an account, with their journals.

    Some with each call; safe to run twice.
    """
    with unit_of_work():
        for model in (MembershipEvent, GroupMember):
            rows: Any = model.objects.unscoped("tenants of an account that is erased")
            # By their groups, which have an index: others' journals are long.
            left = rows.filter(group__tenant_id__in=tenant_ids)
            keys = list(left.values_list("pk", flat=True)[:_PIECE])
            rows.filter(pk__in=keys).delete()
            if len(keys) == _PIECE:
                return ErasedPart(is_done=False)
        groups: Any = DeviceGroup.objects.unscoped("tenants of an account that is erased")
        groups.filter(tenant_id__in=tenant_ids).delete()
    return ErasedPart(is_done=True)
