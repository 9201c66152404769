"""What a tenant's rows are, so that a change of any of them shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from accounts.models import Tenant, User
from devices.models import Device
from tests.permissions.world import Side
from tests.services import ROOT


def digest_of(side: Side) -> dict[str, str]:
    """A digest of the side's rows of every table: its tenant's, its devices' and its people's."""
    return digest_of_tenant(side.tenant.pk, [user.pk for user in side.people.values()])


def digest_of_tenant(tenant_id: int, people: Sequence[int] = ()) -> dict[str, str]:
    """The same by primary keys."""
    devices = _rows(Device).filter(tenant_id=tenant_id).values_list("pk", flat=True)
    by_column = {"tenant_id": [tenant_id], "device_id": list(devices), "user_id": list(people)}
    found = {}
    for model in _models():
        if model is Tenant:
            rows = _rows(model).filter(pk=tenant_id)
        elif model is User:
            rows = _rows(model).filter(pk__in=people)
        else:
            columns = {field.attname for field in model._meta.concrete_fields}
            column = next((name for name in by_column if _is_key(model, name, columns)), None)
            if column is None:
                continue
            rows = _rows(model).filter(**{f"{column}__in": by_column[column]})
        told = repr(list(rows.order_by("pk").values_list()))
        found[model._meta.label] = hashlib.sha256(told.encode()).hexdigest()
    return found


def _models() -> list[type[Model]]:
    return [
        model
        for config in apps.get_app_configs()
        if config.path.startswith(str(ROOT)) and ".venv" not in config.path
        for model in config.get_models()
    ]


def _is_key(model: type[Model], name: str, columns: set[str]) -> bool:
    # A device's own column `device_id` is what its site calls it.
    return name in columns and not (model is Device and name == "device_id")


def _rows(model: type[Model]) -> QuerySet[Any]:
    # Past the scoped managers: the digest is of the table.
    return QuerySet(model)
