"""Tenant scope at the queryset root: without an actor there are no rows."""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar

from django.db import models

from kernel.actors import Actor

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M]):
    """Rows that belong to a tenant through the column `tenant_id`."""

    def visible_to(self, actor: Actor) -> Self:
        """Rows of the actor's tenants and, where it is restricted, of its sites' devices."""
        if actor.is_system:
            return self
        if not actor.roles:
            return self.none()
        if actor.site_limits:
            return self.filter(self._within_limits(actor))
        return self.filter(tenant_id__in=actor.tenant_ids)

    def _within_limits(self, actor: Actor) -> models.Q:
        whole = actor.tenant_ids - actor.site_limits.keys()
        found = models.Q(tenant_id__in=whole)
        lookup = self._site_lookup()
        for tenant_id in actor.tenant_ids & actor.site_limits.keys():
            within = models.Q(tenant_id=tenant_id)
            if lookup:
                within &= models.Q(**{f"{lookup}__in": actor.site_limits[tenant_id]})
            found |= within
        return found

    def _site_lookup(self) -> str:
        """How a row leads to its site; rows that belong to no device or site have none."""
        names = {field.name for field in self.model._meta.get_fields()}
        if "site" in names:
            return "site_id"
        return "device__site_id" if "device" in names else ""


class TenantManager(models.Manager[M], Generic[M]):
    """A manager that fails closed: `all()` and `filter()` find nothing.

    `visible_to(actor)` is the way in. `unscoped(why)` is the named exception for work that is
    not on behalf of one tenant; its sentence is there for the reader and for grep.
    """

    queryset_class: type[TenantQuerySet[Any]] = TenantQuerySet

    def get_queryset(self) -> Any:
        """No rows, whatever is asked of them."""
        return self.queryset_class(self.model, using=self._db).none()

    def visible_to(self, actor: Actor) -> Any:
        """Rows the actor may see."""
        return self.unscoped("the queryset narrows itself").visible_to(actor)

    def unscoped(self, why: str) -> Any:
        """All rows; `why` says what makes that right."""
        if not why:
            raise ValueError("unscoped() wants its reason.")
        return self.queryset_class(self.model, using=self._db)

    def create(self, **values: Any) -> M:
        """Insert one row."""
        created: M = self.unscoped("an insert reads nothing").create(**values)
        return created

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[M]:
        """Insert many rows."""
        made: list[M] = self.unscoped("an insert reads nothing").bulk_create(objs, *args, **kwargs)
        return made
