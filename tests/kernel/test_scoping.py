"""Without an actor there are no rows."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import AuditEntry
from kernel.actors import Actor
from kernel.scoping import TenantManager
from telemetry.models import LatestMetrics, Reading
from tests.audit.entries import record, user

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def rows() -> None:
    record(tenant_id=1, number=1)
    record(tenant_id=2, number=2)


def test_plain_queries_find_nothing() -> None:
    objects = AuditEntry.objects
    assert list(objects.all()) == []
    assert objects.filter(chain_id=1).count() == 0
    assert not objects.exists()
    assert objects.first() is None
    assert objects.values_list("pk").count() == 0
    with pytest.raises(AuditEntry.DoesNotExist):
        objects.get(chain_id=1)


def test_an_actor_finds_its_own_rows_only() -> None:
    found = AuditEntry.objects.visible_to(user(tenants=(1,)))
    assert [entry.tenant_id for entry in found] == [1]


def test_an_actor_without_a_tenant_finds_nothing() -> None:
    assert not AuditEntry.objects.visible_to(user()).exists()


def test_the_system_finds_everything() -> None:
    assert AuditEntry.objects.visible_to(Actor.system("test")).count() == 2


def test_the_exception_wants_its_reason() -> None:
    assert AuditEntry.objects.unscoped("a test counts").count() == 2
    with pytest.raises(ValueError, match="reason"):
        AuditEntry.objects.unscoped("")


@pytest.mark.parametrize("model", [AuditEntry, Reading, LatestMetrics])
def test_the_default_manager_of_tenant_rows_is_scoped(model: Any) -> None:
    assert isinstance(model._default_manager, TenantManager)
