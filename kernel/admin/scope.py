"""Whose rows somebody sees in the admin, and in whose name they act there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from kernel.actors import Actor

# Who runs the installation acts in a tenant as its administrators do; its audit log says who.
_ACTS_AS = "admin"


def actor_of(request: HttpRequest) -> Actor | None:
    """Who looks, with the tenants of this moment; None for who has no session of the product."""
    actor: Actor | None = getattr(request, "actor", None)
    return actor


Look = Callable[[Actor, str, dict[str, Any]], None]
_told_of_looks: list[Look] = []


def tell_of_looks(note: Look) -> None:
    """Have a look at the rows of all tenants written down: who, at what, how it was narrowed."""
    _told_of_looks.append(note)


def looked(request: HttpRequest, model: str, wanted: dict[str, Any]) -> None:
    """Somebody looks at rows of all tenants, which only who runs the platform does."""
    actor = actor_of(request)
    if actor is None or not actor.is_platform_admin or request.method not in {"GET", "HEAD"}:
        return
    for note in _told_of_looks:
        note(actor, model, wanted)


def runs_platform(request: HttpRequest) -> bool:
    """Whether all rows are theirs to see."""
    actor = actor_of(request)
    return actor is not None and actor.is_platform_admin


def within(
    rows: QuerySet[Any], actor: Actor | None, *, tenant_path: str, site_path: str | None
) -> QuerySet[Any]:
    """The rows of the actor's tenants; where the actor is limited to sites, of these only.

    A table that leads to no site (`site_path` None) shows who is limited nothing; an empty path
    says that its rows are the whole tenant's and may be seen by all its members.
    """
    if actor is None or not actor.roles:
        return rows.none()
    whole = actor.tenant_ids - actor.site_limits.keys()
    found = Q(**{f"{tenant_path}__in": whole})
    for tenant_id in actor.tenant_ids & actor.site_limits.keys():
        if site_path is None:
            continue
        mine = Q(**{tenant_path: tenant_id})
        if site_path:
            mine &= Q(**{f"{site_path}__in": actor.site_limits[tenant_id]})
        found |= mine
    return rows.filter(found)


def acting_in(actor: Actor, tenant_id: int | None) -> Actor:
    """The actor in one tenant, as the services and the audit log are to know them.

    Staff have the role they have there. Who runs the platform acts as an administrator of the
    tenant, and a row without a tenant is only theirs.
    """
    if tenant_id is None:
        return replace(actor, via="admin")
    held = actor.roles.get(tenant_id)
    if actor.is_platform_admin and held != "owner":
        held = _ACTS_AS
    roles = {} if held is None else {tenant_id: held}
    limits = {} if actor.is_platform_admin else dict(actor.site_limits)
    return replace(
        actor,
        via="admin",
        roles=MappingProxyType(roles),
        site_limits=MappingProxyType({key: limits[key] for key in limits if key == tenant_id}),
        member_tenants=actor.member_of | roles.keys(),
    )


def by_tenant(rows: Iterable[Any]) -> dict[int | None, list[Any]]:
    """The rows by the tenant they belong to; None for those that belong to none."""
    found: dict[int | None, list[Any]] = {}
    for row in rows:
        found.setdefault(tenant_of(row), []).append(row)
    return found


def tenant_of(row: Any) -> int | None:
    """The tenant of a row, its own or its device's."""
    if hasattr(row, "tenant_id"):
        tenant_id: int | None = row.tenant_id
        return tenant_id
    device = getattr(row, "device", None)
    return None if device is None else device.tenant_id


def paths_of(model: type[models.Model]) -> tuple[str | None, str | None]:
    """How a row leads to its tenant and to its site, where its columns tell."""
    names = {name for field in model._meta.concrete_fields for name in (field.name, field.attname)}
    site = "site_id" if "site_id" in names else "device__site_id" if "device" in names else None
    if "tenant_id" in names:
        return "tenant_id", site
    return ("device__tenant_id", site) if "device" in names else (None, None)
