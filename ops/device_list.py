"""The device list: whom an address means, in which order, and one page of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q

from accounts.permissions import has_role, one_tenant
from commands.registry import TargetDevices
from devices import registry
from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor
from ops import device_columns, forms, keyset, selectors

if TYPE_CHECKING:
    from devices.querysets import DeviceQuerySet
    from ops.device_columns import Column

PAGE_SIZE: Final = 50
# A table of more columns scrolls sideways.
MOST_BESIDE: Final = 6
# Counting ends here: a number that grows with the fleet is not worth a wait on every page.
COUNTED_TO: Final = 10_000
# Beyond as many it is cheaper to read the devices of all and sort them.
MOST_TENANTS: Final = 8
_NARROWINGS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "q": lambda found, text: found.search(text),
    "connectivity": lambda found, value: found.in_connectivity(value),
    "device_class": lambda found, value: found.filter(device_class=value),
    "site": lambda found, value: found.filter(site__site_id=value),
    "simulated": lambda found, value: found.filter(is_simulated=value == "only"),
    "sync": devices.in_sync_state,
}
# Parameters that lists of devices are narrowed by where the groups know what they mean.
_NARROWED_ABOVE: Final = ("group", "query")


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """The head of a column: where a press on it leads, and how the list is ordered by it now."""

    column: Column
    sort: str
    ordered: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DevicePage:
    """One page of the device list, with the places its neighbours begin at."""

    cards: Sequence[selectors.DeviceCard] = ()
    columns: Sequence[Column] = device_columns.DEFAULT
    headings: Sequence[Heading] = ()
    before: str = ""
    after: str = ""
    found: int | None = None

    @property
    def is_more(self) -> bool:
        """Whether there are more than were counted."""
        return self.found is not None and self.found > COUNTED_TO

    @property
    def is_wide(self) -> bool:
        """Whether there are more columns than fit beside each other."""
        return len(self.columns) > MOST_BESIDE


def matching(actor: Actor, choice: Mapping[str, str]) -> DeviceQuerySet:
    """The viewer's living devices that the choice leaves. Read them within `bounded`.

    Raises InvalidQuery for a query that cannot be meant, NotFound for a group that is not there.
    """
    found = devices.devices_visible_to(actor)
    for name, narrow in _NARROWINGS.items():
        if value := choice.get(name):
            found = narrow(found, value)
    for name in _NARROWED_ABOVE:
        if value := choice.get(name):
            found = registry.narrowed(name, found, actor, value)
    return found


def bounded() -> Any:
    """What devices are read within that a query may have narrowed: for two seconds at most."""
    return registry.guarded(("query",))


def device_page(
    *, actor: Actor, chosen: Mapping[str, str], columns: Sequence[str], now: datetime
) -> DevicePage:
    """The page an address means: its filter, its order, and from where on.

    Raises InvalidQuery and QueryTooSlow.
    """
    shown = device_columns.chosen(columns)
    column, is_descending = device_columns.sorting(chosen.get("sort", ""))
    headings = _headings(shown, column, is_descending=is_descending)
    choice = forms.filter_of(chosen)
    with bounded():
        found = matching(actor, choice)
        part = keyset.slice_of(
            found,
            column.order,
            is_descending=is_descending,
            size=PAGE_SIZE,
            after=keyset.place_of(chosen.get("after", ""), column.order),
            before=keyset.place_of(chosen.get("before", ""), column.order),
            parts=_by_tenant(actor),
        )
        number = _count(found, part) if choice else None
    return DevicePage(
        cards=cards_of(actor=actor, keys=part.keys, now=now),
        columns=shown,
        headings=headings,
        before=part.before,
        after=part.after,
        found=number,
    )


def _by_tenant(actor: Actor) -> Sequence[Q]:
    """Indexes begin with the tenant: of the few tenants of a viewer each is read in its order."""
    if actor.is_system or len(actor.tenant_ids) > MOST_TENANTS:
        return ()
    return [Q(tenant_id=tenant_id) for tenant_id in sorted(actor.tenant_ids)]


def cards_of(*, actor: Actor, keys: Sequence[int], now: datetime) -> Sequence[selectors.DeviceCard]:
    """The viewer's devices with these keys, in their order; those that went meanwhile are left out."""
    visible = devices.with_sync(devices.devices_visible_to(actor))
    by_key = visible.in_bulk(keys)
    rows = [by_key[key] for key in keys if key in by_key]
    return [
        replace(card, may_switch=has_role(actor, device.tenant_id, "operator"))
        for card, device in zip(selectors.device_cards(rows, now=now), rows, strict=True)
    ]


def keys_matching(*, actor: Actor, choice: Mapping[str, str], limit: int) -> list[int]:
    """Keys of the devices that match, in order, `limit` of them at most.

    Raises InvalidQuery and QueryTooSlow.
    """
    with bounded():
        found = matching(actor, choice).select_related(None).order_by("pk")
        return list(found.values_list("pk", flat=True)[:limit])


def devices_of_list(actor: Actor, value: Any) -> TargetDevices:
    """The devices of the actor's tenant that the list would show for these parameters.

    Raises TenantRequired, ValidationFailed for a parameter the list does not know.
    """
    if not isinstance(value, dict):
        raise errors.ValidationFailed(details={"/target/list": ["Parameters of the device list."]})
    tenant_id = one_tenant(actor)
    choice = forms.strict_filter(value)
    with bounded():
        found = matching(actor, choice).filter(tenant_id=tenant_id).select_related(None)
        keys = list(found.order_by("pk").values_list("pk", flat=True))
    return TargetDevices(tenant_id=tenant_id, device_ids=keys, label=forms.told(choice))


def _count(found: DeviceQuerySet, part: keyset.Slice) -> int:
    """How many match, as far as it is counted; of what fits on one page nothing is asked."""
    if not part.before and not part.after:
        return len(part.keys)
    number: int = found.order_by().values("pk")[: COUNTED_TO + 1].count()
    return number


def _headings(shown: Sequence[Column], column: Column, *, is_descending: bool) -> list[Heading]:
    return [_heading(one, column, is_descending) for one in (device_columns.NAME, *shown)]


def _heading(one: Column, sorted_by: Column, is_descending: bool) -> Heading:
    if one.name != sorted_by.name:
        return Heading(
            column=one, sort=f"{'-' if one.starts_descending else ''}{one.name}", ordered=""
        )
    return Heading(
        column=one,
        sort=f"{'' if is_descending else '-'}{one.name}",
        ordered="descending" if is_descending else "ascending",
    )
