"""Reads about groups. Who is in a dynamic one is asked of the devices each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from accounts.permissions import one_tenant
from devices import selectors as devices
from devices.selectors.tags import tags_visible_to
from groups import definitions, fact_selectors
from groups import query as language
from groups.compiling import compile_query
from groups.models import DeviceGroup, GroupMember, MembershipEvent
from groups.query import Query, Suggestion, Suggestions
from groups.types import Preview, WhyInGroup
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.scoping import TenantQuerySet

_PAGE: Final = 1_000
# Devices that a preview shows, and values that are offered to who types.
_FIRST: Final = 50
_OFFERED: Final = 20


def groups_visible_to(actor: Actor) -> TenantQuerySet[Any]:
    """Living groups of the actor's tenants, with their owners."""
    groups: TenantQuerySet[Any] = DeviceGroup.objects.visible_to(actor)
    return groups.filter(removed_at__isnull=True).select_related("tenant")


def group_by_uid(*, actor: Actor, uid: str) -> DeviceGroup:
    """The living group of that uid, if the actor may see it. Raises NotFound."""
    found: DeviceGroup | None = groups_visible_to(actor).filter(uid=uid).first()
    if found is None:
        raise errors.NotFound
    return found


def devices_in(*, group: DeviceGroup, actor: Actor, now: datetime) -> QuerySet[Any]:
    """The group's living devices that the actor may see, as of now, with presence and site."""
    visible = devices.devices_visible_to(actor).filter(tenant_id=group.tenant_id)
    if group.is_dynamic:
        found: QuerySet[Any] = visible.filter(compile_query(definitions.kept(group.query), now))
        return found
    members: Any = GroupMember.objects.unscoped("a group found within the actor's scope")
    named: QuerySet[Any] = visible.filter(
        pk__in=members.filter(group_id=group.pk).values("device_id")
    )
    return named


def members_matching(
    *, group: DeviceGroup, text: str | None, actor: Actor, now: datetime
) -> QuerySet[Any]:
    """The group's devices that the actor may see and a query, if given, finds as well.

    Raises InvalidQuery.
    """
    found = devices_in(group=group, actor=actor, now=now)
    if text is None:
        return found
    return found.filter(compile_query(definitions.defined(query=text).query, now))


def members_among(*, group: DeviceGroup, actor: Actor, device_ids: Sequence[int]) -> set[int]:
    """Keys of those of the devices that a static group has by name and the actor may see."""
    rows: Any = GroupMember.objects.visible_to(actor)
    found = rows.filter(group_id=group.pk, device_id__in=device_ids)
    return set(found.values_list("device_id", flat=True))


def devices_matching(*, query: Query, actor: Actor, now: datetime) -> QuerySet[Any]:
    """Living devices the actor may see that the query finds, with presence and site."""
    found: QuerySet[Any] = devices.devices_visible_to(actor).filter(compile_query(query, now))
    return found


def members_now(*, group: DeviceGroup, actor: Actor, now: datetime) -> QuerySet[Any, int]:
    """Keys of the group's devices that the actor may see, read when it is evaluated."""
    return keys_of(devices_in(group=group, actor=actor, now=now))


def pin(*, group: DeviceGroup, actor: Actor, now: datetime) -> list[int]:
    """Keys of the group's devices as they are now, in order: they stay these, whoever joins."""
    with fact_selectors.bounded():
        return list(members_now(group=group, actor=actor, now=now).order_by("pk"))


def keys_of(found: QuerySet[Any]) -> QuerySet[Any, int]:
    """Keys alone of devices that were found."""
    return found.select_related(None).order_by().values_list("pk", flat=True)


def narrowed_to_group(found: Any, actor: Actor, value: str) -> Any:
    """Those of the devices that are in the group of that uid now. Raises NotFound."""
    group = group_by_uid(actor=actor, uid=value)
    return found.filter(pk__in=members_now(group=group, actor=actor, now=timezone.now()))


def narrowed_by_query(found: Any, actor: Actor, value: str) -> Any:
    """Those of the devices that a query, written as text, finds now. Raises InvalidQuery."""
    return found.filter(compile_query(definitions.defined(query=value).query, timezone.now()))


def member_lines(*, group: DeviceGroup, actor: Actor, now: datetime) -> Iterator[tuple[str, ...]]:
    """The group's devices as rows of `member_file.COLUMNS`, read page by page, the first at once.

    Each page is read in a transaction of its own within what the actor may touch; a device is in
    no two pages. Raises QueryTooSlow.
    """
    lines = _lines(group, actor, now)
    # While a refusal can still be an answer.
    return chain(list(islice(lines, 1)), lines)


def _lines(group: DeviceGroup, actor: Actor, now: datetime) -> Iterator[tuple[str, ...]]:
    after = 0
    while True:
        # Each piece may be made on another thread: what holds for one page ends with it.
        with row_security.actor_scope(actor), fact_selectors.bounded():
            found = devices_in(group=group, actor=actor, now=now).filter(pk__gt=after)
            page = list(found.order_by("pk")[:_PAGE])
        yield from (_line(device, now) for device in page)
        if len(page) < _PAGE:
            return
        after = page[-1].pk


def _line(device: Any, now: datetime) -> tuple[str, ...]:
    seen = device.presence.last_seen_at
    return (
        device.uid, device.device_id, device.name,
        "" if device.site is None else device.site.site_id,
        device.device_class, device.model, device.firmware_version, "|".join(device.tags),
        str(devices.connectivity(device, now)), "" if seen is None else seen.isoformat(),
    )  # fmt: skip


