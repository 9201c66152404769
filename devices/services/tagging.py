"""Tags of many devices at once, and new names for tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from accounts.permissions import has_role, one_tenant
from audit.services import recording
from devices import errors, events, permissions, selectors, tag_names
from devices.models import Device, DeviceTag
from devices.services import sessions, tag_rows
from devices.tag_names import MAX_TAGS, Tag, WrongTag
from kernel import live
from kernel.actors import Actor
from kernel.errors import PermissionDenied, ValidationFailed
from kernel.events import publish_all
from kernel.unit_of_work import unit_of_work

MAX_DEVICES = 10_000
# Devices that are locked together.
_TOGETHER = 500
# As many uids as a refusal names.
_NAMED = 20

Tags = dict[str, Tag]


@dataclass(frozen=True, kw_only=True, slots=True)
class TagEdit:
    """What becomes of tags: all are replaced by `only`, or some are added and some removed.

    To remove `key` takes the tag of that key whatever its value; `key=value` only with that value.
    """

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    only: Sequence[str] | None = None


@dataclass(kw_only=True, slots=True)
class Tagged:
    """How many devices have other tags now, how many had them so, and which could not."""

    changed: int = 0
    unchanged: int = 0
    too_many_tags: list[str] = field(default_factory=list)


def change_tags(*, device_ids: Iterable[int], edit: TagEdit, actor: Actor, now: datetime) -> Tagged:
    """Change the tags of up to 10,000 devices that the actor may see, some in each transaction.

    The same again changes nothing, so one that was interrupted is simply repeated. A device that
    would have more than 50 tags keeps those it has. Raises ValidationFailed, PermissionDenied.
    """
    change = _change_of(edit)
    keys = sorted(set(device_ids))
    if len(keys) > MAX_DEVICES:
        raise ValidationFailed(details={"devices": [f"At most {MAX_DEVICES} at once."]})
    # Of all tenants before any: a refusal has changed nothing.
    for tenant_id in _owners(keys, actor):
        permissions.require_operate(actor, tenant_id)
    found = Tagged()
    for some in _chunks(keys):
        _change_some(some, change, found, actor, now)
    return found


def foresee_tags(*, device_ids: Iterable[int], edit: TagEdit, actor: Actor) -> Tagged:
    """What `change_tags` would do now; nothing is changed. Raises ValidationFailed.

    A device of a tenant in which the actor may not edit counts as unchanged.
    """
    change = _change_of(edit)
    found = Tagged()
    visible = Device.objects.visible_to(actor).order_by("pk")
    for some in _chunks(sorted(set(device_ids))):
        for device in visible.filter(pk__in=some):
            after = change(tag_rows.tags_of(device))
            if not has_role(actor, device.tenant_id, "operator"):
                found.unchanged += 1
            elif len(after) > MAX_TAGS:
                found.too_many_tags.append(device.uid)
            elif tag_names.written(after.values()) == device.tags:
                found.unchanged += 1
            else:
                found.changed += 1
    return found


def change_tags_of(*, device_uid: str, edit: TagEdit, actor: Actor, now: datetime) -> Device:
    """Change the tags of one device. Raises NotFound, DeviceArchived, and as `change_tags`.

    ValidationFailed also where it would have more than 50.
    """
    device = selectors.device_by_uid(actor=actor, uid=device_uid)
    permissions.require_operate(actor, device.tenant_id)
    found = change_tags(device_ids=[device.pk], edit=edit, actor=actor, now=now)
    if found.too_many_tags:
        raise ValidationFailed(details={"add": [f"A device has at most {MAX_TAGS} tags."]})
    return selectors.device_by_uid(actor=actor, uid=device.uid)


def rename_tag(*, old: str, new: str, actor: Actor, now: datetime) -> Tagged:
    """Call a tag otherwise on all devices of the actor's tenant.

    `key` renames that key with whatever values it has; `key=value` only the tag of that value.
    Raises TenantRequired, PermissionDenied below operator and for who is limited to sites,
    ValidationFailed, TagTaken where a device has another tag of the new key.
    """
    tenant_id = one_tenant(actor)
    permissions.require_operate(actor, tenant_id)
    if not actor.may_see_site(tenant_id, None):
        raise PermissionDenied("You edit devices of your sites only; this is for all sites.")
    before, after = _named("old", old), _named("new", new)
    if after.value and not before.value:
        raise ValidationFailed(
            details={"new": ["A key becomes a key: its devices keep the values they have."]}
        )
    bearers = _bearers(before, tenant_id)
    _require_free(before, after, bearers)
    keys = list(bearers.order_by("device_id").values_list("device_id", flat=True))
    found = Tagged()
    for some in _chunks(keys):
        _change_some(some, _renaming(before, after), found, actor, now)
    return found


def _owners(keys: Sequence[int], actor: Actor) -> set[int | None]:
    """Whose devices these are, as far as the actor may see them; of an actor of one tenant, that."""
    if not actor.is_system and len(actor.roles) == 1:
        return set(actor.roles)
    visible = Device.objects.visible_to(actor).order_by()
    return {
        tenant_id
        for some in _chunks(keys)
        for tenant_id in visible.filter(pk__in=some).values_list("tenant_id", flat=True).distinct()
    }


def _chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + _TOGETHER] for start in range(0, len(keys), _TOGETHER))


@unit_of_work()
def _change_some(
    keys: Sequence[int], change: Callable[[Tags], Tags], found: Tagged, actor: Actor, now: datetime
) -> None:
    sessions.lock_devices(device_ids=keys)
    devices = list(Device.objects.visible_to(actor).filter(pk__in=keys).order_by("pk"))
    for tenant_id in {device.tenant_id for device in devices}:
        permissions.require_operate(actor, tenant_id)
    changed: list[Device] = []
    for device in devices:
        after = change(tag_rows.tags_of(device))
        told = tag_names.written(after.values())
        if len(after) > MAX_TAGS:
            found.too_many_tags.append(device.uid)
        elif told == device.tags:
            found.unchanged += 1
        else:
            _record(device, told, actor, now)
            device.tags = told
            changed.append(device)
    if changed:
        Device.objects.unscoped("devices whose locks are held").bulk_update(changed, ["tags"])
        tag_rows.keep(changed)
        _tell(changed, now)
    found.changed += len(changed)


def _change_of(edit: TagEdit) -> Callable[[Tags], Tags]:
    if edit.only is not None:
        if edit.add or edit.remove:
            raise ValidationFailed(details={"set": ["Either this, or add and remove."]})
        only = _parsed("set", edit.only)
        return lambda tags: only
    add, remove = _parsed("add", edit.add), _parsed("remove", edit.remove)
    if not add and not remove:
        raise ValidationFailed(details={"add": ["Say what to add, to remove, or to set."]})
    if both := sorted(key for key in add.keys() & remove.keys() if remove[key] == add[key]):
        raise ValidationFailed(details={"remove": [f"Also to be added: {', '.join(both)}."]})

    def change(tags: Tags) -> Tags:
        kept = {
            key: tag
            for key, tag in tags.items()
            if key not in remove or remove[key].value not in ("", tag.value)
        }
        return kept | add

    return change


def _renaming(before: Tag, after: Tag) -> Callable[[Tags], Tags]:
    def change(tags: Tags) -> Tags:
        tag = tags.get(before.key)
        if tag is None or (before.value and tag != before):
            return tags
        renamed = after if before.value else Tag(after.key, tag.value)
        others = {key: other for key, other in tags.items() if key != before.key}
        # One that has got another value since they were looked through keeps both.
        return (
            tags if others.get(renamed.key, renamed) != renamed else others | {after.key: renamed}
        )

    return change


def _bearers(tag: Tag, tenant_id: int) -> QuerySet[DeviceTag]:
    rows: QuerySet[DeviceTag] = DeviceTag.objects.unscoped("the actor's one tenant")
    found = rows.filter(tenant_id=tenant_id, key=tag.key, device__is_active=True)
    return found.filter(value=tag.value) if tag.value else found


def _require_free(before: Tag, after: Tag, bearers: QuerySet[DeviceTag]) -> None:
    """Refuse to give a key a second value. Raises TagTaken."""
    if before.key == after.key:
        return
    rows: QuerySet[DeviceTag] = DeviceTag.objects.unscoped("devices that bear a tag")
    taken = rows.filter(key=after.key, device_id__in=bearers.values("device_id"))
    if before.value:
        taken = taken.exclude(value=after.value)
        uids = list(taken.order_by("device_id").values_list("device__uid", flat=True)[:_NAMED])
    else:
        values = dict(bearers.values_list("device_id", "value"))
        uids = [
            uid
            for device_id, value, uid in taken.values_list("device_id", "value", "device__uid")
            if values.get(device_id) != value
        ][:_NAMED]
    if uids:
        raise errors.TagTaken(details={"new": [str(after)], "devices": uids})


def _named(name: str, text: str) -> Tag:
    try:
        return tag_names.parsed(text)
    except WrongTag as wrong:
        raise ValidationFailed(details={name: [str(wrong)]}) from None


def _parsed(name: str, texts: Iterable[str]) -> Tags:
    try:
        return tag_names.parsed_all(texts)
    except WrongTag as wrong:
        raise ValidationFailed(details={name: [str(wrong)]}) from None


def _record(device: Device, told: list[str], actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=device.tenant_id,
        action="devices.device.updated",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before={"tags": device.tags},
        after={"tags": told},
        now=now,
    )


def _tell(changed: Sequence[Device], now: datetime) -> None:
    for device in changed:
        live.append(
            tenant_id=device.tenant_id,
            kind="device_updated",
            payload={"device_uid": device.uid},
            now=now,
        )
    publish_all(
        [
            events.DeviceUpdated(occurred_at=now, device_id=device.pk, fields=("tags",))
            for device in changed
        ]
    )
