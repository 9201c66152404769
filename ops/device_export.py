"""The device list as a file: the filter and the columns of the page, in the order of keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exports.registry import Kind
from exports.types import Cell, Column, Page, PageOrder
from kernel.actors import Actor
from ops import device_columns, device_list, forms

KIND: Final = "devices"
# What a device is recognised by is in the file whatever columns the page shows.
ALWAYS: Final = ("uid", "name")


def columns_for(names: Any) -> list[str]:
    """The columns of a file that the page shows these columns of."""
    shown = [column.name for column in device_columns.chosen(names)]
    return [*ALWAYS, *(name for name in shown if name not in ALWAYS)]


def _clean(actor: Actor, choice: Mapping[str, Any]) -> dict[str, str]:
    kept = forms.strict_filter(choice)
    # A query that cannot be meant, or a group that is not there, is refused now and not later.
    device_list.matching(actor, kept)
    return kept


def _count(actor: Actor, tenant_id: int, choice: Mapping[str, Any]) -> int:
    with device_list.bounded():
        found = device_list.matching(actor, choice).filter(tenant_id=tenant_id)
        number: int = found.select_related(None).order_by().count()
        return number


def _page(order: PageOrder) -> Page:
    with device_list.bounded():
        found = device_list.matching(order.actor, order.choice).filter(tenant_id=order.tenant_id)
        if order.after:
            found = found.filter(pk__gt=int(order.after))
        keys = list(
            found.select_related(None).order_by("pk").values_list("pk", flat=True)[: order.limit]
        )
    cards = device_list.cards_of(actor=order.actor, keys=keys, now=order.now)
    cells = [device_columns.COLUMNS[name].cell for name in order.columns]
    rows: list[list[Cell]] = [[cell(card) for cell in cells] for card in cards]
    return Page(rows=rows, after=str(keys[-1]) if len(keys) == order.limit else None)


DEVICES: Final = Kind(
    name=KIND,
    title="Devices",
    columns=tuple(
        Column(name=column.name, title=column.title)
        for column in (device_columns.COLUMNS["uid"], device_columns.NAME)
    )
    + tuple(
        Column(name=column.name, title=column.title)
        for column in device_columns.CHOOSABLE
        if column.name not in ALWAYS
    ),
    clean=_clean,
    count=_count,
    page=_page,
)
