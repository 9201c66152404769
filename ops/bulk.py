"""Many chosen devices and what is to become of them: whom it meets, whom not and why, and doing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from accounts.permissions import has_role
from devices import selectors as devices
from devices.services import bulk_editing, tagging
from devices.services.tagging import TagEdit
from groups import selectors as groups
from groups.services import members
from groups.types import MembersEdit
from kernel import errors
from kernel.actors import Actor
from ops import device_list, forms

MOST: Final = 100_000
# A request does what it can in this time and says where to go on.
BUDGET_S: Final = 5.0
_SLICE: Final = 500
_LOOKED_AT: Final = 5_000
_SHOWN: Final = 8
_REASONS: Final[Mapping[str, str]] = {
    bulk_editing.NO_SUCH_SITE: "belong to an organisation without that site",
    bulk_editing.ROLE_TOO_LOW: "are yours to look at, not to change",
    "too_many_tags": "would have more than 50 tags",
    "other_tenant": "belong to another organisation than the group",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Devices by their uids, or all that a filter of the list finds."""

    uids: Sequence[str] = ()
    choice: Mapping[str, str] = field(default_factory=dict)
    is_all: bool = False

    @property
    def target(self) -> dict[str, Any]:
        """The same as batches of commands name it."""
        return {"list": dict(self.choice)} if self.is_all else {"devices": list(self.uids)}

    def keys(self, actor: Actor, *, after: int = 0) -> list[int]:
        """Keys of those the viewer may see, in order, from a key on.

        Raises InvalidQuery, QueryTooSlow, and ValidationFailed for more than fit in one go.
        """
        if not self.is_all:
            found = devices.keys_by_uid(actor=actor, uids=self.uids)
            return sorted(pk for pk in found.values() if pk > after)
        keys = device_list.keys_matching(actor=actor, choice=self.choice, limit=MOST + 1)
        if len(keys) > MOST:
            raise errors.ValidationFailed(f"At most {MOST:,} devices at once. Narrow the filter.")
        return [pk for pk in keys if pk > after]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Devices that stay as they are, with the reason and the first of them."""

    reason: str
    count: int
    first: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What would become of the devices, or has: `goes_on_after` is where the rest begins."""

    changed: int = 0
    unchanged: int = 0
    refused: Sequence[Refused] = ()
    left: int = 0
    goes_on_after: int = 0

    @property
    def total(self) -> int:
        """All that were looked at."""
        return self.changed + self.unchanged + sum(each.count for each in self.refused)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The selection as the page shows it: how many devices, and the first of them."""

    selection: Selection
    total: int
    first: Sequence[Any]
    tenant_ids: frozenset[int]

    @property
    def others(self) -> int:
        """How many there are besides those that are named."""
        return self.total - len(self.first)


@dataclass(kw_only=True, slots=True)
class Found:
    """Counts that grow with each slice."""

    changed: int = 0
    unchanged: int = 0
    refused: dict[str, list[str]] = field(default_factory=dict)

    def add(self, changed: int, unchanged: int, refused: Mapping[str, Sequence[str]]) -> None:
        """Count a slice."""
        self.changed += changed
        self.unchanged += unchanged
        for reason, uids in refused.items():
            if uids:
                self.refused.setdefault(reason, []).extend(uids)

    def outcome(self) -> Outcome:
        """What they add up to."""
        return Outcome(
            changed=self.changed,
            unchanged=self.unchanged,
            refused=[
                Refused(reason=_REASONS[reason], count=len(uids), first=uids[:_SHOWN])
                for reason, uids in sorted(self.refused.items())
            ],
        )


class Deed(Protocol):
    """Something that can be done to many devices: first foreseen, then done slice by slice."""

    def foresee(self, keys: Sequence[int], actor: Actor, found: Found) -> None:
        """Count what would become of these devices."""

    def do(self, keys: Sequence[int], actor: Actor, now: datetime, found: Found) -> None:
        """Do it, and count what became of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagging:
    """Tags are put on and taken off."""

    edit: TagEdit

    def foresee(self, keys: Sequence[int], actor: Actor, found: Found) -> None:
        """See `Deed`."""
        mine, refused = _may_operate(keys, actor)
        seen = tagging.foresee_tags(device_ids=mine, edit=self.edit, actor=actor)
        refused["too_many_tags"] = seen.too_many_tags
        found.add(seen.changed, seen.unchanged, refused)

    def do(self, keys: Sequence[int], actor: Actor, now: datetime, found: Found) -> None:
        """See `Deed`."""
        mine, refused = _may_operate(keys, actor)
        done = tagging.change_tags(device_ids=mine, edit=self.edit, actor=actor, now=now)
        refused["too_many_tags"] = done.too_many_tags
        found.add(done.changed, done.unchanged, refused)


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """Devices are put into a group that has its members by name."""

    group_uid: str

    def foresee(self, keys: Sequence[int], actor: Actor, found: Found) -> None:
        """See `Deed`."""
        group = groups.group_by_uid(actor=actor, uid=self.group_uid)
        mine, others = _of_tenant(keys, actor, group.tenant_id)
        inside = len(groups.members_among(group=group, actor=actor, device_ids=mine))
        found.add(len(mine) - inside, inside, {"other_tenant": others})

    def do(self, keys: Sequence[int], actor: Actor, now: datetime, found: Found) -> None:
        """See `Deed`."""
        group = groups.group_by_uid(actor=actor, uid=self.group_uid)
        mine, others = _of_tenant(keys, actor, group.tenant_id)
        edit = MembersEdit(add=list(devices.uids_of(mine).values()))
        done = members.change_members(group_uid=self.group_uid, edit=edit, actor=actor, now=now)
        found.add(done.joined, done.unchanged, {"other_tenant": others})


