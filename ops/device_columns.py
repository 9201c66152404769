"""The columns of the device list: what each is called, ordered by and written as into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db.models import Case, F, FloatField, IntegerField, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from ops.keyset import Order

if TYPE_CHECKING:
    from exports.types import Cell
    from ops.selectors import DeviceCard

# Of those that are online the ones heard last are listed with them: stale ones become offline soon.
_STATUS: Final = Case(
    When(presence__last_seen_at__isnull=True, then=Value(2)),
    When(presence__is_online=True, then=Value(0)),
    default=Value(1),
    output_field=IntegerField(),
)
_CPU: Final = Cast(KeyTextTransform("cpu_percent", "latest_metrics__metrics"), FloatField())


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column; `shown_as` names the template of its cell, `cell` is what a file has of it."""

    name: str
    title: str
    order: Order
    cell: Callable[[DeviceCard], Cell]
    shown_as: str = "text"
    is_default: bool = False
    starts_descending: bool = False


def _plain(attribute: str) -> Callable[[DeviceCard], Cell]:
    def cell(card: DeviceCard) -> Cell:
        found: Cell = getattr(card, attribute)
        return found

    return cell


def _relays(card: DeviceCard) -> Cell:
    said = {True: "on", False: "off", None: "unknown"}
    return "|".join(f"{relay.name}={said[relay.is_on]}" for relay in card.relays)


def _load(card: DeviceCard) -> Cell:
    if card.reading is None:
        return None
    return "|".join(f"{gauge.meter.label}={gauge.text}" for gauge in card.reading.in_list)


def _text(
    name: str, title: str, path: str = "", *, shown_as: str = "text", may_lack: bool = False
) -> Column:
    return Column(
        name=name,
        title=title,
        order=Order(expression=F(path or name), may_lack=may_lack),
        cell=_plain(name),
        shown_as=shown_as,
    )


def _moment(name: str, title: str, path: str, attribute: str, *, may_lack: bool) -> Column:
    return Column(
        name=name,
        title=title,
        order=Order(expression=F(path), type=datetime, may_lack=may_lack),
        cell=_plain(attribute),
        shown_as="moment",
        starts_descending=True,
    )


# The name is always the first: it is what a row is recognised by.
NAME: Final = Column(
    name="name",
    title="Device",
    order=Order(expression=F("name"), has_index=True),
    cell=_plain("name"),
)
CHOOSABLE: Final[tuple[Column, ...]] = (
    Column(
        name="status",
        title="Status",
        order=Order(expression=_STATUS, type=int),
        cell=_plain("connectivity"),
        shown_as="status",
        is_default=True,
    ),
    Column(
        name="relays",
        title="Relays",
        order=Order(expression=F("relay_count"), type=int),
        cell=_relays,
        shown_as="relays",
        is_default=True,
        starts_descending=True,
    ),
    Column(
        name="load",
        title="Load",
        order=Order(expression=_CPU, type=float, may_lack=True),
        cell=_load,
        shown_as="load",
        is_default=True,
        starts_descending=True,
    ),
    Column(
        name="firmware",
        title="Firmware",
        order=Order(expression=F("firmware_order"), has_index=True),
        cell=_plain("firmware_version"),
        shown_as="firmware",
        is_default=True,
    ),
    Column(
        name="last_seen",
        title="Last seen",
        order=Order(expression=F("presence__last_seen_at"), type=datetime, may_lack=True),
        cell=_plain("last_seen_at"),
        shown_as="seen",
        is_default=True,
        starts_descending=True,
    ),
    Column(
        name="site",
        title="Site",
        order=Order(expression=F("site__name"), may_lack=True),
        cell=_plain("site"),
        shown_as="site",
    ),
    Column(
        name="tags",
        title="Tags",
        order=Order(expression=Cast("tags", TextField())),
        cell=lambda card: "|".join(card.tags),
        shown_as="tags",
    ),
    Column(
        name="sync",
        title="Drift since",
        order=Order(expression=F("twin__drift_since"), type=datetime, may_lack=True),
        cell=_plain("sync"),
        shown_as="sync",
    ),
    _text("device_class", "Class", shown_as="class"),
    _text("device_type", "Type"),
    _text("model", "Model"),
    _text("uid", "Id", shown_as="code"),
    _text("device_id", "Own id", shown_as="code"),
    _text("hardware_id", "Hardware", shown_as="code"),
    Column(
        name="epoch",
        title="Life",
        order=Order(expression=F("epoch"), type=int),
        cell=_plain("epoch"),
        shown_as="number",
        starts_descending=True,
    ),
    _moment("claimed", "Claimed", "claimed_at", "claimed_at", may_lack=True),
    _moment("created", "Made known", "created_at", "created_at", may_lack=False),
)
COLUMNS: Final = {column.name: column for column in (NAME, *CHOOSABLE)}
DEFAULT: Final = tuple(column for column in CHOOSABLE if column.is_default)
DEFAULT_SORT: Final = "name"


def chosen(names: Iterable[str]) -> Sequence[Column]:
    """The columns of these names in the order of the list; the usual ones for none that is known."""
    wanted = set(names)
    return tuple(column for column in CHOOSABLE if column.name in wanted) or DEFAULT


def sorting(text: str) -> tuple[Column, bool]:
    """The column a sort names, and whether it is descending (`-name`); by name for any other."""
    column = COLUMNS.get(text.removeprefix("-"))
    if column is None:
        return NAME, False
    return column, text.startswith("-")
