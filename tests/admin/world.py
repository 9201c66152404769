"""A row in every table, in two tenants, and people who look at them in the admin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services import staffing
from devices.models import Device
from kernel.admin import rights
from tests.accounts import people
from tests.factories.users import actor_of
from tests.permissions.world import Side, World

# What a column of the kind takes where nothing better is known.
_VALUES: dict[type[models.Field[Any, Any]], Any] = {
    models.BooleanField: False,
    models.FloatField: 1.0,
    models.BinaryField: b"sealed",
    models.DecimalField: 1,
    models.JSONField: {},
    models.IntegerField: 1,
}
# Constraints that a value by its kind alone would break.
_SPECIAL: dict[str, dict[str, Any]] = {
    "notifications.delivery": {"state": "pending", "finished_at": None},
    "twins.twin": {"is_drifting": False, "drift_since": None, "applied_version": 0},
    "devices.deviceconfig": {"applied_version": 0},
    "devices.devicecredential": {"key_hash": ""},
    "groups.devicegroup": {"kind": "static", "query": None},
}


def model_admins() -> dict[type[models.Model], Any]:
    """Everything that is registered."""
    return dict(admin.site._registry)


def rows_of(model: type[models.Model]) -> Any:
    """All rows, whatever managers leave out."""
    return model._base_manager.all()


def fill(sides: tuple[Side, ...]) -> None:
    """Put a row of each side into every registered table that the services have left empty."""
    for model in model_admins():
        if rows_of(model).exists():
            continue
        for side in sides:
            model._base_manager.bulk_create([made(model, side)])


def made(model: type[models.Model], side: Side) -> models.Model:
    """A row that belongs to the side, as far as its columns can say so."""
    now = timezone.now()
    device = Device.all_objects.unscoped("tests look at everything").get(uid=side.device)
    row = model()
    special = _SPECIAL.get(model._meta.label_lower, {})
    for column in model._meta.concrete_fields:
        if column.name in special:
            value = special[column.name]
        elif column.name in {"tenant_id", "tenant", "chain_id"}:
            setattr(row, column.attname, side.tenant.pk)
            continue
        elif column.name == "device":
            setattr(row, column.attname, device.pk)
            continue
        elif column.is_relation:
            value = None if column.null else _related(column.related_model, side)
            setattr(row, column.attname, getattr(value, "pk", None))
            continue
        elif isinstance(column, models.AutoField) or column.has_default():
            continue
        else:
            value = _value(column, now, side)
        setattr(row, column.attname, value)
    return row


def _related(model: Any, side: Side) -> Any:
    found = rows_of(model)
    names = {field.attname for field in model._meta.concrete_fields}
    if "tenant_id" in names:
        found = found.filter(tenant_id=side.tenant.pk)
    if model is User:
        return side.people["viewer"]
    row = found.first()
    if row is None:
        row = made(model, side)
        model._base_manager.bulk_create([row])
        row = found.first()
    return row


def _value(column: Any, now: datetime, side: Side) -> Any:
    if isinstance(column, models.DateTimeField):
        return now + timedelta(hours=1) if column.name.startswith("expires") else now
    if isinstance(column, models.UUIDField):
        return column.get_default()
    if column.choices:
        return column.choices[0][0]
    for kind, value in _VALUES.items():
        if isinstance(column, kind):
            return value
    if isinstance(column, models.GenericIPAddressField):
        return "192.0.2.1"
    return f"{side.tenant.name}-{column.name}"[: column.max_length or 200]


def make_staff(world: World, user: User, *codenames: str) -> Client:
    """Give a user these permissions (all that can be given without one) and a browser."""
    given = rights.givable()
    if codenames:
        given = given.filter(codename__in=codenames)
        assert given.count() == len(codenames), list(given)
    staffing.make_staff(
        user_id=user.pk,
        group_ids=(),
        permission_ids=[one.pk for one in given],
        actor=actor_of(world.administrator),
        now=timezone.now(),
    )
    return people.browser_of(user, raise_request_exception=False)


def give_everything(user: User) -> None:
    """Every permission there is, past the service: also those that it would not give."""
    user.user_permissions.set(Permission.objects.all())


def list_address(model: type[models.Model]) -> str:
    """Where the list of a model is."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def row_address(row: models.Model) -> str:
    """Where a row is."""
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=(row.pk,))


def deed_address(row: models.Model, name: str) -> str:
    """Where a deed with a row is."""
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_deed", args=(row.pk, name))