@dataclass(frozen=True, kw_only=True, slots=True)
class Moving:
    """Devices come to a site, or to none."""

    site_id: str

    def foresee(self, keys: Sequence[int], actor: Actor, found: Found) -> None:
        """See `Deed`."""
        seen = bulk_editing.foresee_move(device_ids=keys, site_id=self.site_id, actor=actor)
        found.add(seen.changed, seen.unchanged, seen.refused)

    def do(self, keys: Sequence[int], actor: Actor, now: datetime, found: Found) -> None:
        """See `Deed`."""
        done = bulk_editing.move_devices(
            device_ids=keys, site_id=self.site_id, actor=actor, now=now
        )
        found.add(done.changed, done.unchanged, done.refused)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpairing:
    """Lives end."""

    def foresee(self, keys: Sequence[int], actor: Actor, found: Found) -> None:
        """See `Deed`."""
        seen = bulk_editing.foresee_unpairing(device_ids=keys, actor=actor)
        found.add(seen.changed, seen.unchanged, seen.refused)

    def do(self, keys: Sequence[int], actor: Actor, now: datetime, found: Found) -> None:
        """See `Deed`."""
        done = bulk_editing.unpair_devices(device_ids=keys, actor=actor, now=now)
        found.add(done.changed, done.unchanged, done.refused)


def chosen(*, selection: Selection, actor: Actor) -> Chosen:
    """How many devices are meant now, and the first of them. Raises as `Selection.keys`."""
    keys = selection.keys(actor)
    visible = devices.devices_visible_to(actor)
    first = visible.filter(pk__in=keys[:_SHOWN]).order_by("name", "pk")
    tenants = actor.tenant_ids
    if not selection.is_all and len(tenants) > 1:
        owners = visible.filter(pk__in=keys).order_by().values_list("tenant_id", flat=True)
        tenants = frozenset(owners.distinct())
    return Chosen(selection=selection, total=len(keys), first=list(first), tenant_ids=tenants)


def foresee(*, deed: Deed, selection: Selection, actor: Actor) -> Outcome:
    """What the deed would do to the selection now. Raises as the deed and `Selection.keys` do."""
    found = Found()
    for some in _slices(selection.keys(actor), _LOOKED_AT):
        deed.foresee(some, actor, found)
    return found.outcome()


def carry_out(
    *,
    deed: Deed,
    selection: Selection,
    after: int = 0,
    actor: Actor,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Do it, 500 devices at a time, for about five seconds; the rest begins after a key.

    Raises as the deed and `Selection.keys` do.
    """
    until, found = clock() + BUDGET_S, Found()
    keys = selection.keys(actor, after=after)
    done = 0
    for some in _slices(keys, _SLICE):
        if done and clock() >= until:
            break
        deed.do(some, actor, now, found)
        done += len(some)
    outcome = found.outcome()
    if done == len(keys):
        return outcome
    return replace(outcome, left=len(keys) - done, goes_on_after=keys[done - 1])


def static_groups(*, actor: Actor) -> list[tuple[str, str]]:
    """Uid and name of the groups the viewer may put devices into."""
    found = groups.groups_visible_to(actor).filter(query__isnull=True).order_by("name", "pk")
    return [
        (group.uid, group.name)
        for group in found[:500]
        if has_role(actor, group.tenant_id, "operator")
    ]


def sites(*, actor: Actor) -> list[tuple[str, str]]:
    """Id and name of the sites that devices may be moved to."""
    named: dict[str, str] = {}
    for site in devices.sites_visible_to(actor).order_by("name", "pk")[:2_000]:
        if has_role(actor, site.tenant_id, "operator"):
            named.setdefault(site.site_id, site.name)
    return [(site_id, f"{name} ({site_id})") for site_id, name in named.items()]


def selection_of(given: Any) -> Selection:
    """The selection that an address or a form names: `device` for each, or `all` with a filter."""
    choice = forms.filter_of(forms.DeviceFilter(given).chosen())
    if given.get("all"):
        return Selection(choice=choice, is_all=True)
    uids = list(
        dict.fromkeys(uid for uid in given.getlist("device") if uid.isascii() and uid.isprintable())
    )
    return Selection(uids=uids[: bulk_editing.MAX_DEVICES], choice=choice)


def _may_operate(keys: Sequence[int], actor: Actor) -> tuple[list[int], dict[str, list[str]]]:
    mine, others = [], []
    for pk, uid, tenant_id in _facts(keys, actor):
        if has_role(actor, tenant_id, "operator"):
            mine.append(pk)
        else:
            others.append(uid)
    return mine, {bulk_editing.ROLE_TOO_LOW: others}


def _of_tenant(keys: Sequence[int], actor: Actor, tenant_id: int) -> tuple[list[int], list[str]]:
    mine, others = [], []
    for pk, uid, owner in _facts(keys, actor):
        if owner == tenant_id:
            mine.append(pk)
        else:
            others.append(uid)
    return mine, others


def _facts(keys: Sequence[int], actor: Actor) -> Iterable[tuple[int, str, int]]:
    visible = devices.devices_visible_to(actor).filter(pk__in=keys).select_related(None)
    rows: Iterable[tuple[int, str, int]] = visible.values_list("pk", "uid", "tenant_id")
    return rows


def _slices(keys: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
