"""The time a query may take, and the facts that are asked of one device."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from devices.models import Device, DeviceTag
from devices.selectors import conditions
from groups.compiling import compile_query
from groups.errors import QueryTooSlow
from groups.fact_selectors import bounded, facts_of
from groups.query import explain, parse_text
from tests.groups.fleets import NOW, random_fleet

pytestmark = [pytest.mark.django_db, pytest.mark.core]
WHY = "tests look at everything"
_ENDLESS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) "
    "SELECT count(*) FROM numbers"
)


def read(statement: str) -> Any:
    """The one value of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_statement_that_does_not_end_is_ended() -> None:
    with pytest.raises(QueryTooSlow), bounded(0.05):
        read(_ENDLESS)

    # The connection goes on, and what comes after is not bounded any more.
    assert read("SELECT 1") == 1
    with bounded(0.05):
        assert read("SELECT 1") == 1
    if connection.vendor == "postgresql":
        assert read("SHOW statement_timeout") == "0"


def test_other_failures_stay_what_they_are() -> None:
    with pytest.raises(ZeroDivisionError), bounded():
        raise ZeroDivisionError


def test_facts_are_what_the_device_has() -> None:
    keys = random_fleet(7, size=12)
    facts = facts_of(keys)
    devices = Device.all_objects.unscoped(WHY).in_bulk(keys)

    assert facts.keys() == set(keys)
    for pk, device in devices.items():
        assert facts[pk].uid == device.uid
        assert facts[pk].site == ("" if device.site is None else device.site.site_id)
        tags = DeviceTag.objects.unscoped(WHY).filter(device=device)
        assert facts[pk].tags == dict(tags.values_list("key", "value"))
        assert facts[pk].capabilities == set(device.capabilities)
    with_twins = [device for device in devices.values() if hasattr(device, "twin")]
    assert with_twins
    for device in with_twins:
        assert facts[device.pk].reported == device.twin.reported
    assert facts_of([]) == {}


def test_facts_of_many_devices_take_two_statements(django_assert_num_queries: Any) -> None:
    keys = random_fleet(8, size=20)

    with django_assert_num_queries(2):
        facts = facts_of(keys)

    query = parse_text("site:* and not last_seen>1h or metric.cpu_percent>5")
    assert len([explain(query, facts[pk], NOW).to_dict() for pk in keys]) == 20


def test_a_query_is_one_statement_without_any_text_of_its_own() -> None:
    wild = "x' OR 1>0 --"
    query = parse_text(f'name:"{wild}" or tag^"{wild}" or reported.mode~"{wild}" or model:"%s"')

    text, values = (
        conditions.lives_by_key([1]).filter(compile_query(query, NOW)).query.sql_with_params()
    )

    assert "OR 1" not in text
    assert {wild, wild.lower(), "%s"} <= {str(value) for value in values}
    assert list(conditions.lives_by_key([1]).filter(compile_query(query, NOW))) == []


def test_ages_are_as_of_the_moment_that_is_given() -> None:
    keys = random_fleet(9, size=30)
    found = conditions.lives_by_key(keys)
    query = parse_text("last_seen>1d")

    now = set(found.filter(compile_query(query, NOW)).values_list("pk", flat=True))
    later = NOW + timedelta(days=2)
    then = set(found.filter(compile_query(query, later)).values_list("pk", flat=True))

    assert now < then
