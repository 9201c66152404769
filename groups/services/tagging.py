"""Tags of devices that are named by a group or a query, and who still asks for an old tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accounts.permissions import one_tenant
from devices import selectors as devices
from devices.services import tagging
from devices.services.tagging import TagEdit
from groups import definitions, fact_selectors, selectors
from groups import query as language
from groups.models import DeviceGroup
from groups.types import Selection
from kernel.actors import Actor
from kernel.errors import ValidationFailed

_WAYS = "Say which devices: devices, group, query or query_filter, one of them."


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkTagged:
    """What became of the tags of many devices; `unknown` are uids of none of the actor's."""

    changed: int
    unchanged: int
    too_many_tags: Sequence[str] = ()
    unknown: Sequence[str] = ()
    groups: Sequence[DeviceGroup] = field(default_factory=tuple)


def tag_selected(
    *,
    selection: Selection,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    only: Sequence[str] | None = None,
    actor: Actor,
    now: datetime,
) -> BulkTagged:
    """Change the tags of the devices that are meant, as `devices.services.tagging` does.

    Raises as that, NotFound for a group, InvalidQuery, QueryTooSlow, TenantRequired for a query.
    """
    keys, unknown = _selected(selection, actor, now)
    edit = TagEdit(add=add, remove=remove, only=only)
    done = tagging.change_tags(device_ids=keys, edit=edit, actor=actor, now=now)
    return BulkTagged(
        changed=done.changed,
        unchanged=done.unchanged,
        too_many_tags=done.too_many_tags,
        unknown=unknown,
    )


def rename(*, old: str, new: str, actor: Actor, now: datetime) -> BulkTagged:
    """Call a tag otherwise in the actor's tenant, and name the groups that ask for the old one.

    Raises as `devices.services.tagging.rename_tag`.
    """
    done = tagging.rename_tag(old=old, new=new, actor=actor, now=now)
    return BulkTagged(
        changed=done.changed,
        unchanged=done.unchanged,
        too_many_tags=done.too_many_tags,
        groups=_asking_for(old, one_tenant(actor), actor),
    )


def _selected(selection: Selection, actor: Actor, now: datetime) -> tuple[list[int], Sequence[str]]:
    ways = (selection.devices, selection.group, selection.query, selection.query_filter)
    if sum(way is not None for way in ways) != 1:
        raise ValidationFailed(details={"devices": [_WAYS]})
    if selection.devices is not None:
        found = devices.keys_by_uid(actor=actor, uids=selection.devices)
        return list(found.values()), sorted(set(selection.devices) - found.keys())
    if selection.group is not None:
        group = selectors.group_by_uid(actor=actor, uid=selection.group)
        return selectors.pin(group=group, actor=actor, now=now), ()
    tenant_id = one_tenant(actor)
    wanted = definitions.defined(query=selection.query, query_filter=selection.query_filter)
    matching = selectors.devices_matching(query=wanted.query, actor=actor, now=now)
    with fact_selectors.bounded():
        return list(selectors.keys_of(matching.filter(tenant_id=tenant_id)).order_by("pk")), ()


def _asking_for(tag: str, tenant_id: int, actor: Actor) -> list[DeviceGroup]:
    key, _, value = (part.strip() for part in tag.partition("="))
    groups = selectors.groups_visible_to(actor).filter(tenant_id=tenant_id, query__isnull=False)
    return [
        group
        for group in groups.order_by("name")
        if any(
            _names(leaf, key, value) for _, leaf in language.leaves(definitions.kept(group.query))
        )
    ]


def _names(leaf: language.Leaf, key: str, value: str) -> bool:
    """Whether a condition is about that tag, or about any value of the key when none is given."""
    if leaf.field != "tag":
        return False
    asked = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    texts = [text.partition("=") for text in asked if isinstance(text, str)]
    return any(text[0].strip() == key and (not value or text[2] in ("", value)) for text in texts)
