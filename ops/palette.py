"""What the command palette offers: pages, and things found by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.permissions import has_role
from accounts.services import members, tenants
from devices import selectors as devices
from groups import selectors as groups
from kernel.actors import Actor
from ops import navigation, wording
from relays import selectors as relays

LONGEST: Final = 80
_DEVICES: Final = 6
_BOARDS: Final = 3
_RELAYS: Final = 6
_OTHERS: Final = 4
_TENANTS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line: where it leads, or (`kind` is "relay") what it switches."""

    kind: str
    title: str
    detail: str = ""
    icon: str = "chevron"
    url: str = ""
    state: str = ""
    device_uid: str = ""
    relay_index: int | None = None
    is_on: bool | None = None


def pages(*, actor: Actor, is_staff: bool = False) -> list[Entry]:
    """The pages that the viewer may follow, as the sidebar has them."""
    return [
        Entry(
            kind="page",
            title=place.label,
            detail=section.title,
            icon=place.icon,
            url=reverse(place.url_name) if place.url_name else place.address,
        )
        for section in navigation.sections_for(actor, is_staff=is_staff)
        for place in section.destinations
    ]


def found(*, text: str, actor: Actor) -> list[Entry]:
    """Devices with their relays, groups, sites and people that go by the text; of the viewer's."""
    wanted = " ".join(text.split())[:LONGEST]
    if not wanted:
        return []
    searches: tuple[Callable[[str, Actor], Iterator[Entry]], ...] = (
        _devices,
        _groups,
        _sites,
        _people,
    )
    return [entry for search in searches for entry in search(wanted, actor)]


def _devices(text: str, actor: Actor) -> Iterator[Entry]:
    boards, relay_text = _named(text, actor), ""
    first, _, rest = text.partition(" ")
    if not boards and rest:
        # "lobby lamp": the lamp of what is called lobby.
        boards, relay_text = _named(first, actor), rest
    now = timezone.now()
    for device in () if relay_text else boards:
        yield Entry(
            kind="device",
            title=device.name or device.hardware_id,
            detail=_whereabouts(device),
            icon=wording.device_class(device.device_class).icon,
            url=reverse("ops:device", args=(device.uid,)),
            state=devices.connectivity(device, now),
        )
    yield from _relays(boards, relay_text, actor)


def _named(text: str, actor: Actor) -> list[Any]:
    visible = devices.devices_visible_to(actor)
    return list(visible.search(text).select_related("site").order_by("pk")[:_DEVICES])


def _whereabouts(device: Any) -> str:
    known = (wording.device_class(device.device_class).label, device.site and device.site.name)
    return " · ".join(str(part) for part in known if part)


def _relays(boards: list[Any], text: str, actor: Actor) -> Iterator[Entry]:
    mine = [board for board in boards if has_role(actor, board.tenant_id, "operator")][:_BOARDS]
    states = relays.relay_states({board.pk: board.relay_names for board in mine}) if mine else {}
    left = _RELAYS
    for board in mine:
        for relay in states.get(board.pk, ()):
            if left and text.lower() in relay.name.lower():
                left -= 1
                yield Entry(
                    kind="relay",
                    title=relay.name,
                    detail=board.name or board.hardware_id,
                    icon="power",
                    device_uid=board.uid,
                    relay_index=relay.relay_index,
                    is_on=relay.is_on,
                )


def _groups(text: str, actor: Actor) -> Iterator[Entry]:
    visible: QuerySet[Any] = groups.groups_visible_to(actor)
    for group in visible.filter(name__icontains=text).order_by("name", "pk")[:_OTHERS]:
        yield Entry(
            kind="group",
            title=group.name,
            detail="By query" if group.is_dynamic else "By list",
            icon="hybrid",
            url=reverse("ops:group", args=(group.uid,)),
        )


def _sites(text: str, actor: Actor) -> Iterator[Entry]:
    visible: QuerySet[Any] = devices.sites_visible_to(actor)
    by_name = visible.filter(name__icontains=text) | visible.filter(site_id__icontains=text)
    for site in by_name.order_by("name", "pk")[:_OTHERS]:
        yield Entry(
            kind="site",
            title=site.name,
            detail=site.site_id,
            icon="site",
            url=f"{reverse('ops:site', args=(site.site_id,))}?{urlencode({'tenant': site.tenant.uid})}",
        )


def _people(text: str, actor: Actor) -> Iterator[Entry]:
    wanted, left = text.lower(), _OTHERS
    for tenant in tenants.list_tenants(actor=actor)[:_TENANTS]:
        for person in members.list_members(tenant_uid=tenant.uid, actor=actor):
            if left and wanted in f"{person.display_name} {person.email or ''}".lower():
                left -= 1
                yield Entry(
                    kind="person",
                    title=person.display_name or person.email or person.uid,
                    detail=tenant.name,
                    icon="people",
                    url=reverse("ops:member", args=(tenant.uid, person.uid)),
                )
