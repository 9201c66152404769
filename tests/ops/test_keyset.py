"""Pages by keyset: every row once, in the order, whatever the column, the direction and the gaps."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from devices import selectors as devices
from devices.models import Device, DevicePresence, Site
from kernel.actors import Actor
from ops import device_columns, keyset
from ops.keyset import Order, Place
from telemetry.models import LatestMetrics
from tests.factories.users import make_actor, tenant_of
from twins.models import Twin

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
COLUMNS = [device_columns.NAME, *device_columns.CHOOSABLE]
FLEET = 45
SIZE = 7


@pytest.fixture
def owner(db: None) -> Actor:
    """Who owns a fleet with many ties and gaps in every column."""
    actor = make_actor()
    _fill(actor)
    return actor


def _fill(owner: Actor) -> None:
    dice, tenant_id = random.Random(6), tenant_of(owner)
    sites: list[Any] = [None]
    for name in ("Anchor", "Bay"):
        sites.append(
            Site.objects.create(
                site_id=name.lower(), tenant_id=tenant_id, name=name, created_at=NOW
            )
        )

    def some(*values: Any) -> Any:
        return dice.choice(values)

    made = Device.all_objects.bulk_create(
        [
            Device(
                uid=f"u{number:03}", hardware_id=f"hw{number}", tenant_id=tenant_id,
                pairing="paired", name=some("", "Oven", "oven", "Öl", "Lamp, 'x'"),
                device_class=some("server", "sensor_node"), device_type=some("", "a"),
                model=some("", "HP-R4"), firmware_version="1", firmware_order=some("", "a", "b"),
                relay_count=some(0, 4), tags=some([], ["a"], ["a", "b"]), site=some(*sites),
                device_id="", epoch=some(1, 2), created_at=NOW - timedelta(days=some(1, 2)),
                claimed_at=some(None, NOW, NOW - timedelta(microseconds=1)),
            )
            for number in range(FLEET)
        ]
    )  # fmt: skip
    for device in made:
        seen = some(None, NOW, NOW - timedelta(microseconds=3))
        DevicePresence.objects.create(
            device=device, tenant_id=tenant_id, last_seen_at=seen,
            is_online=(online := seen is not None and some(True, False)),
            offline_due_at=NOW if online else None,
        )  # fmt: skip
        if some(True, False):
            metrics = some(
                {}, {"cpu_percent": 12.5}, {"cpu_percent": 7}, {"cpu_percent": 0.1 + 0.2}
            )
            LatestMetrics.objects.create(
                device=device, tenant_id=tenant_id, metrics=metrics, at=NOW, received_at=NOW
            )
        if some(True, False):
            since = some(None, NOW, NOW - timedelta(1))
            Twin.objects.create(
                device=device,
                tenant_id=tenant_id,
                updated_at=NOW,
                drift_since=since,
                is_drifting=since is not None,
            )


@pytest.mark.core
@pytest.mark.parametrize("is_descending", [False, True], ids=["up", "down"])
def test_pages_forwards_and_backwards_are_the_whole_list_in_its_order(
    owner: Actor, is_descending: bool
) -> None:
    for column in COLUMNS:
        _walk(owner, column, is_descending=is_descending)


def _walk(owner: Actor, column: device_columns.Column, *, is_descending: bool) -> None:
    found = devices.devices_visible_to(owner)
    whole = keyset.slice_of(found, column.order, is_descending=is_descending, size=FLEET).keys
    assert len(whole) == FLEET == len(set(whole))
    assert _values_in_order(owner, whole, column.order, is_descending=is_descending)

    forwards: list[list[int]] = []
    after = None
    while True:
        part = keyset.slice_of(
            found, column.order, is_descending=is_descending, size=SIZE, after=after
        )
        assert bool(part.before) == bool(forwards)
        forwards.append(part.keys)
        last = part
        if not part.after:
            break
        after = keyset.place_of(part.after, column.order)
    assert [key for keys in forwards for key in keys] == whole

    backwards = [last.keys]
    while last.before:
        last = keyset.slice_of(
            found,
            column.order,
            is_descending=is_descending,
            size=SIZE,
            before=keyset.place_of(last.before, column.order),
        )
        backwards.insert(0, last.keys)
    assert [key for keys in backwards for key in keys] == whole


def _values_in_order(
    owner: Actor, keys: Sequence[int], order: Order, *, is_descending: bool
) -> bool:
    """Those without a value last; ties by their keys. Texts the database orders by its own rules."""
    rows = devices.devices_visible_to(owner).annotate(value=order.expression)
    values = dict(rows.values_list("pk", "value"))
    shown = [values[key] for key in keys]
    have = [value for value in shown if value is not None]
    assert shown == have + [None] * (len(shown) - len(have))
    for one, other, first, second in zip(keys, keys[1:], shown, shown[1:], strict=False):
        if first == second:
            assert (one > other) == is_descending
        elif not isinstance(first, str) and second is not None:
            assert (first > second) == is_descending
    return True


@pytest.mark.core
@pytest.mark.parametrize("is_descending", [False, True], ids=["up", "down"])
def test_pages_of_parts_are_those_of_the_whole(owner: Actor, is_descending: bool) -> None:
    found = devices.devices_visible_to(owner)
    parts = [Q(device_class="server"), Q(device_class="sensor_node"), Q(device_class="none")]
    for order in (column.order for column in COLUMNS if column.order.has_index):
        after = None
        while True:
            chosen: dict[str, Any] = {"is_descending": is_descending, "size": SIZE, "after": after}
            part = keyset.slice_of(found, order, parts=parts, **chosen)
            assert part == keyset.slice_of(found, order, **chosen)
            if not part.after:
                break
            after = keyset.place_of(part.after, order)


@pytest.mark.django_db
def test_rows_that_come_and_go_shift_no_page(owner: Actor) -> None:
    found, order = devices.devices_visible_to(owner), device_columns.NAME.order
    first = keyset.slice_of(found, order, is_descending=False, size=SIZE)
    rest = keyset.slice_of(
        found, order, is_descending=False, size=FLEET, after=keyset.place_of(first.after, order)
    )
    rows = Device.all_objects.unscoped("a test")
    rows.filter(pk=first.keys[-1]).update(is_active=False, pairing="unpaired")
    again = keyset.slice_of(
        found, order, is_descending=False, size=FLEET, after=keyset.place_of(first.after, order)
    )
    assert again.keys == rest.keys


_VALUES: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=100),
    int: st.integers(-(2**63) + 1, 2**63 - 1),
    float: st.floats(allow_nan=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


@given(st.data(), st.sampled_from([str, int, float, datetime]), st.integers(1, 2**63 - 1))
def test_a_place_comes_back_from_the_address_as_it_was(
    data: st.DataObject, of: type[str], pk: int
) -> None:
    value = data.draw(st.none() | _VALUES[of])
    order = Order(expression=None, type=of, may_lack=True)
    assert keyset.place_of(Place(value=value, pk=pk).written(), order) == Place(value=value, pk=pk)


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.hex()))
def test_an_address_that_somebody_made_up_is_no_place_or_a_sound_one(text: str) -> None:
    for of in (str, int, float, datetime):
        place = keyset.place_of(text, Order(expression=None, type=of))
        assert place is None or isinstance(place.pk, int)


@pytest.mark.parametrize(
    "pair", ['["a",1.5]', '["\\u0000",1]', "[null,1]", '["a",-1]', "[1]", "[[]]"]
)
def test_a_place_of_another_kind_is_none(pair: str) -> None:
    text = base64.urlsafe_b64encode(pair.encode()).rstrip(b"=").decode()
    assert keyset.place_of(text, Order(expression=None)) is None