def preview(*, query: Query, actor: Actor, now: datetime) -> Preview:
    """What a group of that query would have in the actor's one tenant now.

    Raises TenantRequired, QueryTooSlow.
    """
    tenant_id = one_tenant(actor)
    found = devices_matching(query=query, actor=actor, now=now).filter(tenant_id=tenant_id)
    number = count(found)
    with fact_selectors.bounded():
        return Preview(count=number, first=list(found.order_by("-pk")[:_FIRST]))


def count(found: QuerySet[Any]) -> int:
    """How many devices were found. Raises QueryTooSlow."""
    with fact_selectors.bounded():
        return found.select_related(None).order_by().count()


def suggestions(*, text: str, cursor: int, actor: Actor) -> Suggestions:
    """What may be written at the cursor, also of the values that devices of the actor have.

    Raises QueryTooSlow.
    """
    found = language.suggest(text, cursor)
    values_of = _VALUES.get(found.values_of)
    if values_of is None:
        return found
    field = language.field_named(found.values_of)
    with fact_selectors.bounded():
        values = values_of(actor, found.typed)
    items = [Suggestion(language.literal(field.kind, value), field.title) for value in values]
    return replace(found, items=tuple(items))


def _sites(actor: Actor, beginning: str) -> list[str]:
    named = devices.sites_visible_to(actor).filter(site_id__istartswith=beginning)
    return list(named.order_by("site_id").values_list("site_id", flat=True).distinct()[:_OFFERED])


def _tags(actor: Actor, beginning: str) -> list[str]:
    return [found.tag for found in tags_visible_to(actor, beginning=beginning, limit=_OFFERED)]


def _of_column(column: str, actor: Actor, beginning: str) -> list[str]:
    found = devices.devices_visible_to(actor).filter(**{f"{column}__istartswith": beginning})
    named = found.exclude(**{column: ""}).order_by(column)
    return list(named.values_list(column, flat=True).distinct()[:_OFFERED])


# Of others there are as many values as devices.
_VALUES: Final[Mapping[str, Callable[[Actor, str], list[str]]]] = {
    "site": _sites,
    "tag": _tags,
    "model": partial(_of_column, "model"),
    "type": partial(_of_column, "device_type"),
    "firmware": partial(_of_column, "firmware_version"),
}


def why(*, group: DeviceGroup, device_uid: str, actor: Actor, now: datetime) -> WhyInGroup:
    """Whether the device is in the group, how each condition stands, and what the journal has.

    Raises NotFound for a device that the actor may not see, or of another tenant.
    """
    device_id, tenant_id = devices.device_keys(actor=actor, uid=device_uid)
    if tenant_id != group.tenant_id:
        raise errors.NotFound
    rows: Any = GroupMember.objects.unscoped("a device found within the actor's scope")
    row: GroupMember | None = rows.filter(group=group, device_id=device_id).first()
    line = journal_of(group=group, actor=actor).filter(device_id=device_id).first()
    since, cause = (None if row is None else row.since), (None if line is None else line.cause)
    if not group.is_dynamic:
        return WhyInGroup(is_member=row is not None, since=since, cause=cause)
    query = definitions.kept(group.query)
    facts = fact_selectors.facts_of([device_id])[device_id]
    verdict = language.explain(query, facts, now)
    return WhyInGroup(
        is_member=verdict.is_met,
        conditions=verdict.leaves(),
        # The journal may not have noticed yet what holds by now.
        since=since if verdict.is_met else None,
        cause=cause,
    )


def try_query(
    *, query: Query, device_uid: str, actor: Actor, now: datetime
) -> tuple[Any, language.Verdict]:
    """A device the actor may see, and how each condition of a query stands for it now.

    Raises NotFound, DeviceArchived.
    """
    device = devices.device_by_uid(actor=actor, uid=device_uid)
    facts = fact_selectors.facts_of([device.pk])[device.pk]
    return device, language.explain(query, facts, now)


def groups_of_device(*, device_uid: str, actor: Actor, now: datetime) -> list[DeviceGroup]:
    """The groups a living device is in now, by name. Raises NotFound, DeviceArchived."""
    device_id, tenant_id = devices.device_keys(actor=actor, uid=device_uid)
    groups = list(groups_visible_to(actor).filter(tenant_id=tenant_id).order_by("name", "pk"))
    rows: Any = GroupMember.objects.unscoped("a device found within the actor's scope")
    named = set(rows.filter(device_id=device_id).values_list("group_id", flat=True))
    facts = fact_selectors.facts_of([device_id])[device_id]
    return [
        group
        for group in groups
        if (
            language.matches(definitions.kept(group.query), facts, now)
            if group.is_dynamic
            else group.pk in named
        )
    ]


def journal_of(
    *,
    group: DeviceGroup,
    actor: Actor,
    device: str | None = None,
    change: str | None = None,
    since: datetime | None = None,
) -> TenantQuerySet[Any]:
    """Lines of the group's journal about devices that the actor may see, newest first."""
    lines: TenantQuerySet[Any] = MembershipEvent.objects.visible_to(actor)
    wanted = {"device__uid": device, "change": change, "at__gte": since}
    given = {name: value for name, value in wanted.items() if value is not None}
    return lines.filter(group=group, **given).select_related("device").order_by("-pk")


def static_groups_of(device_ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    """The static groups that each device is in, by name; within platform-wide work."""
    found: dict[int, list[dict[str, str]]] = {device_id: [] for device_id in device_ids}
    rows: Any = GroupMember.objects.unscoped("devices whose lives end")
    named = rows.filter(device_id__in=device_ids, group__query__isnull=True)
    for device_id, uid, name in named.order_by("group__name").values_list(
        "device_id", "group__uid", "group__name"
    ):
        found[device_id].append({"uid": uid, "name": name})
    return found
