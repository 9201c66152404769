"""Compiled statements do what the ORM's own would do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import DateTimeField
from django.test.utils import CaptureQueriesContext

from kernel.compiled import Insert, Select, Slot, Update, key_slot
from kernel.models import LiveEvent

pytestmark = [pytest.mark.core, pytest.mark.django_db]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

_OF_TENANT = Select(lambda: LiveEvent.objects.filter(tenant_id=Slot("tenant_id")).order_by("seq"))
_SEQS_BEFORE = Select(
    lambda: (
        LiveEvent.objects.filter(at__lt=Slot("at", DateTimeField()))
        .order_by("seq")
        .values_list("seq", "at")
    )
)
_OF_TENANTS = Select(
    lambda count: LiveEvent.objects.filter(
        tenant_id__in=[key_slot(number) for number in range(count)]
    ).values_list("tenant_id")
)
_ONE = Update(lambda: LiveEvent.objects.filter(tenant_id=Slot("tenant_id"), seq=Slot("seq")))
_INSERT = Insert(LiveEvent)


def event(seq: int, *, tenant_id: int = 1, payload: Any = None) -> LiveEvent:
    at = NOW + timedelta(seconds=seq)
    return LiveEvent(tenant_id=tenant_id, seq=seq, kind="k", payload=payload or {}, at=at)


def test_inserted_rows_read_back_as_equal_instances() -> None:
    made = _INSERT.one(event(1, payload={"deep": [1, None, "ü"]}))
    _INSERT.many([event(2), event(3)])

    found = _OF_TENANT.rows(tenant_id=1)

    assert found == list(LiveEvent.objects.order_by("seq"))
    assert found[0].pk == made.pk
    assert found[0].payload == {"deep": [1, None, "ü"]}
    assert found[0].at == made.at
    assert not found[0]._state.adding


def test_each_call_binds_its_own_values() -> None:
    _INSERT.many([event(1, tenant_id=1), event(1, tenant_id=2)])

    assert [row.tenant_id for row in _OF_TENANT.rows(tenant_id=2)] == [2]
    assert [row.tenant_id for row in _OF_TENANT.rows(tenant_id=1)] == [1]
    assert _OF_TENANT.first(tenant_id=3) is None


def test_a_time_is_bound_and_read_with_its_zone() -> None:
    _INSERT.many([event(1), event(2)])

    assert _SEQS_BEFORE.rows(at=NOW + timedelta(seconds=2)) == [(1, NOW + timedelta(seconds=1))]


@pytest.mark.parametrize(("wanted", "found"), [([], set()), ([1], {1}), ([1, 3], {1, 3})])
def test_the_number_of_keys_makes_statements_of_their_own(
    wanted: list[int], found: set[int]
) -> None:
    _INSERT.many([event(1, tenant_id=number) for number in (1, 2, 3)])
    values = {f"key_{number}": key for number, key in enumerate(wanted)}

    assert {tenant for (tenant,) in _OF_TENANTS.rows(len(wanted), **values)} == found


def test_an_update_tells_how_many_rows_it_found() -> None:
    _INSERT.many([event(1)])

    assert _ONE.run(where={"tenant_id": 1, "seq": 1}, payload={"new": True}, kind="x") == 1
    assert _ONE.run(where={"tenant_id": 1, "seq": 9}, kind="y") == 0
    assert LiveEvent.objects.values_list("payload", "kind").get() == ({"new": True}, "x")


def test_many_rows_go_in_few_statements() -> None:
    with CaptureQueriesContext(connection) as queries:
        _INSERT.many([event(seq) for seq in range(250)])

    assert len(queries) == 3
    assert LiveEvent.objects.count() == 250


def test_a_failed_write_spoils_its_transaction_as_the_orm_has_it() -> None:
    _INSERT.many([event(1)])

    with transaction.atomic():
        with pytest.raises(IntegrityError):
            _INSERT.many([event(1)])
        assert connection.needs_rollback
        connection.set_rollback(False)
        transaction.set_rollback(True)


def test_a_value_that_is_not_brought_stops_the_call() -> None:
    with pytest.raises(KeyError):
        _OF_TENANT.rows()
    with pytest.raises(KeyError):
        _OF_TENANTS.rows(2, key_0=1)
