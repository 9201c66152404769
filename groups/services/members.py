"""Members of static groups: put in and taken out by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from audit.services import recording
from devices import selectors as devices
from groups import errors
from groups.choices import MembershipChange, Why
from groups.models import DeviceGroup, GroupMember
from groups.services import grouping, journal
from groups.types import Line, MembersChanged, MembersEdit
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from kernel.unit_of_work import unit_of_work

MAX_DEVICES: Final = 10_000
# As many uids as an audit entry names.
_NAMED: Final = 100
_record = partial(recording.record_of, "groups.group", "group")


def create_with_members(
    *,
    name: str,
    description: str = "",
    device_uids: Sequence[str] = (),
    actor: Actor,
    now: datetime,
) -> tuple[DeviceGroup, MembersChanged]:
    """Make a static group with devices in it. Raises as `grouping.create_static` and this do."""
    with unit_of_work():
        group = grouping.create_static(name=name, description=description, actor=actor, now=now)
        if not device_uids:
            return group, MembersChanged()
        edit = MembersEdit(add=device_uids)
        return group, change_members(group_uid=group.uid, edit=edit, actor=actor, now=now)


def change_members(
    *, group_uid: str, edit: MembersEdit, actor: Actor, now: datetime
) -> MembersChanged:
    """Put devices into a static group and take others out, all in one transaction.

    Only devices that the actor may see: those of other sites stay as they are. The same again
    changes nothing. Raises NotFound, PermissionDenied below operator, GroupIsDynamic,
    ValidationFailed for more than 10,000 devices or one that is to be both in and out.
    """
    _check(edit)
    with unit_of_work():
        group = grouping.locked(group_uid=group_uid, actor=actor)
        if group.is_dynamic:
            raise errors.GroupIsDynamic
        wanted = _keys(edit.add if edit.only is None else edit.only, group, actor)
        members: Any = GroupMember.objects.visible_to(actor).filter(group=group)
        present = set(members.values_list("device_id", flat=True))
        joining = set(wanted.values()) - present
        if edit.only is None:
            named = _keys(edit.remove, group, actor)
            leaving = present & set(named.values())
        else:
            named, leaving = {}, present - set(wanted.values())
        _carry_out(group, joining, leaving, actor, now)
        asked = {*edit.add, *edit.remove, *(edit.only or ())}
        known = wanted | named
        return MembersChanged(
            joined=len(joining),
            left=len(leaving),
            unchanged=len(set(known.values()) - joining - leaving),
            unknown=sorted(asked - known.keys()),
        )


def _carry_out(
    group: DeviceGroup, joining: set[int], leaving: set[int], actor: Actor, now: datetime
) -> None:
    if not joining and not leaving:
        return
    cause = {"why": str(Why.EDITED), "chain": [actor.as_cause()]}
    lines = [Line(device_id=key, change=MembershipChange.LEFT, cause=cause) for key in leaving]
    lines += [Line(device_id=key, change=MembershipChange.JOINED, cause=cause) for key in joining]
    journal.write(group=group, lines=sorted(lines, key=lambda line: line.device_id), now=now)
    uids = devices.uids_of([*sorted(joining)[:_NAMED], *sorted(leaving)[:_NAMED]])
    _record(
        group,
        "members_changed",
        None,
        {
            "joined": len(joining),
            "left": len(leaving),
            "devices_joined": [uids[key] for key in sorted(joining)[:_NAMED] if key in uids],
            "devices_left": [uids[key] for key in sorted(leaving)[:_NAMED] if key in uids],
        },
        actor,
        now,
    )


def _keys(uids: Collection[str], group: DeviceGroup, actor: Actor) -> dict[str, int]:
    return devices.keys_by_uid(actor=actor, uids=uids, tenant_id=group.tenant_id)


def _check(edit: MembersEdit) -> None:
    if edit.only is not None and (edit.add or edit.remove):
        raise ValidationFailed(details={"set": ["Either this, or add and remove."]})
    if edit.only is None and not edit.add and not edit.remove:
        raise ValidationFailed(details={"add": ["Say what to add, to remove, or to set."]})
    if len(edit.add) + len(edit.remove) + len(edit.only or ()) > MAX_DEVICES:
        raise ValidationFailed(details={"add": [f"At most {MAX_DEVICES} devices at once."]})
    if both := sorted(set(edit.add) & set(edit.remove)):
        raise ValidationFailed(details={"remove": [f"Also to be added: {', '.join(both[:20])}."]})
